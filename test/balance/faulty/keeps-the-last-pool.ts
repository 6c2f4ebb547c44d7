// Faulty on purpose: picks from the pool of the last update, not from the one it is handed. Fails "pools".
import type { BalancerFactory, Pool } from 'weir/balance'

const create: BalancerFactory = ({ dice }) => {
  let last: Pool
  return {
    pick(_pool, _key, _now, avoid) {
      const { n, slot, weight, weightSum } = last
      if (n < 2) return n === 0 ? -1 : slot[0]!
      for (;;) {
        let left = dice.below(weightSum)
        let i = 0
        while ((left -= weight[i]!) >= 0) i++
        if (slot[i] !== avoid) return slot[i]!
      }
    },
    update(pool) {
      last = pool
    },
  }
}
export default create
