// The table of the sessions of one backend, in memory that all workers share: which server a session belongs to, and when
// it was last seen. Bounded: when there is no room, the session that was not seen for longest gives way. It outlives the
// worker that wrote it, and is handed on in an upgrade; it does not outlive a stop.
// What tells a session is hashed by the caller, with the digest here. Two sessions are taken for one with a chance of one in
// 2^29 or so, which costs one client a server that he did not have before.
import type { BackendSpec, SessionTableSpec } from '../../messages/snapshot.ts'
import { millisOf } from '../../scoreboard/clock.ts'
import { KeyedTable, createKeyedTable } from '../../scoreboard/keyed-table.ts'
import { PairDigest } from './pair-digest.ts'

/** The one column: slot of the server + 1. */
const SERVER = 0
/** In milliseconds: how exact the last sight of a session is, so that one that is in use is not written all the time. */
const GRAIN = 1000
/** In milliseconds: an age below zero by more than that is one so great that the clock has come round (it does after 49 days). */
const SKEW = 60_000

/** The table of a backend, one row for each session; `memory` is for SessionTable. */
export const createSessionMemory = ({ entries }: Pick<SessionTableSpec, 'entries'>): SharedArrayBuffer =>
  createKeyedTable({ entries, columns: 1, workers: 0 })

export class SessionTable {
  /** Fill it, then hand its `place` and `key` to the methods here. */
  readonly digest: PairDigest
  readonly #table: KeyedTable
  readonly #servers: Int32Array
  readonly #slots: ReadonlySet<number>
  readonly #idle: number
  readonly #grain: number

  constructor(backend: BackendSpec, { idle }: Pick<SessionTableSpec, 'idle'>, memory: SharedArrayBuffer) {
    this.#table = new KeyedTable(memory)
    this.digest = new PairDigest(this.#table.secrets)
    this.#servers = this.#table.column(SERVER)
    this.#slots = new Set(backend.servers.map(({ slot }) => slot))
    this.#idle = Math.min(idle, 0x7fff_ffff)
    this.#grain = Math.min(GRAIN, this.#idle / 10)
  }

  /** @param now performance.now(). @returns slot of the server of a session, which is in use from now on; -1: there is none */
  find(place: number, key: number, now: number): number {
    const entry = this.#table.find(place, key)
    if (entry < 0) return -1
    const time = millisOf(now)
    const age = this.#age(entry, time)
    if (age > this.#idle || age < -SKEW) return -1
    const slot = this.#servers[entry]! - 1
    if (!this.#slots.has(slot)) return -1
    if (age > this.#grain) this.#table.seen[entry] = time
    return slot
  }

  /**
   * A session belongs to a server from now on.
   * @param time int32 ms of the shared clock
   */
  remember(place: number, key: number, slot: number, time: number): void {
    const entry = this.#table.claim(place, key, time)
    if (entry < 0) return
    // In the time between, another session could only have taken the entry if eight of its set had been made in it.
    const moved = this.#servers[entry] !== slot + 1
    if (moved) Atomics.store(this.#servers, entry, slot + 1)
    const age = this.#age(entry, time)
    if (moved || age > this.#grain || age < -SKEW) this.#table.seen[entry] = time
  }

  #age(entry: number, time: number): number {
    return (time - this.#table.seen[entry]!) | 0
  }
}
