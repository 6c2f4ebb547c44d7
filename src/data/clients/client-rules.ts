// Who may connect to a frontend, and how much one source may ask for: the rules, compiled, in the order in which a new
// connection is held against them. A frontend without rules has none of this, so that they cost nothing when off.
import type { FrontendSpec } from '../../messages/snapshot.ts'
import type { ReasonCode } from '../../model/reasons.ts'
import type { KeyedTable } from '../../scoreboard/keyed-table.ts'
import type { WorkerContext } from '../context.ts'
import { compileNetworks, type Networks } from './networks.ts'
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
  /** Null when nothing is counted. */
  readonly #sources: SourceTable | null
  readonly #untracked: Float64Array

  constructor({ clients, slot }: FrontendSpec, table: KeyedTable, { row, worker }: WorkerContext) {
    this.#slot = slot
    this.#allow = clients.allow === null ? null : compileNetworks(clients.allow)
    this.#nobody = clients.allow !== null && clients.allow.length === 0
    this.#deny = compileNetworks(clients.deny)
    this.#exempt = compileNetworks(clients.exempt)
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
    if (this.#nobody || this.#deny?.(address) || this.#allow?.(address) === false)
      return this.#refuse('source_denied', 0)
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
