// Servers in turn, each as often as its weight says, smoothly (see rotation.ts). The counter of turns is shared memory and
// is advanced by all workers, so the shares are exact over the whole process and not just in each worker. Workers must
// hold equal pools for that; they differ only for the moment in which a change reaches them.
// The counter wraps at 2^32: once in four thousand million picks the rotation starts anew before its end.
import { drawByWeight } from './draw.ts'
import { buildRotation, serverOf, type Rotation } from './rotation.ts'
import type { BalancerFactory, Pool } from './types.ts'

export const roundrobin: BalancerFactory = ({ board, dice }) => {
  const { cursor } = board.columns.backend
  let built: Pool | null = null
  let rotation: Rotation = buildRotation(new Int32Array(0))

  return {
    pick(pool, _key, _now, avoid) {
      if (pool.n < 2) return pool.n === 0 ? -1 : pool.slot[0]!
      if (pool !== built) return drawByWeight(pool, dice, avoid)
      const turn = (Atomics.add(cursor, pool.backend, 1) >>> 0) % rotation.length
      const slot = pool.slot[serverOf(rotation, turn)]!
      return slot === avoid ? (nextOther(pool, rotation, turn, avoid) ?? drawByWeight(pool, dice, avoid)) : slot
    },
    update(pool) {
      rotation = buildRotation(pool.weight)
      built = pool
    },
  }
}

/** The server of the next turn that is another's; undefined where the rotation is too long to walk. */
function nextOther(pool: Pool, { order }: Rotation, turn: number, avoid: number): number | undefined {
  for (let i = 1; i < order.length; i++) {
    const slot = pool.slot[order[(turn + i) % order.length]!]!
    if (slot !== avoid) return slot
  }
  return undefined
}
