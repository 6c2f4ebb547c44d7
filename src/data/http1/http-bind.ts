// What the requests of one bind are forwarded with: the strings that tell a server of client and bind, made once per
// client address and not per connection, because one client often has many.
import type { BindSpec } from '../../messages/snapshot.ts'
import type { IdentityFields } from '../../messages/tls.ts'
import { TELLS_PROTO } from './client-address.ts'
import { DROP_FORWARDED, DROP_FORWARDED_FOR, type RequestForwarding } from './forward.ts'
import type { HttpFrontend } from './frontend.ts'
import { hstsLine } from './hsts.ts'

/** Addresses that are remembered at a time. */
const MAX_ADDRESSES = 1024

export class HttpBind {
  frontend: HttpFrontend
  tls: boolean
  /** Line of Strict-Transport-Security, with its CRLF; '': none. */
  hsts: string
  /** Names of the fields that tell servers who the client is; null: they are not told. */
  identityFields: IdentityFields | null
  readonly #defaultHost: string
  readonly #port: number
  readonly #byAddress = new Map<string, RequestForwarding>()

  /** @param port the one that it listens on, also when the configuration left that to the system */
  constructor(frontend: HttpFrontend, bind: BindSpec, port: number) {
    this.frontend = frontend
    this.tls = bind.tls !== null
    this.hsts = hstsLine(bind.tls?.hsts ?? null)
    this.identityFields = bind.tls?.clientAuth?.fields ?? null
    this.#port = port
    this.#defaultHost =
      bind.host === null ? 'localhost' : `${bind.host.includes(':') ? `[${bind.host}]` : bind.host}:${port}`
  }

  /** Goes by another configuration, from the next request of each connection on. */
  follow(frontend: HttpFrontend, bind: BindSpec): void {
    this.frontend = frontend
    this.tls = bind.tls !== null
    this.hsts = hstsLine(bind.tls?.hsts ?? null)
    this.identityFields = bind.tls?.clientAuth?.fields ?? null
    this.#byAddress.clear()
  }

  /**
   * @param address that X-Forwarded-For ends with
   * @param tells what a trusted peer tells of the client's protocol and port (client-address.ts): it is kept
   * @param identity lines of the fields that tell who the client is. They are of one connection, so what is made of them is
   * not remembered here
   */
  forwardingFor(address: string, tells: number, identity: string): RequestForwarding {
    if (identity !== '') return this.#make(address, tells, identity)
    const key = tells === 0 ? address : `${tells} ${address}`
    const known = this.#byAddress.get(key)
    if (known !== undefined) return known
    if (this.#byAddress.size === MAX_ADDRESSES) this.#byAddress.clear()
    const made = this.#make(address, tells, '')
    this.#byAddress.set(key, made)
    return made
  }

  #make(address: string, tells: number, identity: string): RequestForwarding {
    const { requestIds, spec } = this.frontend
    const mode = spec.forward.xForwarded
    const lines = mode === 'append' || mode === 'replace' ? this.#lines(address, tells) : ''
    const forwarded = lines + identity
    const drops = lines !== '' && tells !== 0 ? DROP_FORWARDED_FOR : DROP_FORWARDED
    return {
      drops: mode === 'preserve' ? 0 : drops,
      forwarded,
      appends: mode === 'append',
      forwardedWithId: requestIds === null ? forwarded : `${forwarded}X-Request-ID: ${requestIds.prefix}`,
      via: spec.forward.via,
      defaultHost: this.#defaultHost,
    }
  }

  /** What the peer does not tell is added, but never a port of ours beside a protocol of its. */
  #lines(address: string, tells: number): string {
    const proto = (tells & TELLS_PROTO) === 0 ? `X-Forwarded-Proto: ${this.tls ? 'https' : 'http'}\r\n` : ''
    const port = tells === 0 ? `X-Forwarded-Port: ${this.#port}\r\n` : ''
    return `X-Forwarded-For: ${address}\r\n${proto}${port}`
  }
}
