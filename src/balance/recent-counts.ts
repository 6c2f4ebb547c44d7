// Counters over a sliding window: how much each of them has grown of late. The counters themselves are somebody else's and
// only grow; here their values of some moments ago are kept, a tenth of the window apart, so a difference is over nine to
// ten tenths of it. When nobody looks for a while, the window is longer by as much.
// Cost: a copy of the counters per tenth of the window.

const STEPS = 10

export class RecentCounts {
  readonly #step: number
  /** STEPS copies of the counters, one after the other; all of the same moment at first. */
  readonly #past: Float64Array
  readonly #cells: number
  /** Which copy is the oldest. */
  #oldest = 0
  #next: number

  /** @param window ms @param now int32 µs @param totals the counters as they are: what they are when it begins is the past */
  constructor(totals: ArrayLike<number>, window: number, now: number) {
    this.#cells = totals.length
    this.#step = (window * 1000) / STEPS
    this.#past = new Float64Array(STEPS * totals.length)
    for (let i = 0; i < STEPS; i++) this.#past.set(totals, i * totals.length)
    this.#next = (now + this.#step) | 0
  }

  /** To be called often, with the counters as they are. @param now int32 µs */
  follow(totals: ArrayLike<number>, now: number): void {
    if (((now - this.#next) | 0) < 0) return
    this.#past.set(totals, this.#oldest * this.#cells)
    this.#oldest = (this.#oldest + 1) % STEPS
    this.#next = (now + this.#step) | 0
  }

  /** By how much a counter has grown within the window. @param total as it is now */
  since(cell: number, total: number): number {
    return total - this.#past[this.#oldest * this.#cells + cell]!
  }

  /** What was before is no longer counted. @param total as it is now */
  forget(cell: number, total: number): void {
    for (let i = 0; i < STEPS; i++) this.#past[i * this.#cells + cell] = total
  }
}
