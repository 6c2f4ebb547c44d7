// Random numbers for the model of the world: arrivals, service times, faults. Each has a stream of its own, so that two
// algorithms compared under one seed meet the very same requests and the very same bad luck, and differ by their picks.
// The generator is sfc32 (Chris Doty-Humphrey, PractRand; public domain): better than the algorithms' own dice, as the
// tails of the distributions are what a simulation is about. Not for anything that must not be guessed.
import { mix } from '../balance/hash.ts'

/** One stream for each thing that happens by chance. Faults take several: `faults` and the numbers above it. */
export const streams = { arrivals: 1, sizes: 2, keys: 3, instances: 4, failures: 5, faults: 6 } as const

export class Random {
  readonly #state = new Int32Array(4)

  /** @param stream numbers of different streams of one seed have nothing to do with each other */
  constructor(seed: number, stream: number) {
    this.#state.set([mix(seed), mix(stream ^ 0x2545f491), mix(seed + Math.imul(stream, 0x9e3779b9)), 1])
    for (let i = 0; i < 12; i++) this.uniform() // until the seed has reached all bits
  }

  /** In [0, 1), in steps of 2^-32. */
  uniform(): number {
    const state = this.#state
    const counter = state[3]!
    const sum = (state[0]! + state[1]! + counter) | 0
    state[3] = counter + 1
    state[0] = state[1]! ^ (state[1]! >>> 9)
    state[1] = (state[2]! + (state[2]! << 3)) | 0
    state[2] = (((state[2]! << 21) | (state[2]! >>> 11)) + sum) | 0
    return (sum >>> 0) / 0x100000000
  }

  /** Uniform integer in 0 .. n-1. */
  below(n: number): number {
    return Math.floor(this.uniform() * n)
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.uniform())
  }

  /** Of mean 0 and variance 1, by the transform of Box and Muller. */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform())
  }
}
