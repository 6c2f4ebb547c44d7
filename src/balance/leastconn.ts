// The server with the fewest requests in flight for its weight, by the counts that all workers share. O(n) per pick, and
// no state of its own.
//
// Counts are whole numbers and weights are not alike, so "fewest" needs care when little is in flight. Comparing count /
// weight lets any idle server beat every busy one: with 3 in flight over weights 1:3:6 each gets a third. Instead,
// imagine all servers filled evenly until the first can take one more request whole: that is the level
// min (count + 1) / weight. Each server below the level has room for a part of a request, level * weight - count, at most
// a whole one, and is drawn with those odds. Hence:
//  - with equal weights the fewest in flight wins, always, and ties are even, whatever the order;
//  - with nothing in flight the odds are the weights, so light traffic follows them too;
//  - with equal weights and nothing in flight, ties are drawn by a golden-ratio sequence over the cursor that all workers
//    share, which spreads consecutive requests more evenly than dice (Weyl's equidistribution). Else by dice: the sequence
//    falls in step with small counts, which costs instances that share a farm 13 % of their p99 (`weir simulate`);
//  - nobody is picked while another would be no busier for its weight with one request more.
// What it cannot see: how fast a server answers. One that fails at once is always idle, and draws traffic.
import type { BalancerFactory } from './types.ts'

/** 2^32 divided by the golden ratio, and one turn of the sequence. */
const GOLDEN = 0x9e3779b1
const TURN = 2 ** 32

export const leastconn: BalancerFactory = ({ board, dice }) => {
  const { inflight } = board.columns.server
  const { cursor } = board.columns.backend
  return {
    pick(pool, _key, _now, avoid) {
      const { n, slot, weight, backend } = pool
      if (n < 2) return n === 0 ? -1 : slot[0]!

      // The level as a fraction, levelCount / levelWeight. No division: products of a count below 2^31 and a weight
      // below 2^16 are exact in a double.
      let best = -1
      let levelCount = 0
      let levelWeight = 0
      for (let i = 0; i < n; i++) {
        const candidate = slot[i]!
        if (candidate === avoid) continue
        const count = inflight[candidate]! + 1
        if (best >= 0 && count * levelWeight >= levelCount * weight[i]!) continue
        best = candidate
        levelCount = count
        levelWeight = weight[i]!
      }

      let rooms = 0 // each is 1 .. levelWeight, in parts of a request
      for (let i = 0; i < n; i++) {
        if (slot[i] !== avoid) rooms += Math.max(0, levelCount * weight[i]! - levelWeight * inflight[slot[i]!]!)
      }
      let left: number
      if (rooms === pool.weightSum && pool.weightSum === n * levelWeight) {
        left = ((Math.imul(Atomics.add(cursor, backend, 1), GOLDEN) >>> 0) / TURN) * rooms
      } else left = dice.below(rooms)
      for (let i = 0; i < n; i++) {
        if (slot[i] === avoid) continue
        const room = levelCount * weight[i]! - levelWeight * inflight[slot[i]!]!
        if (room <= 0) continue
        best = slot[i]! // counts may change meanwhile: the last one with room takes what is left over
        left -= room
        if (left < 0) break
      }
      return best
    },
  }
}
