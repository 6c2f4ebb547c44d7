// The other end of a client's connection: what its PROXY header says of it, or else what the socket does. Address and port are
// what rules, hashes, sessions and logs go by. All else is looked up when somebody asks: servers that want a PROXY header
// of their own, and the access log.
import { randomBytes } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { jsonText } from '../access-log/text.ts'
import type { Wire } from '../io/socket-owner.ts'
import { plainAddress } from '../io/address.ts'
import { serverNameOf } from '../key/origin.ts'
import type { Endpoint, ProxyHeader } from './header.ts'

/** Bytes of an id of ours. */
const ID_LENGTH = 16

export class Peer {
  /** A literal, or NO_ADDRESS for a unix socket. */
  readonly address: string
  readonly port: number
  /** Null: none came, or none was read. */
  readonly header: ProxyHeader | null
  readonly #socket: Wire
  /** Of who sent the header; '' when none did. */
  readonly #sender: string
  #uniqueId: string

  /** @param socket open, and with TLS the one that terminates it */
  constructor(socket: Wire, header: ProxyHeader | null) {
    const own = plainAddress(socket.remoteAddress)
    const source = header === null ? null : header.source
    this.address = source === null ? own : source.address
    this.port = source === null ? (socket.remotePort ?? 0) : source.port
    this.header = header
    this.#socket = socket
    this.#sender = header === null ? '' : own
    this.#uniqueId = header === null || header.tlvs === null ? '' : header.tlvs.uniqueId
  }

  /** A tier above speaks for itself: its health check. */
  get isLocal(): boolean {
    return this.header !== null && this.header.local
  }

  /** Where the client connected to. */
  get destination(): Endpoint {
    const { localAddress, localPort } = this.#socket
    return this.header?.destination ?? { address: plainAddress(localAddress), port: localPort ?? 0 }
  }

  /** The name that the client asked for (SNI); '' without one, or where no TLS of this connection is known. */
  get serverName(): string {
    return serverNameOf(this.#socket) || (this.header?.tlvs?.authority ?? '')
  }

  get alpn(): string {
    const own = this.#secure?.alpnProtocol
    return typeof own === 'string' ? own : (this.header?.tlvs?.alpn ?? '')
  }

  /** The client's TLS, with us or with the tier above; null: none. */
  get tls(): { readonly version: string; readonly cipher: string } | null {
    const own = this.#secure
    if (own !== null) return { version: own.getProtocol() ?? '', cipher: own.getCipher()?.name ?? '' }
    const told = this.header?.tlvs?.tls ?? null
    return told !== null && told.encrypted ? told : null
  }

  get #secure(): TLSSocket | null {
    return 'encrypted' in this.#socket ? (this.#socket as unknown as TLSSocket) : null
  }

  /** Of the connection, in hexadecimal: that of the tier above, or one of our own. */
  get uniqueId(): string {
    if (this.#uniqueId === '') this.#uniqueId = randomBytes(ID_LENGTH).toString('hex')
    return this.#uniqueId
  }

  /** What the access log adds, as members of a JSON object, each with a comma before it; '' for most connections. */
  get logText(): string {
    if (this.header === null && this.#uniqueId === '') return ''
    const { tlvs } = this.header ?? { tlvs: null }
    return (
      member('proxy', this.#sender) +
      member('unique_id', this.#uniqueId) +
      (tlvs === null
        ? ''
        : member('authority', tlvs.authority) +
          member('alpn', tlvs.alpn) +
          member('tls_version', tlvs.tls?.version ?? '') +
          member('tls_cipher', tlvs.tls?.cipher ?? '') +
          member('tls_client', tlvs.tls?.verified === true ? tlvs.tls.commonName : '') +
          member('netns', tlvs.netns) +
          member('vpc_endpoint', tlvs.vpcEndpoint) +
          member('azure_link', tlvs.azure))
    )
  }
}

const member = (key: string, value: string): string => (value === '' ? '' : `,"${key}":"${jsonText(value)}"`)
