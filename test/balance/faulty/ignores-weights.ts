// Faulty on purpose: the weights of the servers count for nothing. Fails "weights".
import type { BalancerFactory } from 'weir/balance'

const create: BalancerFactory = ({ dice }) => ({
  pick({ n, slot }, _key, _now, avoid) {
    if (n < 2) return n === 0 ? -1 : slot[0]!
    const index = dice.below(n)
    return slot[index] === avoid ? slot[(index + 1) % n]! : slot[index]!
  },
})
export default create
