// Slow start: a server that has just come, or come back, gets a tenth of its weight, then more in a line over a window, so
// that cold caches and lazy connections do not meet full traffic. Only the course of time is here: who starts slowly, and
// when, is decided by keeper.ts; what a percentage does to a weight, by balance/pool.ts.
import type { Millis } from '../../model/units.ts'

const LOWEST = 10
/** A smaller change is not worth that all workers rebuild their pools. */
const STEP = 5

/** Percent of the weight that counts so long after the start; 0 when it is over, as on the scoreboard. */
export function rampPercent(elapsed: number, window: Millis): number {
  return elapsed >= window ? 0 : Math.max(LOWEST, Math.floor((elapsed / window) * 100))
}

interface Ramp {
  readonly since: number
  readonly window: Millis
  /** What was told last. */
  percent: number
}

export class SlowStart {
  readonly #ramps = new Map<number, Ramp>()

  /** @param now ms of any clock, the same as for `advance` @returns the percentage to begin with; 0: no slow start */
  begin(slot: number, window: Millis, now: number): number {
    const percent = rampPercent(0, window)
    if (percent > 0) this.#ramps.set(slot, { since: now, window, percent })
    return percent
  }

  /** @returns whether there was one to end */
  cancel(slot: number): boolean {
    return this.#ramps.delete(slot)
  }

  /** Tells of every server whose percentage has changed enough to matter; 0 is the last that is told. */
  advance(now: number, tell: (slot: number, percent: number) => void): void {
    for (const [slot, ramp] of this.#ramps) {
      const percent = rampPercent(now - ramp.since, ramp.window)
      if (percent !== 0 && percent < ramp.percent + STEP) continue
      ramp.percent = percent
      if (percent === 0) this.#ramps.delete(slot)
      tell(slot, percent)
    }
  }
}
