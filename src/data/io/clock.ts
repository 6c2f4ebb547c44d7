// One coarse clock per worker. A tick every 100 ms drives every deadline by a wheel, so that no request ever costs a
// timer. Moving a deadline later is one store: the connection stays where it is in the wheel and is looked at again
// when its old slot comes up. Accuracy: a deadline is seen up to one tick late, never early. While the event loop is held up
// the clock stands still: nobody has let time pass who could not be heard.
import { performance } from 'node:perf_hooks'
import { ms, type Millis } from '../../model/units.ts'

export const TICK_MS = 100
/** A tick that is later than one other is not made up for. */
const MOST_AT_ONCE = 2
/**
 * A power of two. A deadline further away than one turn, 6.4 s, is looked at once per turn; in return, moving it is never
 * more than a store.
 */
const SLOTS = 64

/** Something with one deadline at a time. Fields are the clock's; start with the values of `unarmed`. */
export interface Timed {
  /** Tick at which the deadline is due; 0: none. */
  due: number
  /** Tick under which it stands in the wheel; 0: not in it. */
  wheelTick: number
  wheelNext: Timed | null
  wheelPrevious: Timed | null
  /** The deadline has passed. It is no longer armed. */
  onDeadline(): void
}

export class Clock {
  /** Ticks since the start, those left out in which the loop was held up; begins at 1. */
  tick = 1
  readonly #slots: (Timed | null)[] = Array.from({ length: SLOTS }, () => null)
  /** In the time of performance.now(); moved on by the time in which the loop was held up. */
  #start: number
  readonly #perTick: (() => void)[] = []
  #timer: NodeJS.Timeout | null = null

  constructor(now: number) {
    this.#start = now
  }

  /** In ms since the start, by the ticks: for what must not cost a reading of the real clock. */
  get time(): number {
    return this.tick * TICK_MS
  }

  /** Runs `job` on every tick. */
  everyTick(job: () => void): void {
    this.#perTick.push(job)
  }

  /**
   * The event loop runs its timers before it looks at sockets. A tick waits until it has: a worker that was held up reads
   * what came in time before it says that nothing came.
   */
  start(): void {
    this.#timer ??= setInterval(() => setImmediate(this.#look), TICK_MS)
  }

  readonly #look = (): void => {
    if (this.#timer !== null) this.advance(performance.now())
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
  }

  /** Sets or moves the deadline of `timed` to `span` from now. */
  arm(timed: Timed, span: Millis): void {
    const due = this.tick + Math.max(2, Math.ceil(span / TICK_MS) + 1)
    timed.due = due
    if (timed.wheelTick !== 0) {
      if (timed.wheelTick <= due) return
      this.#unlink(timed)
    }
    this.#link(timed, Math.min(due, this.tick + SLOTS - 1))
  }

  /** Until the deadline of something armed; may be a tick more than what it was armed with. */
  timeLeft(timed: Timed): Millis {
    return ms(Math.max(0, timed.due - this.tick) * TICK_MS)
  }

  disarm(timed: Timed): void {
    timed.due = 0
    if (timed.wheelTick !== 0) this.#unlink(timed)
  }

  /**
   * Brings the clock to `now` (ms of performance.now) and fires what is due. What is armed while the loop is held up is armed by
   * the tick before that: if all the ticks since then were made up for, it would be due long before its time.
   */
  advance(now: number): void {
    const behind = Math.floor((now - this.#start) / TICK_MS) + 1 - this.tick
    if (behind > MOST_AT_ONCE) this.#start += (behind - MOST_AT_ONCE) * TICK_MS
    for (let left = Math.min(behind, MOST_AT_ONCE); left > 0; left--) {
      this.tick++
      this.#fire()
    }
    for (const job of this.#perTick) job()
  }

  #fire(): void {
    const slot = this.tick & (SLOTS - 1)
    // One at a time from the head of the list, because a deadline may disarm or arm others of the same slot.
    for (let timed = this.#slots[slot]!; timed !== null; timed = this.#slots[slot]!) {
      this.#unlink(timed)
      if (timed.due > this.tick) this.#link(timed, Math.min(timed.due, this.tick + SLOTS - 1))
      else if (timed.due !== 0) {
        timed.due = 0
        timed.onDeadline()
      }
    }
  }

  #link(timed: Timed, tick: number): void {
    const slot = tick & (SLOTS - 1)
    const head = this.#slots[slot]!
    timed.wheelTick = tick
    timed.wheelNext = head
    timed.wheelPrevious = null
    if (head !== null) head.wheelPrevious = timed
    this.#slots[slot] = timed
  }

  #unlink(timed: Timed): void {
    const { wheelNext, wheelPrevious } = timed
    if (wheelNext !== null) wheelNext.wheelPrevious = wheelPrevious
    if (wheelPrevious !== null) wheelPrevious.wheelNext = wheelNext
    else this.#slots[timed.wheelTick & (SLOTS - 1)] = wheelNext
    timed.wheelTick = 0
    timed.wheelNext = timed.wheelPrevious = null
  }
}
