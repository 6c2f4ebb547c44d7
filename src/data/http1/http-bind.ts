// What the requests of one bind are forwarded with: the strings that tell a server of client and bind, made once per
// client address and not per connection, because one client often has many.
import type { BindSpec } from '../../messages/snapshot.ts'
import type { RequestForwarding } from './forward.ts'
import type { HttpFrontend } from './frontend.ts'

/** Addresses that are remembered at a time. */
const MAX_ADDRESSES = 1024

export class HttpBind {
  readonly frontend: HttpFrontend
  readonly tls: boolean
  readonly #defaultHost: string
  readonly #port: number
  readonly #byAddress = new Map<string, RequestForwarding>()

  /** @param port the one that it listens on, also when the configuration left that to the system */
  constructor(frontend: HttpFrontend, bind: BindSpec, port: number) {
    this.frontend = frontend
    this.tls = bind.tls !== null
    this.#port = port
    this.#defaultHost =
      bind.host === null ? 'localhost' : `${bind.host.includes(':') ? `[${bind.host}]` : bind.host}:${port}`
  }

  forwardingFor(address: string): RequestForwarding {
    const known = this.#byAddress.get(address)
    if (known !== undefined) return known
    if (this.#byAddress.size === MAX_ADDRESSES) this.#byAddress.clear()
    const made = this.#make(address)
    this.#byAddress.set(address, made)
    return made
  }

  #make(address: string): RequestForwarding {
    const { requestIds, spec } = this.frontend
    const lines =
      `X-Forwarded-For: ${address}\r\n` +
      `X-Forwarded-Proto: ${this.tls ? 'https' : 'http'}\r\nX-Forwarded-Port: ${this.#port}\r\n`
    const forwarded = spec.forward.xForwarded === 'append' ? lines : ''
    return {
      forwarded,
      forwardedWithId: requestIds === null ? forwarded : `${forwarded}X-Request-ID: ${requestIds.prefix}`,
      via: spec.forward.via,
      defaultHost: this.#defaultHost,
    }
  }
}
