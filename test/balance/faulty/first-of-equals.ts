// Faulty on purpose: of servers that are equally loaded it takes the first in the list. Fails "order".
import type { BalancerFactory } from 'weir/balance'

const create: BalancerFactory = ({ board }) => {
  const { inflight } = board.columns.server
  return {
    pick({ n, slot, weight }, _key, _now, avoid) {
      let best = -1
      for (let i = 0; i < n; i++) {
        if (slot[i] === avoid && n > 1) continue
        if (best < 0 || (inflight[slot[i]!]! + 1) * weight[best]! < (inflight[slot[best]!]! + 1) * weight[i]!) best = i
      }
      return best < 0 ? -1 : slot[best]!
    },
  }
}
export default create
