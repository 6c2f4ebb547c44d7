// Faulty on purpose: dice of its own, which Math.random seeds, so that no run can be repeated. Fails "seed".
import type { BalancerFactory } from 'weir/balance'

const create: BalancerFactory = () => {
  const state = Int32Array.of((Math.random() * 2 ** 31) | 1)
  const below = (n: number): number => {
    let x = state[0]!
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    state[0] = x
    return (x >>> 1) % n
  }
  return {
    pick({ n, slot, weight, weightSum }, _key, _now, avoid) {
      if (n < 2) return n === 0 ? -1 : slot[0]!
      for (;;) {
        let left = below(weightSum)
        let i = 0
        while ((left -= weight[i]!) >= 0) i++
        if (slot[i] !== avoid) return slot[i]!
      }
    },
  }
}
export default create
