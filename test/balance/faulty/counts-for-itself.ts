// Faulty on purpose: counts the requests in flight in a column that the board counts in already. Fails "writes".
import type { BalancerFactory } from 'weir/balance'

const create: BalancerFactory = ({ board, dice }) => {
  const { inflight } = board.columns.server
  return {
    pick({ n, slot, weight, weightSum }, _key, _now, avoid) {
      if (n === 0) return -1
      let picked = slot[0]!
      while (n > 1) {
        let left = dice.below(weightSum)
        let i = 0
        while ((left -= weight[i]!) >= 0) i++
        picked = slot[i]!
        if (picked !== avoid) break
      }
      inflight[picked]!++
      return picked
    },
  }
}
export default create
