// Random numbers for the algorithms: xorshift32 (Marsaglia, "Xorshift RNGs", 2003), period 2^32 - 1.
// Fast, seeded, the same on every machine, and without a byte of garbage; not for anything that must not be guessed.
import { mix } from './hash.ts'
import type { Dice } from './types.ts'

/** @param seed any integer; give each worker its own, or all workers draw the same numbers */
export function createDice(seed: number): Dice {
  const state = new Int32Array(1) // a typed array, because a plain number that outgrows 31 bits may be boxed
  state[0] = mix(seed ^ 0x5bd1e995) || 1 // neighbouring seeds start far apart; 0 would stay 0 for ever
  return {
    below(n) {
      let x = state[0]!
      x ^= x << 13
      x ^= x >>> 17
      x ^= x << 5
      state[0] = x
      // The high bits choose. For n < 2^31 the product's rounding never reaches the next integer; some numbers are likelier
      // than others by at most n / 2^32.
      return (((x >>> 0) * n) / 0x100000000) | 0 // below 2^31, so this is floor, for less than half the time
    },
  }
}
