// Faulty on purpose: keeps to a server for a millisecond by comparing times that wrap, and so to one for ever after the wrap.
// Fails "time".
import type { BalancerFactory } from 'weir/balance'

const create: BalancerFactory = ({ dice }) => {
  let until = 0
  let current = -1
  return {
    pick({ n, slot, weight, weightSum }, _key, now, avoid) {
      if (n < 2) return n === 0 ? -1 : slot[0]!
      if (now < until && current !== avoid && slot.includes(current)) return current
      until = now + 1000
      do {
        let left = dice.below(weightSum)
        let i = 0
        while ((left -= weight[i]!) >= 0) i++
        current = slot[i]!
      } while (current === avoid)
      return current
    },
  }
}
export default create
