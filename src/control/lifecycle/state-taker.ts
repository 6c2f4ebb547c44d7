// The new process of an upgrade, and what it takes from the old one: keys of TLS tickets, and tables of sessions as far as their
// backends and servers are still in the configuration. Whatever cannot be taken is left, and said: clients are then balanced
// anew, or make a full handshake, and no upgrade fails of it.
import { performance } from 'node:perf_hooks'
import type { Logger } from 'pino'
import type { Snapshot } from '../../messages/snapshot.ts'
import { millisOf } from '../../scoreboard/clock.ts'
import { createKeyedTable, KeyedTable } from '../../scoreboard/keyed-table.ts'
import type { TicketKeyring } from '../certificates/ticket-keys.ts'
import { enterSessions, toldBy, unpacked } from './session-rows.ts'
import type { StateWord } from './upgrade-words.ts'

type Word<Type extends StateWord['type']> = Extract<StateWord, { type: Type }>

export interface TakenState {
  readonly snapshot: () => Snapshot
  /** Tables by backend slot, as workers are given them when they start. */
  readonly sessions: Record<number, SharedArrayBuffer>
  readonly ticketKeys: Pick<TicketKeyring, 'inherit'>
  readonly log: Logger
}

export class StateTaker {
  readonly #state: TakenState
  /** Names of backends whose table this process has made after the old one's. */
  readonly #tables = new Set<string>()
  #sessions = 0
  #hasKeys = false
  #hasWorkers = false

  constructor(state: TakenState) {
    this.#state = state
  }

  /** Never throws. */
  take(word: StateWord): void {
    try {
      if (word.type === 'ticket-keys') this.#takeKeys(word)
      else if (word.type === 'table') this.#takeTable(word)
      else if (word.type === 'sessions') this.#takeSessions(word)
    } catch (error) {
      const why = (error as Error).message
      this.#state.log.error(`a part of what the process before knows cannot be taken over (${word.type}): ${why}`)
    }
  }

  /** Workers are about to start: a table can't be replaced any more. */
  settle(): void {
    this.#hasWorkers = true
    const sessions = this.#sessions
    this.#sessions = 0
    const keys = this.#hasKeys ? ', keys of session tickets' : ''
    this.#state.log.info(
      { sessions, tables: this.#tables.size, ticketKeys: this.#hasKeys },
      `taken over from the process before: ${sessions} sessions in tables${keys}`,
    )
  }

  /** The old process has ended. */
  end(): void {
    const sessions = this.#sessions
    this.#state.log.info(
      { sessions },
      `the process before has ended: ${sessions} sessions were made or moved meanwhile`,
    )
  }

  #takeKeys({ keys, shared, age }: Word<'ticket-keys'>): void {
    const bytes = keys.map((key) => Uint8Array.from(Buffer.from(key, 'base64')))
    this.#hasKeys = this.#state.ticketKeys.inherit({ keys: bytes, shared, age })
  }

  /** Sessions can't be spread over more places than they had: a table that is to be larger keeps its size. */
  #takeTable({ backend, by, entries, secrets }: Word<'table'>): void {
    const spec = this.#backend(backend)
    const table = spec?.persistence?.table
    if (spec === undefined || !table || this.#hasWorkers) return
    if (toldBy(table) !== by) {
      this.#state.log.warn(
        { backend },
        `sessions of backend ${backend} are told by something else now: they begin anew`,
      )
      return
    }
    const size = Math.min(entries, table.entries)
    this.#state.sessions[spec.slot] = createKeyedTable({ entries: size, columns: 1, workers: 0, secrets })
    this.#tables.add(backend)
  }

  #takeSessions({ backend, servers, rows }: Word<'sessions'>): void {
    const spec = this.#backend(backend)
    const memory = spec && this.#state.sessions[spec.slot]
    if (memory === undefined || !this.#tables.has(backend)) return
    const pieces = { servers, rows: unpacked(rows) }
    this.#sessions += enterSessions(new KeyedTable(memory), spec!, pieces, millisOf(performance.now()))
  }

  #backend(name: string): Snapshot['backends'][number] | undefined {
    return this.#state.snapshot().backends.find((each) => each.name === name)
  }
}
