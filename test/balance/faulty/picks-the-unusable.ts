// Faulty on purpose: picks from all members of the pool, down and drained ones too. Fails "members".
import type { BalancerFactory } from 'weir/balance'

const create: BalancerFactory = ({ dice }) => ({
  pick({ n, slot, members }, _key, _now, avoid) {
    if (n < 2) return n === 0 ? -1 : slot[0]!
    let sum = 0
    for (let i = 0; i < members.length; i++) sum += members[i]!.weight
    for (;;) {
      let left = dice.below(sum)
      let i = 0
      while ((left -= members[i]!.weight) >= 0) i++
      if (members[i]!.slot !== avoid) return members[i]!.slot
    }
  },
})
export default create
