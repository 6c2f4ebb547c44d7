// Where the requests of one worker wait for a place on a server of one backend, first in first out, high priority first.
// The order over all workers, and who is woken when a place is free, is scoreboard/queue-board.ts. A request that belongs
// to one server (persistence) waits for that one, in a line of its own, and holds nobody up.
// Nothing here looks at a clock: how long a request may wait is its own deadline.
import type { BackendSpec } from '../../messages/snapshot.ts'
import { QueueBoard } from '../../scoreboard/queue-board.ts'
import type { WorkerContext } from '../context.ts'

/** Something that waits for a place: a request, or a tcp connection. The fields belong to the queue. */
export interface Waiting {
  /** 0: it does not wait. */
  ticket: number
  line: Line | null
  queueNext: Waiting | null
  queuePrevious: Waiting | null
  readonly high: boolean
  /** Slot of the one server that it may go to; -1: any. */
  readonly home: number
  /** Its turn: takes a place, and leaves the queue. @returns false when there is no place for it */
  onTurn(): boolean
}

/** A list that anything can leave from its middle. */
export class Line {
  first: Waiting | null = null
  #last: Waiting | null = null
  /** Says which ticket is the first; 0: none. */
  readonly publish: (ticket: number) => void

  constructor(publish: (ticket: number) => void) {
    this.publish = publish
  }

  get firstTicket(): number {
    return this.first === null ? 0 : this.first.ticket
  }

  append(waiting: Waiting): void {
    waiting.line = this
    waiting.queuePrevious = this.#last
    if (this.#last === null) this.first = waiting
    else this.#last.queueNext = waiting
    this.#last = waiting
    if (this.first === waiting) this.publish(waiting.ticket)
  }

  remove(waiting: Waiting): void {
    const { queueNext, queuePrevious } = waiting
    if (queueNext === null) this.#last = queuePrevious
    else queueNext.queuePrevious = queuePrevious
    if (queuePrevious === null) this.first = queueNext
    else queuePrevious.queueNext = queueNext
    waiting.queueNext = waiting.queuePrevious = waiting.line = null
    if (queuePrevious === null) this.publish(this.firstTicket)
  }
}

export class Queue {
  /** In flight on all servers of the backend together; 0: any number. */
  most = 0
  #max = 0
  readonly #board: QueueBoard
  readonly #high: Line
  readonly #normal: Line
  /** By server, for those that belong to one. */
  readonly #homes = new Map<number, Line>()
  #keepsSessions = false
  #serving = false
  readonly #serveNow = (): void => {
    this.#serving = false
    this.#serve()
  }

  constructor(spec: BackendSpec, { board, worker }: WorkerContext) {
    this.follow(spec)
    const ours = (this.#board = new QueueBoard(board, spec.slot, worker))
    this.#high = new Line(() => ours.publish(this.#high.firstTicket, this.#normal.firstTicket))
    this.#normal = new Line(() => ours.publish(this.#high.firstTicket, this.#normal.firstTicket))
  }

  /** Other limits, from now on; whoever waits keeps his place. */
  follow({ maxConnections, queue, persistence }: BackendSpec): void {
    this.most = maxConnections
    this.#max = queue.max
    this.#keepsSessions = persistence !== null
  }

  /** Others were here before, so that a new one may not go ahead of them. */
  hasBefore(high: boolean, home: number): boolean {
    if (this.#board.length === 0) return false
    if (home >= 0) return this.#board.nextFor(home) >= 0
    return high ? this.#board.hasHigh : this.#board.next() >= 0
  }

  /** @returns false when the queue is full */
  join(waiting: Waiting): boolean {
    waiting.ticket = this.#board.join(this.#max)
    if (waiting.ticket === 0) return false
    this.#lineOf(waiting).append(waiting)
    this.serveSoon() // a place may have become free since it was looked for
    return true
  }

  /** It has a place, or waits no more. */
  leave(waiting: Waiting): void {
    if (waiting.ticket === 0) return
    waiting.ticket = 0
    waiting.line!.remove(waiting)
    this.#board.leave()
    this.serveSoon() // it may have been the first, for which there was no room where there is some for the next
  }

  /** Its server is gone: it waits with all the others from now on. */
  move(waiting: Waiting): void {
    waiting.line!.remove(waiting)
    this.#lineOf(waiting).append(waiting)
  }

  /** A place on this server is free. */
  freed(slot: number): void {
    if (this.#board.length === 0) return
    const next = this.#keepsSessions ? this.#board.nextFor(slot) : -1
    if (next >= 0 ? this.#board.passTo(next) : this.#board.pass()) this.serveSoon()
  }

  /** Gives places to those that wait, as long as it is their turn and there are places. */
  #serve(): void {
    for (const line of this.#homes.values()) {
      for (let first = line.first; first !== null; first = line.first) {
        if (!first.onTurn() && line.first === first) break
      }
    }
    for (;;) {
      const first = this.#high.first ?? this.#normal.first
      if (first === null || !this.#board.isOurTurn) return void this.#board.pass()
      if (!first.onTurn()) return
    }
  }

  /** Places may have become free. Not within the event that freed them, whose own work is not done yet. */
  serveSoon(): void {
    if (this.#serving) return
    this.#serving = true
    queueMicrotask(this.#serveNow)
  }

  #lineOf({ home, high }: Waiting): Line {
    if (home < 0) return high ? this.#high : this.#normal
    let line = this.#homes.get(home)
    if (line === undefined) {
      line = new Line((ticket) => this.#board.publishFor(home, ticket))
      this.#homes.set(home, line)
    }
    return line
  }
}
