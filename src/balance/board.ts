// What is known of the servers while traffic flows: how much is in flight, how fast and how well they answer. One Board
// per backend and worker, over columns that all workers share. It counts and learns alike for every algorithm, so that
// switching the algorithm keeps what was learnt, and metrics do not depend on it.
// What a latency or a failure does to the averages is learning.ts.
import type { Columns, OwnColumns } from './columns.ts'
import { learn } from './learning.ts'
import type { Outcome } from './outcome.ts'

/** Per attempt, in this order: start, then answer or abandon, then end. Nothing here allocates. */
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

  /** The response head has come (tcp: the connection stands), or the attempt failed, or its time is over. */
  answer(slot: number, now: number, latUs: number, outcome: Outcome): void {
    this.abandon(slot)
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

/** A board over columns of one's own. */
export function createBoard(columns: Columns, backend = 0): Board {
  const ints = (like: Int32Array): Int32Array => new Int32Array(like.length)
  const { server } = columns
  const own = {
    server: { inflight: ints(server.inflight), waiting: ints(server.waiting) },
    backend: { inflight: ints(columns.backend.inflight) },
  }
  return new Board(columns, own, backend)
}
