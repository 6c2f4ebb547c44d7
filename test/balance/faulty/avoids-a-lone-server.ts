// Faulty on purpose: when a retry wants to avoid the only server, it picks none. Fails "single".
import type { BalancerFactory } from 'weir/balance'

const create: BalancerFactory = ({ dice }) => ({
  pick({ n, slot, weight, weightSum }, _key, _now, avoid) {
    if (n === 0 || (n === 1 && slot[0] === avoid)) return -1
    for (;;) {
      let left = dice.below(weightSum)
      let i = 0
      while ((left -= weight[i]!) >= 0) i++
      if (slot[i] !== avoid) return slot[i]!
    }
  },
})
export default create
