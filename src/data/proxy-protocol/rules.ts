// Whether a connection of a bind begins with a PROXY header, and whose header is believed. A unix socket has no networks:
// whoever its permissions let in is believed.
import type { ProxyBindSpec } from '../../messages/snapshot.ts'
import type { Millis } from '../../model/units.ts'
import { compileNetworks, type Networks } from '../clients/networks.ts'

export class ProxyRules {
  /** No header, no connection. */
  readonly required: boolean
  /** For the whole header. */
  readonly timeout: Millis
  readonly #from: Networks | null

  constructor({ mode, from, timeout }: ProxyBindSpec) {
    this.required = mode === 'required'
    this.timeout = timeout
    this.#from = compileNetworks(from)
  }

  /** @param address as peerAddress has it. */
  trusts(address: string | null): boolean {
    return address === null || (this.#from !== null && this.#from(address))
  }
}

export const compileProxyRules = (spec: ProxyBindSpec | null): ProxyRules | null =>
  spec === null ? null : new ProxyRules(spec)
