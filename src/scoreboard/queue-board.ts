// The queues of all workers for one backend, as far as they must know of each other. Each worker keeps its own requests
// that wait, in the order of their tickets, and says here which ticket is its first. Whoever frees a place calls `next`: the
// worker that has the oldest ticket is woken, high priority before normal. So the order is first in, first out over all
// workers, and no list is shared that a dying thread could leave broken: what a dead worker said is zeroed with its row.
//
// No wake-up is lost: who joins says so and then looks once more for room; who frees a place looks for who waits after that.
// One of the two sees the other, because both are Atomics. A worker that is woken for nothing passes it on.
import type { Row, Scoreboard } from './scoreboard.ts'

export class QueueBoard {
  readonly #board: Scoreboard
  readonly #backend: number
  readonly #row: Row
  readonly #worker: number

  constructor(board: Scoreboard, backend: number, worker: number) {
    this.#board = board
    this.#backend = backend
    this.#row = board.rows[worker]!
    this.#worker = worker
  }

  /** Requests that wait, over all workers. */
  get length(): number {
    return Atomics.load(this.#board.shared.backend.queued, this.#backend)
  }

  /** Takes a place in the line. @returns a ticket (never 0), or 0 when `most` wait already */
  join(most: number): number {
    const { queued, ticket } = this.#board.shared.backend
    if (Atomics.add(queued, this.#backend, 1) >= most) {
      Atomics.sub(queued, this.#backend, 1)
      return 0
    }
    this.#row.owned.backend.queued[this.#backend]!++
    const mine = (Atomics.add(ticket, this.#backend, 1) + 1) | 0
    return mine === 0 ? 1 : mine
  }

  leave(): void {
    this.#row.owned.backend.queued[this.#backend]!--
    Atomics.sub(this.#board.shared.backend.queued, this.#backend, 1)
  }

  /** This worker's first tickets; 0: none. */
  publish(high: number, normal: number): void {
    const { firstHigh, firstNormal } = this.#row.marks.backend
    Atomics.store(firstHigh, this.#backend, high)
    Atomics.store(firstNormal, this.#backend, normal)
  }

  /** This worker's first ticket of those that wait for one server and no other; 0: none. @param slot of the server */
  publishFor(slot: number, ticket: number): void {
    Atomics.store(this.#row.marks.server.first, slot, ticket)
  }

  /** The worker whose turn it is; -1: nobody waits. */
  next(): number {
    return nextOf(this.#board, this.#backend)
  }

  /** Somebody of high priority waits. */
  get hasHigh(): boolean {
    return oldest(this.#board, 'firstHigh', this.#backend) >= 0
  }

  /** The worker that has waited longest for this one server; -1: none does. */
  nextFor(slot: number): number {
    return oldestOf(this.#board, (row) => row.marks.server.first, slot)
  }

  /** A place on this server may be free, which somebody waits for. @returns true when that is this worker */
  passTo(worker: number): boolean {
    if (worker === this.#worker) return true
    wake(this.#board, worker)
    return false
  }

  get isOurTurn(): boolean {
    return this.next() === this.#worker
  }

  /** A place may be free: tells the worker whose turn it is. @returns true when that is this one, which needs no telling */
  pass(): boolean {
    const next = this.next()
    return next >= 0 && this.passTo(next)
  }
}

/** For the control plane, when places have become free without a worker that noticed: one has died, a server is up. */
export function wakeWaiting(board: Scoreboard, backend: number): void {
  for (let worker = 0; worker < board.rows.length; worker++) {
    if (board.rows[worker]!.owned.backend.queued[backend]! > 0) wake(board, worker)
  }
}

function nextOf(board: Scoreboard, backend: number): number {
  const high = oldest(board, 'firstHigh', backend)
  return high >= 0 ? high : oldest(board, 'firstNormal', backend)
}

const oldest = (board: Scoreboard, column: 'firstHigh' | 'firstNormal', backend: number): number =>
  oldestOf(board, (row) => row.marks.backend[column], backend)

/** Tickets wrap, so their age is compared by difference. */
function oldestOf(board: Scoreboard, column: (row: Row) => Int32Array, cell: number): number {
  let found = -1
  let first = 0
  for (let worker = 0; worker < board.rows.length; worker++) {
    const ticket = Atomics.load(column(board.rows[worker]!), cell)
    if (ticket === 0 || (found >= 0 && ((ticket - first) | 0) >= 0)) continue
    found = worker
    first = ticket
  }
  return found
}

/** Has a worker look for what it can go on with. */
export function wake(board: Scoreboard, worker: number): void {
  const { wake: cell } = board.rows[worker]!.marks.process
  Atomics.add(cell, 0, 1)
  Atomics.notify(cell, 0)
}

/** Calls `onWake` whenever this worker is told that a place may be free. Does not keep the thread alive. */
export function listenForWakes(board: Scoreboard, worker: number, onWake: () => void): void {
  const { wake: cell } = board.rows[worker]!.marks.process
  const listen = (seen: number): void => {
    const waited = Atomics.waitAsync(cell, 0, seen)
    const go = (): void => {
      const now = Atomics.load(cell, 0)
      onWake()
      listen(now)
    }
    if (waited.async) void waited.value.then(go)
    else setImmediate(go)
  }
  listen(Atomics.load(cell, 0))
}
