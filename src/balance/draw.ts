// Weighted draws from a pool. In O(1) by the alias table that every pool carries (Vose, "A linear algorithm for generating
// random numbers with a given distribution", IEEE TSE 17, 1991), kept in integers, so that the odds are the weights and not
// their rounded quotients. By a walk over the pool where one server is to be left out.
import type { Dice, Pool } from './types.ts'

/** As many as dice have; below the cell, what is left of one is still 2^21 places with 1024 servers. */
const THROWS = 2 ** 31

/** A slot, each with the odds of its weight; the pool must not be empty. */
export function draw(pool: Pool, dice: Dice): number {
  return pool.slot[drawIndex(pool, dice)]!
}

/** The same, as an index into the pool's arrays. */
export function drawIndex(pool: Pool, dice: Dice): number {
  return aliased(pool, (dice.below(THROWS) / THROWS) * pool.n)
}

/**
 * Several draws, each as drawIndex, from one throw of the dice: the further ones are steps of a Weyl sequence from the first,
 * mixed as a hash is, in integers alone. The high half says the cell and the low half the place in it, so the odds within a
 * cell are in steps of 1/65536. For pools of up to 65536 servers.
 */
export function drawIndexes({ n, coarse, alias }: Pool, dice: Dice, into: Int32Array): void {
  const draws = into.length
  let random = dice.below(THROWS)
  for (let k = 0; k < draws; k++) {
    random = (random + 0x9e3779b9) | 0
    let mixed = Math.imul(random ^ (random >>> 16), 0x85ebca6b)
    mixed ^= mixed >>> 13
    const cell = Math.imul(mixed >>> 16, n) >>> 16
    const below = ((mixed & 0xffff) - coarse[cell]!) >> 31
    into[k] = (cell & below) | (alias[cell]! & ~below)
  }
}

/**
 * One throw says both: the cell, and where in it. No branch, because half of the time it would be mispredicted: `below` is
 * all ones or all zeros.
 * @param place 0 to n, without n
 */
function aliased({ cut, alias, weightSum }: Pool, place: number): number {
  const cell = place | 0
  const below = ((((place - cell) * weightSum) | 0) - cut[cell]!) >> 31
  return (cell & below) | (alias[cell]! & ~below)
}

/** @returns a slot, each with the odds of its weight among all but `avoid`; -1 when the pool is empty */
export function drawByWeight(pool: Pool, dice: Dice, avoid: number): number {
  const { n, slot, weight } = pool
  if (n < 2) return n === 0 ? -1 : slot[0]!
  if (avoid < 0) return draw(pool, dice)
  let sum = pool.weightSum
  for (let i = 0; i < n; i++) if (slot[i] === avoid) sum -= weight[i]!
  let left = dice.below(sum)
  for (let i = 0; i < n; i++) {
    if (slot[i] === avoid) continue
    left -= weight[i]!
    if (left < 0) return slot[i]!
  }
  return -1 // not reached: `left` started below the sum of what was just subtracted
}

export interface AliasTable {
  /** Cell i is server i when a draw below the sum of the weights is below cut[i], else the server alias[i]. */
  readonly cut: Int32Array
  /** The same in parts of 65536, and 1 at least. */
  readonly coarse: Int32Array
  readonly alias: Int32Array
}

/**
 * n cells of equal size `sum`; server i has weight[i] * n to lay into them, which fills n cells in all. A cell holds what
 * is left of a small server, topped up by one large one, so that it never holds more than two.
 */
export function buildAliasTable(weight: Int32Array, sum: number): AliasTable {
  const n = weight.length
  const cut = new Int32Array(n).fill(sum)
  const alias = new Int32Array(n)
  const left = new Float64Array(n)
  const small: number[] = []
  const large: number[] = []
  for (let i = 0; i < n; i++) {
    alias[i] = i
    left[i] = weight[i]! * n // integers up to 2^47: exact
    ;(left[i]! < sum ? small : large).push(i)
  }
  while (small.length > 0 && large.length > 0) {
    const under = small.pop()!
    const over = large.at(-1)!
    cut[under] = left[under]!
    alias[under] = over
    left[over] = left[over]! - (sum - left[under]!)
    if (left[over] < sum) small.push(large.pop()!)
  }
  const coarse = cut.map((c) => Math.max(1, Math.round((c / sum) * 0x10000)))
  return { cut, coarse, alias } // integers leave no rounding error: what remains in `large` fills its cell exactly
}
