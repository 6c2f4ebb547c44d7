// The old process of an upgrade, and what it knows that its clients would miss: the keys of their TLS tickets, and the tables of
// their sessions. All of it is told once, when the new process is about to serve; then, time and again, what has changed
// since, because both serve for a while, and at last what the old one's last requests have made.
// What is not told: counters, rates of sources, what balancing has learnt. They are about the past minute, and come again.
import { performance } from 'node:perf_hooks'
import type { Snapshot } from '../../messages/snapshot.ts'
import { millisOf } from '../../scoreboard/clock.ts'
import { KeyedTable } from '../../scoreboard/keyed-table.ts'
import type { TicketKeyState } from '../certificates/ticket-keys.ts'
import { packed, sessionsIn, toldBy } from './session-rows.ts'
import type { StateWord } from './upgrade-words.ts'

/** In ms. Workers write down when a session was seen no more than once a second (data/persistence/session-table.ts). */
const MARGIN = 2000

export interface GivenState {
  readonly snapshot: () => Snapshot
  /** Tables by backend slot. */
  readonly sessions: () => Readonly<Record<number, SharedArrayBuffer>>
  readonly ticketKeys: () => TicketKeyState
}

/** @throws Error when nobody hears it */
export type Say = (word: StateWord) => Promise<void>

export class StateGiver {
  readonly #state: GivenState
  readonly #say: Say
  /** When it was looked last; performance.now(). */
  #looked = 0

  constructor(state: GivenState, say: Say) {
    this.#state = state
    this.#say = say
  }

  async all(): Promise<void> {
    const { keys, shared, age } = this.#state.ticketKeys()
    await this.#say({ type: 'ticket-keys', keys: keys.map((key) => Buffer.from(key).toString('base64')), shared, age })
    for (const { backend, spec, table } of this.#tables()) {
      const { entries, secrets } = table
      await this.#say({ type: 'table', backend: backend.name, by: toldBy(spec), entries, secrets })
    }
    await this.#sessions(Infinity)
    await this.#say({ type: 'told' })
  }

  /** Since the last time; some of what was told then is told again. */
  changes(): Promise<void> {
    return this.#sessions(performance.now() - this.#looked + MARGIN)
  }

  async #sessions(within: number): Promise<void> {
    const now = performance.now()
    this.#looked = now
    for (const { backend, spec, table } of this.#tables()) {
      for (const { servers, rows } of sessionsIn(table, backend, Math.min(within, spec.idle), millisOf(now))) {
        await this.#say({ type: 'sessions', backend: backend.name, servers, rows: packed(rows) })
      }
    }
  }

  #tables() {
    const sessions = this.#state.sessions()
    return this.#state.snapshot().backends.flatMap((backend) => {
      const spec = backend.persistence?.table
      const memory = sessions[backend.slot]
      return spec && memory !== undefined ? [{ backend, spec, table: new KeyedTable(memory) }] : []
    })
  }
}
