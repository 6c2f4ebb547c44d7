// Faulty on purpose: returns the index into the pool instead of the slot at that index. Fails "members".
import type { BalancerFactory } from 'weir/balance'

const create: BalancerFactory = ({ dice }) => ({
  pick({ n, slot, cut, alias, weightSum }) {
    if (n < 2) return n === 0 ? -1 : slot[0]!
    const cell = dice.below(n)
    return dice.below(weightSum) < cut[cell]! ? cell : alias[cell]!
  },
})
export default create
