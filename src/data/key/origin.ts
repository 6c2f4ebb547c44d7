// What a client's connection as a whole brings to the keys of its requests: its address and the server name of its TLS
// handshake. Made for the first request that needs it, and kept with the connection, so that a request on a kept-alive
// connection hashes neither again.
import type { TLSSocket } from 'node:tls'
import { networkText } from '../../balance/address.ts'
import { hashNetwork } from '../../balance/hash.ts'
import type { KeyPart } from '../../model/balancers.ts'
import type { Wire } from '../io/socket-owner.ts'
import { NO_ADDRESS } from '../io/address.ts'

/** A connection that can be asked for a key. */
export interface KeyedClient {
  readonly address: string
  readonly socket: Wire
  /** Null until originOf is called. */
  origin: Origin | null
}

const NOTHING = new Uint8Array(0)

export class Origin {
  readonly #address: string
  /** Lower-cased; empty when the client said none. */
  readonly serverName: Uint8Array
  // For the part that was asked for last: nearly always the only one.
  #hashPart: KeyPart | null = null
  #hash = 0
  #textPart: KeyPart | null = null
  #text = NOTHING

  /** @param address as plainAddress has it. @param serverName '': none */
  constructor(address: string, serverName: string) {
    this.#address = address
    this.serverName = serverName === '' ? NOTHING : Buffer.from(serverName.toLowerCase(), 'latin1')
  }

  /** False for a client of a unix socket. */
  get hasAddress(): boolean {
    return this.#address !== NO_ADDRESS
  }

  /** Hash of the address, as far as the part lets it count. */
  networkHash(part: KeyPart): number {
    if (part !== this.#hashPart) {
      this.#hashPart = part
      this.#hash = hashNetwork(this.#address, part.prefix4, part.prefix6)
    }
    return this.#hash
  }

  /** The same as text; empty without an address. */
  networkText(part: KeyPart): Uint8Array {
    if (part !== this.#textPart) {
      this.#textPart = part
      const text = this.hasAddress ? networkText(this.#address, part.prefix4, part.prefix6) : ''
      this.#text = Buffer.from(text, 'latin1')
    }
    return this.#text
  }
}

/** The origin of a connection without TLS, or with TLS that Weir has terminated. */
export const originOf = (client: KeyedClient): Origin =>
  (client.origin ??= new Origin(client.address, serverNameOf(client.socket)))

/** The name by which a client asked for us (SNI); '' without one, or without TLS. */
export function serverNameOf(socket: Wire): string {
  const { servername } = socket as Partial<Pick<TLSSocket, 'servername'>>
  return typeof servername === 'string' ? servername : ''
}
