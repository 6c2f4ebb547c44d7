// The requests: when each comes, how much work it is, and its key. Drawn from distributions, or as they were recorded.
// The same for every algorithm under one seed: each of the three has its own stream of random numbers.
import { mix } from '../balance/hash.ts'
import { Random, streams } from './random.ts'
import type { Scenario, Setup, Sizes } from './types.ts'

/** The next request, in three fields; advance() goes on to the one after it. */
export class Workload {
  /** ms since the start; Infinity: there are no more. */
  at = 0
  /** ms on an idle core of speed 1. */
  size = 0
  /** int32. */
  key = 0
  readonly #setup: Setup
  /** ms between two arrivals. */
  readonly #gap: number
  readonly #arrivals: Random
  readonly #sizes: Random
  readonly #keys: KeySource
  #count = 0

  /** @param rate requests per second; unused with a recording */
  constructor(setup: Setup, rate: number) {
    this.#setup = setup
    this.#gap = rate > 0 ? 1000 / rate : Infinity
    this.#arrivals = new Random(setup.seed, streams.arrivals)
    this.#sizes = new Random(setup.seed, streams.sizes)
    this.#keys = new KeySource(setup.keys, new Random(setup.seed, streams.keys))
    this.advance()
  }

  advance(): void {
    const { recording, sizes } = this.#setup
    const i = this.#count++
    if (recording !== null) {
      this.at = recording.arrivals[i] ?? Infinity
      this.size = recording.services[i] ?? 0
      this.key = recording.keys[i] ?? 0
      return
    }
    this.at += this.#arrivals.exponential(this.#gap)
    this.size = drawSize(sizes, this.#sizes, i)
    this.key = this.#keys.draw()
  }
}

/** Mean of a distribution of sizes, in ms. */
export function meanSize(sizes: Sizes): number {
  switch (sizes.kind) {
    case 'mix':
      return sizes.share * sizes.long + (1 - sizes.share) * sizes.short
    case 'recorded':
      return sizes.values.reduce((sum, value) => sum + value, 0) / sizes.values.length
    case 'exponential':
    case 'deterministic':
    case 'lognormal':
      return sizes.mean
  }
}

function drawSize(sizes: Sizes, random: Random, i: number): number {
  switch (sizes.kind) {
    case 'exponential':
      return random.exponential(sizes.mean)
    case 'deterministic':
      return sizes.mean
    case 'mix':
      return random.uniform() < sizes.share ? sizes.long : sizes.short
    case 'lognormal':
      return sizes.mean * Math.exp(sizes.sigma * random.normal() - sizes.sigma ** 2 / 2)
    case 'recorded':
      return sizes.values[i % sizes.values.length]!
  }
}

/** Keys by popularity: the k-th most frequent one has the odds 1 / k^zipf. */
class KeySource {
  /** Odds of the first k + 1 keys together. */
  readonly #cumulative: Float64Array
  readonly #random: Random

  constructor({ count, zipf }: Scenario['keys'], random: Random) {
    this.#random = random
    this.#cumulative = new Float64Array(Math.max(1, count))
    let sum = 0
    for (let k = 0; k < this.#cumulative.length; k++) this.#cumulative[k] = sum += (k + 1) ** -zipf
  }

  draw(): number {
    const target = this.#random.uniform() * this.#cumulative.at(-1)!
    let low = 0
    let high = this.#cumulative.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#cumulative[middle]! > target) high = middle
      else low = middle + 1
    }
    return mix(Math.imul(low + 1, 0x9e3779b1))
  }
}
