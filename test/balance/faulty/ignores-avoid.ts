// Faulty on purpose: a retry may go to the server that has just failed. Fails "avoid".
import type { BalancerFactory } from 'weir/balance'

const create: BalancerFactory = ({ dice }) => ({
  pick({ n, slot, cut, alias, weightSum }) {
    if (n === 0) return -1
    const cell = dice.below(n)
    return slot[dice.below(weightSum) < cut[cell]! ? cell : alias[cell]!]!
  },
})
export default create
