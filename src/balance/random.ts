// A random server, each with the odds of its weight. No memory and no view of load: even in the long run, uneven in the
// short. O(1) per pick by an alias table (Vose, "A linear algorithm for generating random numbers with a given
// distribution", IEEE TSE 17, 1991), kept in integers, so that the odds are the weights and not their rounded quotients.
import { drawByWeight } from './draw.ts'
import type { BalancerFactory, Pool } from './types.ts'

interface AliasTable {
  /** Cell i is server i when a draw below weightSum is below cut[i], else the server alias[i]. */
  readonly cut: Int32Array
  readonly alias: Int32Array
}

export const random: BalancerFactory = ({ dice }) => {
  let built: Pool | null = null
  let table: AliasTable = { cut: new Int32Array(0), alias: new Int32Array(0) }

  return {
    pick(pool, _key, avoid) {
      if (pool.n < 2) return pool.n === 0 ? -1 : pool.slot[0]!
      if (avoid >= 0 || pool !== built) return drawByWeight(pool, dice, avoid)
      const cell = dice.below(pool.n)
      return pool.slot[dice.below(pool.weightSum) < table.cut[cell]! ? cell : table.alias[cell]!]!
    },
    update(pool) {
      table = buildAliasTable(pool)
      built = pool
    },
  }
}

/**
 * n cells of equal size `weightSum`; server i has weight[i] * n to lay into them, which fills n cells in all. A cell holds
 * what is left of a small server, topped up by one large one, so that it never holds more than two.
 */
function buildAliasTable({ n, weight, weightSum }: Pool): AliasTable {
  const cut = new Int32Array(n).fill(weightSum)
  const alias = new Int32Array(n)
  const left = Float64Array.from(weight, (w) => w * n) // integers up to 2^47: exact
  const small: number[] = []
  const large: number[] = []
  for (let i = 0; i < n; i++) {
    alias[i] = i
    ;(left[i]! < weightSum ? small : large).push(i)
  }
  while (small.length > 0 && large.length > 0) {
    const under = small.pop()!
    const over = large.at(-1)!
    cut[under] = left[under]!
    alias[under] = over
    left[over] = left[over]! - (weightSum - left[under]!)
    if (left[over] < weightSum) small.push(large.pop()!)
  }
  return { cut, alias } // integers leave no rounding error: what remains in `large` fills its cell exactly
}
