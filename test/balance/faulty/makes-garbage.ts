// Faulty on purpose: a list of candidates is made for every pick. Fails "heap".
import type { BalancerFactory } from 'weir/balance'

const create: BalancerFactory = ({ dice }) => ({
  pick({ n, slot, weight }, _key, _now, avoid) {
    if (n < 2) return n === 0 ? -1 : slot[0]!
    const candidates: { slot: number; weight: number }[] = []
    for (let i = 0; i < n; i++) if (slot[i] !== avoid) candidates.push({ slot: slot[i]!, weight: weight[i]! })
    let left = dice.below(candidates.reduce((sum, candidate) => sum + candidate.weight, 0))
    return candidates.find((candidate) => (left -= candidate.weight) < 0)!.slot
  },
})
export default create
