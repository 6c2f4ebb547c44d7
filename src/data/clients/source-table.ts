// The sources of one frontend in the table that all workers share: an entry for each network with a client, held as long
// as it has a connection, and kept after that until others need the room. So limits of connections are exact; what a
// source may ask for at a time is forgotten at worst, when more sources come than the table has room for, and memory never
// grows. An address is hashed with the secrets of the table: nobody can aim at the entries of others.
import { NO_ADDRESS, groups, readNetwork } from '../../balance/address.ts'
import { mix } from '../../balance/hash.ts'
import type { ClientRulesSpec } from '../../messages/snapshot.ts'
import { millisOf } from '../../scoreboard/clock.ts'
import type { KeyedTable } from '../../scoreboard/keyed-table.ts'
import { CONNECTION_ARRIVAL, CONNECTION_MOVED, REQUEST_ARRIVAL, REQUEST_MOVED } from '../../scoreboard/sources.ts'
import { RateLimit } from './rate-limit.ts'
import type { Source } from './source.ts'

/** Why a source got no connection. */
export const SOURCE_FULL = -2
/** There is no room for it in the table: it is not known, and not limited. */
export const UNKNOWN = -1

export class SourceTable {
  readonly #table: KeyedTable
  readonly #worker: number
  readonly #frontend: number
  readonly #prefix4: number
  readonly #prefix6: number
  readonly #most: number
  readonly #connections: RateLimit | null
  readonly #requests: RateLimit | null

  /** @param frontend its slot: each frontend counts for itself */
  constructor(rules: ClientRulesSpec, frontend: number, table: KeyedTable, worker: number) {
    const limit = (rate: ClientRulesSpec['requestRate'], arrival: number, moved: number): RateLimit | null =>
      rate === null ? null : new RateLimit(rate, table.column(arrival), table.column(moved))
    this.#table = table
    this.#worker = worker
    this.#frontend = frontend
    this.#prefix4 = rules.prefix4
    this.#prefix6 = rules.prefix6
    this.#most = rules.connections === 0 ? Infinity : rules.connections
    this.#connections = limit(rules.connectionRate, CONNECTION_ARRIVAL, CONNECTION_MOVED)
    this.#requests = limit(rules.requestRate, REQUEST_ARRIVAL, REQUEST_MOVED)
  }

  /**
   * Gives a connection a place in its source. @param now performance.now()
   * @param most connections that the source may have
   * @returns the entry, to be closed by `close`; SOURCE_FULL, UNKNOWN
   */
  open(address: string, now: number, most = this.#most): number {
    const table = this.#table
    const family = readNetwork(address, this.#prefix4, this.#prefix6)
    if (family === NO_ADDRESS) return UNKNOWN
    const place = hashOfGroups(table.secrets[0], family, this.#frontend)
    const key = hashOfGroups(table.secrets[1], family, this.#frontend)
    const seen = millisOf(now)
    for (;;) {
      const entry = table.claim(place, key, seen)
      if (entry < 0) return UNKNOWN
      const held = table.pinBelow(entry, this.#worker, most)
      if (held) {
        table.seen[entry] = seen
        if (table.holds(entry, key)) return entry
        table.unpin(entry, this.#worker) // another source took it before it was held
      } else if (table.holds(entry, key)) return SOURCE_FULL
    }
  }

  /** Counts a new connection of a source that has just got its place. @returns ms to wait, 0: none */
  allowConnection(entry: number, now: number): number {
    return this.#connections === null ? 0 : this.#connections.take(entry, now)
  }

  allowRequest(entry: number, now: number): number {
    if (this.#requests === null) return 0
    this.#table.seen[entry] = millisOf(now)
    return secondsIn(this.#requests.take(entry, now))
  }

  /** Counts a request of a client that has no connection here: a proxy brings it. @returns as `allowRequest`, or UNKNOWN */
  allowRequestOf(address: string, now: number): number {
    const entry = this.open(address, now, Infinity)
    if (entry < 0) return UNKNOWN
    const wait = this.allowRequest(entry, now)
    this.close(entry)
    return wait
  }

  close(entry: number): void {
    this.#table.unpin(entry, this.#worker)
  }
}

/** A connection's source that has an entry. */
export class TrackedSource implements Source {
  readonly exempt = false
  readonly #table: SourceTable
  readonly #entry: number

  constructor(table: SourceTable, entry: number) {
    this.#table = table
    this.#entry = entry
  }

  allowRequest(now: number): number {
    return this.#table.allowRequest(this.#entry, now)
  }

  speakFor(): null {
    return null
  }

  close(): void {
    this.#table.close(this.#entry)
  }
}

/** Whole seconds for Retry-After: 0 only for 0. */
export const secondsIn = (span: number): number => Math.ceil(span / 1000)

/** Of the address that was read last, cut to its network. */
function hashOfGroups(secret: number, family: number, frontend: number): number {
  let h = mix(secret ^ (frontend * 16 + family))
  for (let i = family === 4 ? 6 : 0; i < 8; i++) h = mix((h ^ groups[i]!) + secret)
  return h
}
