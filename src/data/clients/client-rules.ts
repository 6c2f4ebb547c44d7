// Who may connect to a frontend, and how much one source may ask for: the rules, compiled, in the order in which a new
// connection is held against them. A frontend without rules has none of this, so that they cost nothing when off.
// A trusted proxy speaks for many clients: who may come in, who is exempt and the rate of requests are then asked of the
// client of each request (proxy-source.ts); connections and their rate can only be the proxy's own.
import type { FrontendSpec } from '../../messages/snapshot.ts'
import type { ReasonCode } from '../../model/reasons.ts'
import type { KeyedTable } from '../../scoreboard/keyed-table.ts'
import type { WorkerContext } from '../context.ts'
import { compileNetworks, type Networks } from './networks.ts'
import { ProxySource } from './proxy-source.ts'
import { SOURCE_FULL, SourceTable, TrackedSource, UNKNOWN, secondsIn } from './source-table.ts'
import { exemptSource, freeSource, type Source } from './source.ts'

export class ClientRules {
  /** Why the last client was not admitted, and what Retry-After tells it (seconds, 0: nothing). */
  refusal: ReasonCode = 'source_denied'
  retryAfter = 0
  readonly #slot: number
  readonly #allow: Networks | null
  readonly #nobody: boolean
  readonly #deny: Networks | null
  readonly #exempt: Networks | null
  /** Null when nobody is; over tcp nobody is told of. */
  readonly #trusted: Networks | null
  /** Null when nothing is counted. */
  readonly #sources: SourceTable | null
  readonly #untracked: Float64Array

  constructor({ clients, slot, mode, trust }: FrontendSpec, table: KeyedTable, { row, worker }: WorkerContext) {
    this.#slot = slot
    this.#allow = clients.allow === null ? null : compileNetworks(clients.allow)
    this.#nobody = clients.allow !== null && clients.allow.length === 0
    this.#deny = compileNetworks(clients.deny)
    this.#exempt = compileNetworks(clients.exempt)
    this.#trusted = mode === 'http' ? compileNetworks(trust.networks) : null
    const limits = clients.connections > 0 || clients.connectionRate !== null || clients.requestRate !== null
    this.#sources = limits ? new SourceTable(clients, slot, table, worker) : null
    this.#untracked = row.counters.frontend.untracked
  }

  /**
   * Holds a new connection against the rules, and counts it.
   * @param address of the client; null: it came by a unix socket, which no rule is about
   * @param now performance.now()
   * @returns its source, to be closed when it ends; null: `refusal` says why it may not
   */
  admit(address: string | null, now: number): Source | null {
    if (address === null) return freeSource
    const trusted = this.#trusted !== null && this.#trusted(address)
    if (!trusted && this.denies(address)) return this.#refuse('source_denied', 0)
    const source = this.#sourceOf(address, now)
    return trusted && source !== null ? new ProxySource(this, source, address) : source
  }

  /** The lists say that this client may not come in. */
  denies(address: string): boolean {
    return this.#nobody || this.#deny?.(address) === true || this.#allow?.(address) === false
  }

  exempts(address: string): boolean {
    return this.#exempt?.(address) === true
  }

  /** Counts a request that a proxy brings. @returns as Source.allowRequest */
  allowRequestOf(address: string, now: number): number {
    if (this.#sources === null) return 0
    const wait = this.#sources.allowRequestOf(address, now)
    if (wait !== UNKNOWN) return wait
    this.#untracked[this.#slot]!++
    return 0
  }

  #sourceOf(address: string, now: number): Source | null {
    if (this.#exempt?.(address)) return exemptSource
    if (this.#sources === null) return freeSource
    const entry = this.#sources.open(address, now)
    if (entry === SOURCE_FULL) return this.#refuse('source_full', 1)
    if (entry === UNKNOWN) {
      this.#untracked[this.#slot]!++
      return freeSource
    }
    const wait = this.#sources.allowConnection(entry, now)
    if (wait === 0) return new TrackedSource(this.#sources, entry)
    this.#sources.close(entry)
    return this.#refuse('rate_limited', secondsIn(wait))
  }

  #refuse(reason: ReasonCode, retryAfter: number): null {
    this.refusal = reason
    this.retryAfter = retryAfter
    return null
  }
}

/** @returns null when the frontend has no rule about clients */
export function compileClientRules(
  frontend: FrontendSpec,
  table: KeyedTable,
  context: WorkerContext,
): ClientRules | null {
  const { allow, deny, exempt, connections, connectionRate, requestRate } = frontend.clients
  const none =
    allow === null &&
    deny.length === 0 &&
    exempt.length === 0 &&
    connections === 0 &&
    connectionRate === null &&
    (requestRate === null || frontend.mode === 'tcp')
  return none ? null : new ClientRules(frontend, table, context)
}
