// Faulty on purpose: throws when no server is usable. Fails "empty".
import type { BalancerFactory } from 'weir/balance'

const create: BalancerFactory = ({ dice }) => ({
  pick({ n, slot, weight, weightSum }, _key, _now, avoid) {
    if (n === 0) throw new Error('there is no server')
    if (n === 1) return slot[0]!
    for (;;) {
      let left = dice.below(weightSum)
      let i = 0
      while ((left -= weight[i]!) >= 0) i++
      if (slot[i] !== avoid) return slot[i]!
    }
  },
})
export default create
