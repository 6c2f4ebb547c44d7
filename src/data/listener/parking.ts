// Where connections wait while a frontend or the process has no place for them: accepted, because the kernel would drop
// what waits for long, but not read. First come, first served over all workers: each says on the scoreboard since when its
// first one waits (`parked`, int32 ms, 0: none), whoever has a place to give away tells the worker that has waited
// longest, and a new connection goes behind those that are here already. A place that the one who was told has no use for
// is taken by another a tick or two later. Nobody waits for longer than PARKING_TIME; then it is refused, as is who finds no room.
import { performance } from 'node:perf_hooks'
import { ms } from '../../model/units.ts'
import { millisOf } from '../../scoreboard/clock.ts'
import { listenForWakes, wake } from '../../scoreboard/queue-board.ts'
import type { WorkerContext } from '../context.ts'
import type { Held, Room } from './held.ts'
import type { Full, Places } from './places.ts'

const PARKING_TIME = ms(5000)

/** Those of one frontend, in the order in which they came. */
class Line {
  readonly slot: number
  readonly held = new Set<Held>()
  /** What they lack, as of the last try. */
  lacks: Full = 'frontend_full'
  /** How often in a row there was a place that was another worker's. */
  ticksWithRoom = 0

  constructor(slot: number) {
    this.slot = slot
  }

  get first(): Held | null {
    for (const first of this.held) return first
    return null
  }
}

export class Parking implements Room {
  readonly #context: WorkerContext
  readonly #places: Places
  readonly #most: number
  readonly #lines = new Map<number, Line>()
  #count = 0
  #serving = false

  constructor(context: WorkerContext, places: Places, most: number) {
    this.#context = context
    this.#places = places
    this.#most = most
    context.clock.everyTick(() => this.#serve(true))
    listenForWakes(context.board, context.worker, () => this.#serve(false))
  }

  /** A place for a new connection, unless others wait for it. @returns null when it has one; else what is full */
  takePlace(slot: number, most: number): Full | null {
    return this.#longestWaiting(slot) < 0 ? this.#places.take(slot, most) : this.#places.lacking(slot, most)
  }

  /** @param lacks what takePlace has answered. @returns false when there is no room to wait in either */
  park(held: Held, lacks: Full): boolean {
    if (this.#count >= this.#most) return false
    const { slot } = held.host
    let line = this.#lines.get(slot)
    if (line === undefined) this.#lines.set(slot, (line = new Line(slot)))
    if (line.held.size === 0) line.lacks = lacks
    line.held.add(held)
    this.#changeCount(1)
    held.room = this
    this.#context.clock.arm(held, PARKING_TIME)
    if (line.held.size === 1) {
      this.#publish()
      this.#serveSoon() // a place may have become free since it was looked for
    }
    return true
  }

  leave(held: Held): void {
    const line = this.#lines.get(held.host.slot)!
    this.#context.clock.disarm(held)
    held.room = null
    if (!line.held.delete(held)) return
    this.#changeCount(-1)
    this.#publish()
  }

  #changeCount(by: 1 | -1): void {
    const { board, row } = this.#context
    this.#count += by
    row.owned.process.waiting[0]! += by
    Atomics.add(board.shared.process.waiting, 0, by)
  }

  onTimeOver(held: Held): void {
    held.reason = this.#lines.get(held.host.slot)!.lacks
    this.leave(held)
    held.host.turnAway(held)
  }

  onDrain(): void {} // it may still get its place; if not, its time is soon over

  /** A connection of this frontend has ended. */
  givePlace(slot: number): void {
    this.#places.give(slot)
    const waiting = this.#longestWaiting(slot)
    if (waiting < 0) return
    if (waiting === this.#context.worker) this.#serveSoon()
    else wake(this.#context.board, waiting)
  }

  /** Not within the event that has freed a place, whose own work is not done yet. */
  #serveSoon(): void {
    if (this.#serving) return
    this.#serving = true
    queueMicrotask(() => {
      this.#serving = false
      this.#serve(false)
    })
  }

  /** Gives places to those that wait, the oldest first. */
  #serve(atTick: boolean): void {
    if (this.#count === 0) return
    const { board, worker } = this.#context
    const tried = new Set<Line>()
    for (let line = this.#oldest(tried); line !== null; line = this.#oldest(tried)) {
      const first = line.first!
      const turn = this.#longestWaiting(line.slot)
      if (turn >= 0 && turn !== worker && !(atTick && this.#isLeft(line, first))) {
        wake(board, turn)
        tried.add(line)
        continue
      }
      const full = this.#places.take(line.slot, first.host.most)
      if (full === null) {
        this.leave(first)
        first.host.enter(first)
      } else {
        line.lacks = full
        tried.add(line)
      }
    }
    this.#publish()
  }

  /** A place was free for more than a tick, though another worker has waited longer: it has no use for it. */
  #isLeft(line: Line, first: Held): boolean {
    line.ticksWithRoom = this.#places.hasRoom(line.slot, first.host.most) ? line.ticksWithRoom + 1 : 0
    return line.ticksWithRoom > 1
  }

  /** The line whose first connection came before those of the others. */
  #oldest(but: ReadonlySet<Line>): Line | null {
    let found: Line | null = null
    for (const line of this.#lines.values()) {
      const { first } = line
      if (first === null || but.has(line)) continue
      if (found === null || isBefore(first.since, found.first!.since)) found = line
    }
    return found
  }

  /** Says since when the first ones here wait. */
  #publish(): void {
    const { marks } = this.#context.row
    let ofProcess = 0
    for (const { slot, first, lacks } of this.#lines.values()) {
      const since = first === null ? 0 : first.since
      Atomics.store(marks.frontend.parked, slot, since)
      if (since === 0 || lacks !== 'process_full') continue
      if (ofProcess === 0 || isBefore(since, ofProcess)) ofProcess = since
    }
    Atomics.store(marks.process.parked, 0, ofProcess)
  }

  /** The worker whose connection a place of this frontend belongs to; -1: nobody waits for it. */
  #longestWaiting(slot: number): number {
    const { rows, shared } = this.#context.board
    if (Atomics.load(shared.process.waiting, 0) === 0) return -1
    let found = -1
    let oldest = 0
    for (let worker = 0; worker < rows.length; worker++) {
      const { marks } = rows[worker]!
      const ofFrontend = Atomics.load(marks.frontend.parked, slot)
      const ofProcess = Atomics.load(marks.process.parked, 0)
      const since = ofFrontend === 0 || (ofProcess !== 0 && isBefore(ofProcess, ofFrontend)) ? ofProcess : ofFrontend
      if (since === 0 || (found >= 0 && !isBefore(since, oldest))) continue
      found = worker
      oldest = since
    }
    return found
  }
}

/** When a connection begins to wait, for `since`. */
export const parkedSince = (): number => millisOf(performance.now()) || 1

/** Stamps wrap, so their age is compared by difference. */
const isBefore = (a: number, b: number): boolean => ((a - b) | 0) < 0
