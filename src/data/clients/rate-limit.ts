// How often something may happen: the generic cell rate algorithm (ITU-T I.371, annex A), which is a token bucket kept in
// one number, the theoretical arrival time. Each event that is let in moves it on by the time that the rate gives to one
// event, from now or from where it stood; an event for which it stands further ahead of the clock than the burst allows is
// refused, and moves nothing. One int32 changed by compareExchange, so that the limit is exact over all workers.
//
// The unit of that number is chosen for the rate: one event is a whole number of units, a full burst at most 2^29 of them,
// and a second at most 2^24, so that rates from one event a day to ten million a second are met exactly. The number wraps
// (after 256 s or later), so it is believed only as long as it was moved of late; before that, a bucket is full again anyway.
import type { RateSpec } from '../../messages/snapshot.ts'
import { millisOf, systemMillis } from '../../scoreboard/clock.ts'

const MOST_AHEAD = 2 ** 29
const MOST_PER_SECOND = 2 ** 24
/** Further ahead than any event can have moved it, clocks of two threads that differ included. */
const NONSENSE = MOST_AHEAD + 2 ** 28

export class RateLimit {
  readonly #arrivals: Int32Array
  readonly #moved: Int32Array
  /** Units. */
  readonly #perMillisecond: number
  readonly #perEvent: number
  readonly #tolerance: number
  /** Milliseconds after which a number that was not moved says nothing. */
  readonly #stale: number

  /**
   * @param arrivals theoretical arrival times by entry, 0: none yet
   * @param moved when each was moved, int32 ms of the shared clock
   */
  constructor({ perSecond, burst }: RateSpec, arrivals: Int32Array, moved: Int32Array) {
    this.#arrivals = arrivals
    this.#moved = moved
    this.#perEvent = Math.max(1, Math.floor(Math.min(MOST_PER_SECOND / perSecond, MOST_AHEAD / burst)))
    this.#perMillisecond = (this.#perEvent * perSecond) / 1000
    this.#tolerance = Math.min(MOST_AHEAD, Math.floor(burst - 1) * this.#perEvent)
    this.#stale = Math.min(2 ** 31 - 1, 2 ** 30 / this.#perMillisecond)
  }

  /**
   * One event of an entry.
   * @param now performance.now()
   * @returns milliseconds until it would be let in; 0: it is, and has been counted
   */
  take(entry: number, now: number): number {
    const clock = (systemMillis(now) * this.#perMillisecond) | 0
    const millis = millisOf(now)
    for (;;) {
      const before = Atomics.load(this.#arrivals, entry)
      if (before !== 0 && Math.abs((millis - this.#moved[entry]!) | 0) > this.#stale) {
        Atomics.compareExchange(this.#arrivals, entry, before, 0)
        continue
      }
      const ahead = before === 0 ? 0 : aheadOf(clock, before)
      if (ahead > this.#tolerance) {
        if (Atomics.load(this.#arrivals, entry) !== before) continue // it may have been stale, and moved by now
        return (ahead - this.#tolerance) / this.#perMillisecond
      }
      this.#moved[entry] = millis // first, so that no other thread takes the new number for a stale one
      const after = (clock + ahead + this.#perEvent) | 0 || 1
      if (Atomics.compareExchange(this.#arrivals, entry, before, after) === before) return 0
    }
  }
}

/** How far an arrival time is ahead of the clock: 0 when it is behind it. */
function aheadOf(clock: number, arrival: number): number {
  const ahead = (arrival - clock) | 0
  return ahead < 0 || ahead > NONSENSE ? 0 : ahead
}
