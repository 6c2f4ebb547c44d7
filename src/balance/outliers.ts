// Which server of a pool does worse than the others, by what has been answered in the last WINDOW:
//  - ratio: a share of failed answers above the limit, and TIMES_WORSE that of the others. This is for the server that
//    fails every third request, which hardly ever fails five in a row.
//  - latency: so many times slower than the others by the plain mean of the window, and TIMES_WORSE slower also by the
//    average that was learnt (learning.ts). Its samples are clipped, so that one long answer does not condemn anybody.
// "The others" is the median of the other usable servers that have answered often enough to tell: where all are bad, nobody
// is worse, and a server that is alone is compared with nobody.
// Cost: a walk over the servers and a sort, on the thread that asks. Who is taken out, and for how long, is ejection.ts.
import { RecentCounts } from './recent-counts.ts'

/** By what a server is an outlier. */
export interface OutlierRule {
  /** Percent of the answers; 0 or nothing: not judged by that. */
  readonly errorRatio?: number
  /** Multiple of the latency of the others; 0 or nothing: not judged by that. */
  readonly latency?: number
  /** Answers in the window without which nothing is said of a server. */
  readonly minRequests?: number
}

/** By server slot; all but `latency` are counters that only grow. */
export interface TrafficColumns {
  /** Attempts that were answered or failed, and those of them that failed. Int32, may wrap. */
  readonly answers: Int32Array
  readonly failures: Int32Array
  /** Sum in ms, and number, of the latencies that the plain mean is taken of. */
  readonly latencySum: Float64Array
  readonly latencyCount: Float64Array
  /** The learnt average in µs; 0: not known. */
  readonly latency: Float64Array
}

/** What makes a server an outlier. Ratios are 0 to 1, latencies in ms; `others` is their median. */
export type OutlierCause =
  | { readonly by: 'ratio'; readonly failures: number; readonly answers: number; readonly others: number }
  | { readonly by: 'latency'; readonly mean: number; readonly answers: number; readonly others: number }

export interface Outlier {
  readonly slot: number
  readonly cause: OutlierCause
}

/** What is looked back on, in ms. */
export const WINDOW = 10_000
const TIMES_WORSE = 2

/** One per backend. Numbers of servers are kept by their place in the list of slots. */
export class Outliers {
  readonly #rule: Required<OutlierRule>
  readonly #traffic: TrafficColumns
  readonly #slots: Int32Array
  /** All answers, then all failures, latency sums and latency counts. */
  readonly #totals: Float64Array
  readonly #recent: RecentCounts

  /** @param slots of all members @param now int32 µs, as everywhere here */
  constructor(rule: OutlierRule, traffic: TrafficColumns, slots: Int32Array, now: number) {
    this.#rule = { errorRatio: 0, latency: 0, minRequests: 1, ...rule }
    this.#traffic = traffic
    this.#slots = slots
    this.#totals = new Float64Array(4 * slots.length)
    this.#readTotals()
    this.#recent = new RecentCounts(this.#totals, WINDOW, now)
  }

  /** Ten times a second. */
  follow(now: number): void {
    this.#readTotals()
    this.#recent.follow(this.#totals, now)
  }

  /** What a server has done so far is no longer held against it. */
  forget(slot: number): void {
    const place = this.#slots.indexOf(slot)
    const n = this.#slots.length
    for (let cell = place; place >= 0 && cell < 4 * n; cell += n) this.#recent.forget(cell, this.#totals[cell]!)
  }

  /**
   * The server that does worst, if one is bad enough.
   * @param usable the servers that are compared, and one of which it is
   */
  worst(usable: (slot: number) => boolean): Outlier | null {
    const places: number[] = []
    this.#slots.forEach((slot, place) => {
      if (usable(slot) && this.#answers(place) >= this.#rule.minRequests) places.push(place)
    })
    if (places.length < 2) return null
    return this.#byRatio(places) ?? this.#byLatency(places)
  }

  #byRatio(places: readonly number[]): Outlier | null {
    const { errorRatio } = this.#rule
    if (errorRatio === 0) return null
    const ratioOf = (place: number): number => this.#failures(place) / this.#answers(place)
    const sorted = sortedBy(places, ratioOf)
    const highest = sorted.at(-1)!
    const others = medianWithout(sorted, highest) // of the others the highest has the lowest, so no other needs a look
    if (highest * 100 < errorRatio || highest < TIMES_WORSE * others) return null
    const place = places.find((each) => ratioOf(each) === highest)!
    const cause = { by: 'ratio', failures: this.#failures(place), answers: this.#answers(place), others } as const
    return { slot: this.#slots[place]!, cause }
  }

  #byLatency(places: readonly number[]): Outlier | null {
    const { latency: multiple } = this.#rule
    if (multiple === 0) return null
    const slow = this.#slowByLearnt(places)
    if (slow.length === 0) return null
    const meanOf = (place: number): number => this.#latencySum(place) / this.#latencyCount(place)
    const timed = places.filter((place) => this.#latencyCount(place) > 0)
    const sorted = sortedBy(timed, meanOf)
    let worst: Outlier | null = null
    let most = multiple
    for (const place of slow) {
      const mean = meanOf(place)
      const others = medianWithout(sorted, mean)
      if (!(mean / others >= most)) continue
      most = mean / others
      const cause = { by: 'latency', mean, answers: this.#latencyCount(place), others } as const
      worst = { slot: this.#slots[place]!, cause }
    }
    return worst
  }

  #slowByLearnt(places: readonly number[]): readonly number[] {
    const learntOf = (place: number): number => this.#traffic.latency[this.#slots[place]!]!
    const known = places.filter((place) => learntOf(place) > 0)
    const sorted = sortedBy(known, learntOf)
    const worse = Math.min(this.#rule.latency, TIMES_WORSE)
    return known.filter((place) => learntOf(place) >= worse * medianWithout(sorted, learntOf(place)))
  }

  #readTotals(): void {
    const { answers, failures, latencySum, latencyCount } = this.#traffic
    const n = this.#slots.length
    this.#slots.forEach((slot, place) => {
      this.#totals[place] = answers[slot]!
      this.#totals[n + place] = failures[slot]!
      this.#totals[2 * n + place] = latencySum[slot]!
      this.#totals[3 * n + place] = latencyCount[slot]!
    })
  }

  #since(column: number, place: number): number {
    const cell = column * this.#slots.length + place
    return this.#recent.since(cell, this.#totals[cell]!)
  }

  #answers = (place: number): number => this.#since(0, place) | 0 // it may have wrapped
  #failures = (place: number): number => this.#since(1, place) | 0
  #latencySum = (place: number): number => this.#since(2, place)
  #latencyCount = (place: number): number => this.#since(3, place)
}

const sortedBy = (places: readonly number[], valueOf: (place: number) => number): Float64Array =>
  Float64Array.from(places, valueOf).toSorted()

/** The median of the rest. @param sorted ascending, with `value` among them @returns NaN when there is no rest */
function medianWithout(sorted: Float64Array, value: number): number {
  const rest = sorted.length - 1
  let index = 0
  for (let high = rest; index < high;) {
    const middle = (index + high) >> 1
    if (sorted[middle]! < value) index = middle + 1
    else high = middle
  }
  const at = (i: number): number => sorted[i < index ? i : i + 1]!
  return rest < 1 ? NaN : (at((rest - 1) >> 1) + at(rest >> 1)) / 2
}
