// The source of a connection from a trusted proxy: its place, its connections and their rate are the proxy's, while each
// request is that of the client that the proxy speaks for, and is held against the rules as if that one had come itself.
import type { ReasonCode } from '../../model/reasons.ts'
import type { Source } from './source.ts'

/** What is asked of the rules for each request. */
export interface RequestRules {
  denies(address: string): boolean
  exempts(address: string): boolean
  allowRequestOf(address: string, now: number): number
}

export class ProxySource implements Source {
  exempt = false
  readonly #rules: RequestRules
  readonly #own: Source
  #client: string

  /** @param own of the proxy's connection. @param address of the proxy, which is the client as long as it names none */
  constructor(rules: RequestRules, own: Source, address: string) {
    this.#rules = rules
    this.#own = own
    this.#client = address
    this.exempt = own.exempt
  }

  speakFor(address: string): ReasonCode | null {
    this.#client = address
    this.exempt = this.#rules.exempts(address)
    return this.#rules.denies(address) ? 'source_denied' : null
  }

  allowRequest(now: number): number {
    return this.exempt ? 0 : this.#rules.allowRequestOf(this.#client, now)
  }

  close(): void {
    this.#own.close()
  }
}
