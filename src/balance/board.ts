// What is known of the servers while traffic flows: how much is in flight, how fast and how well they answer. One Board
// per backend and worker, over columns that all workers share. It counts and learns alike for every algorithm, so that
// switching the algorithm keeps what was learnt, and metrics do not depend on it.
// What a latency or a failure does to the averages is learning.ts.
import type { Columns, OwnColumns } from './columns.ts'
import { learn } from './learning.ts'
import { OUTCOME_OK, type Outcome } from './outcome.ts'

/** Per attempt, in this order: start or tryStart, then answer or abandon, then end. Nothing here allocates. */
export class Board {
  readonly columns: Columns
  /** Row of the backend. */
  readonly backend: number
  readonly #own: OwnColumns

  constructor(columns: Columns, own: OwnColumns, backend: number) {
    this.columns = columns
    this.#own = own
    this.backend = backend
  }

  /** A request is sent, or a connection opened, to this server. @param now int32 µs, as everywhere here */
  start(slot: number, now: number): void {
    const { server, backend } = this.columns
    const own = this.#own
    Atomics.add(server.inflight, slot, 1)
    own.server.inflight[slot]!++
    if (Atomics.add(server.waiting, slot, 1) === 0) server.progress[slot] = now
    own.server.waiting[slot]!++
    Atomics.add(backend.inflight, this.backend, 1)
    own.backend.inflight[this.backend]!++
  }

  /**
   * As start, but not beyond a limit over all workers; 0: none.
   * @param most in flight on the server
   * @param mostOfBackend in flight on all servers of the backend
   * @returns false when there is no room: nothing has been counted then
   */
  tryStart(slot: number, now: number, most: number, mostOfBackend: number): boolean {
    const { server, backend } = this.columns
    if (!takePlace(backend.inflight, this.backend, mostOfBackend)) return false
    if (!takePlace(server.inflight, slot, most)) {
      Atomics.sub(backend.inflight, this.backend, 1)
      return false
    }
    const own = this.#own
    own.server.inflight[slot]!++
    own.backend.inflight[this.backend]!++
    if (Atomics.add(server.waiting, slot, 1) === 0) server.progress[slot] = now
    own.server.waiting[slot]!++
    return true
  }

  /** The response head has come (tcp: the connection stands), or the attempt failed, or its time is over. */
  answer(slot: number, now: number, latUs: number, outcome: Outcome): void {
    this.abandon(slot)
    const own = this.#own.server
    own.answers[slot]!++
    if (outcome !== OUTCOME_OK) own.failures[slot]!++
    learn(this.columns, this.backend, slot, now, latUs, outcome)
  }

  /** Nobody waits for the answer any more, and nothing is to be learnt: the client has left. */
  abandon(slot: number): void {
    Atomics.sub(this.columns.server.waiting, slot, 1)
    this.#own.server.waiting[slot]!--
  }

  /** The response is complete (tcp: the connection is closed). */
  end(slot: number): void {
    const { server, backend } = this.columns
    const own = this.#own
    Atomics.sub(server.inflight, slot, 1)
    own.server.inflight[slot]!--
    Atomics.sub(backend.inflight, this.backend, 1)
    own.backend.inflight[this.backend]!--
  }
}

/** One more, unless there are `most`: others see the count grow only when it may. */
function takePlace(column: Int32Array, cell: number, most: number): boolean {
  if (most === 0) {
    Atomics.add(column, cell, 1)
    return true
  }
  for (;;) {
    const count = Atomics.load(column, cell)
    if (count >= most) return false
    if (Atomics.compareExchange(column, cell, count, count + 1) === count) return true
  }
}

/** A board over columns of one's own. */
export function createBoard(columns: Columns, backend = 0): Board {
  const ints = (like: Int32Array): Int32Array => new Int32Array(like.length)
  const { server } = columns
  const own = {
    server: {
      inflight: ints(server.inflight),
      waiting: ints(server.waiting),
      answers: ints(server.inflight),
      failures: ints(server.inflight),
    },
    backend: { inflight: ints(columns.backend.inflight) },
  }
  return new Board(columns, own, backend)
}
