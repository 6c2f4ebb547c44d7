// Faulty on purpose: the key modulo the sum of the weights, so that nearly every key moves when a server goes. Fails "keys".
import type { BalancerFactory, Pool } from 'weir/balance'

/** Each server as often as its weight says (its part of 1024), in the order of the names. */
function wheelOf({ n, slot, weight, weightSum, names }: Pool): Int32Array {
  const order = Array.from({ length: n }, (_, i) => i).toSorted((a, b) => (names[a]! < names[b]! ? -1 : 1))
  return Int32Array.from(
    order.flatMap((i) => Array<number>(Math.max(1, Math.round((1024 * weight[i]!) / weightSum))).fill(slot[i]!)),
  )
}

const create: BalancerFactory = () => {
  let built: Pool | null = null
  let wheel: Int32Array = new Int32Array(0)
  return {
    pick(pool, key, _now, avoid) {
      if (pool.n < 2) return pool.n === 0 ? -1 : pool.slot[0]!
      const here = pool === built ? wheel : wheelOf(pool)
      let at = (key >>> 0) % here.length
      while (here[at] === avoid) at = (at + 1) % here.length
      return here[at]!
    },
    update(pool) {
      built = pool
      wheel = wheelOf(pool)
    },
  }
}
export default create
