// One weighted draw by a walk over the pool: O(n), needs no table. What the table-based algorithms fall back on for a
// retry, and for a pool that is not the one their tables were built for.
import type { Dice, Pool } from './types.ts'

/** @returns a slot, each with the odds of its weight among all but `avoid`; -1 when the pool is empty */
export function drawByWeight(pool: Pool, dice: Dice, avoid: number): number {
  const { n, slot, weight } = pool
  if (n < 2) return n === 0 ? -1 : slot[0]!
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
