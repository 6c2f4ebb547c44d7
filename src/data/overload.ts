// Load shedding: a worker that falls behind turns a share of the requests away, rather than be late with all of them.
// Two levels from 0 to 100 percent, of which the higher counts: the worker's own, by the delay of its event loop, and one
// for the process, which the control plane sets by its memory. The delay is how late a tick of the clock comes: exactly
// what an event has to wait for its turn. The own level rises in steps and falls in smaller ones (additive, both ways), so
// that it settles where the loop is just busy. Which request is turned away is drawn by lot. Cost: a look per request.
import type { Dice } from '../balance/types.ts'
import type { OverloadSpec } from '../messages/snapshot.ts'
import type { Row, Scoreboard } from '../scoreboard/scoreboard.ts'
import { TICK_MS } from './io/clock.ts'
import type { Log } from './log.ts'

/** Percent by which the level changes with a tick. */
const UP = 10
const DOWN = 5
/** What is left of the delay that is shown, and that must be low before the level falls, after a tick: a third after a second. */
const FADING = 0.9
/** In ms: shedding that comes back sooner is still the same in the log. */
const QUIET = 10_000

export class Overload {
  /** False: nothing is ever shed. */
  enabled = false
  /** In seconds, for clients that were turned away. */
  retryAfter = 0
  #limit = Infinity
  readonly #marks: Row['marks']['process']
  readonly #process: Int32Array
  readonly #dice: Dice
  readonly #log: Log
  #own = 0
  /** performance.now() of the last tick; 0: there was none. */
  #tickedAt = 0
  /** The tick before this one was too late as well: one alone may be a garbage collection, or another process's turn. */
  #wasLate = false
  /** Delay in ms: highest of late, and highest since shedding began. */
  #delay = 0
  #highestDelay = 0
  #highestLevel = 0
  /** performance.now() when shedding began, and when it was last seen to go on; 0: not shedding. */
  #since = 0
  #lastAt = 0
  #shed = 0

  constructor(spec: OverloadSpec, board: Scoreboard, row: Row, dice: Dice, log: Log) {
    this.follow(spec)
    this.#marks = row.marks.process
    this.#process = board.shared.process.shedding
    this.#dice = dice
    this.#log = log
  }

  /** Other limits, from now on. */
  follow({ loopDelay, memory, retryAfter }: OverloadSpec): void {
    this.enabled = loopDelay > 0 || memory > 0
    this.retryAfter = retryAfter
    this.#limit = loopDelay > 0 ? loopDelay : Infinity
  }

  /** Percent of the requests that are turned away now. */
  get level(): number {
    return this.enabled ? Math.max(this.#own, this.#process[0]!) : 0
  }

  /**
   * Whether this request (tcp: this connection) is one of those that are turned away.
   * @param exempt it comes from a source that never is
   */
  sheds(exempt: boolean): boolean {
    const { level } = this
    if (level === 0 || exempt || this.#dice.below(100) >= level) return false
    this.#shed++
    return true
  }

  /** With every tick of the clock. @param now performance.now() */
  tick(now: number): void {
    const delay = this.#tickedAt === 0 ? 0 : Math.max(0, now - this.#tickedAt - TICK_MS)
    this.#tickedAt = now
    this.#delay = Math.max(delay, this.#delay * FADING)
    this.#marks.loopDelay[0] = Math.round(Math.min(this.#delay, 2_000_000) * 1000)
    if (!this.enabled) return
    this.#adjust(delay)
    this.#report(now)
  }

  /** @param delay of this tick alone, in ms */
  #adjust(delay: number): void {
    const late = delay > this.#limit
    if (late && this.#wasLate) this.#own = Math.min(100, this.#own + UP)
    else if (this.#delay < this.#limit / 2) this.#own = Math.max(0, this.#own - DOWN)
    this.#wasLate = late
    this.#marks.shedding[0] = this.#own
  }

  /** Two lines in the log: when it begins, and when it has been over for a while. */
  #report(now: number): void {
    const { level } = this
    if (level > 0) {
      if (this.#since === 0) this.#begin(now, level)
      this.#lastAt = now
      this.#highestLevel = Math.max(this.#highestLevel, level)
      this.#highestDelay = Math.max(this.#highestDelay, this.#delay)
    } else if (this.#since !== 0 && now - this.#lastAt >= QUIET) this.#end()
  }

  #begin(now: number, level: number): void {
    this.#since = now
    this.#highestLevel = this.#highestDelay = 0
    this.#log('warn', 'Overloaded: load is shed', {
      percent: level,
      cause: this.#own >= this.#process[0]! ? 'loop_delay' : 'memory',
      loopDelayMs: Math.round(this.#delay),
    })
  }

  #end(): void {
    this.#log('info', 'Load is no longer shed', {
      shed: this.#shed,
      seconds: Math.round((this.#lastAt - this.#since) / 1000),
      highestPercent: this.#highestLevel,
      highestLoopDelayMs: Math.round(this.#highestDelay),
    })
    this.#since = this.#shed = 0
  }
}
