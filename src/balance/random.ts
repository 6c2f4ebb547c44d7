// A random server, each with the odds of its weight. No memory and no view of load: even in the long run, uneven in the
// short.
import { drawByWeight } from './draw.ts'
import type { BalancerFactory } from './types.ts'

export const random: BalancerFactory = ({ dice }) => ({
  pick: (pool, _key, _now, avoid) => drawByWeight(pool, dice, avoid),
})
