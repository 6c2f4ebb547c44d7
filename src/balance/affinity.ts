// A key stays with its server as long as that is not much busier than the others: for caches and sessions whose keys are
// not equally popular. The list of preferences is that of `hash` (Maglev); a server is taken when its cost, which is
//   factor * (1 + in flight / weight)      with the factor from learning.ts: how fast and how well it answers
// is at most bound * (1 + mean in flight) + 1. So it also leaves homes that are slow or fail, where a bound on counts alone
// would stay; and the 1 at the end keeps keys at home while little is in flight, where any request more looks like a lot.
// Past eight entries the cheapest of them is taken. Bounded loads: Mirrokni, Thorup and Zadimoghaddam, "Consistent hashing
// with bounded loads", SODA 2018; overflow spreads by rehash, because by the next of a ring it would fall on one neighbour.
// The mean is counted over the pool's own servers, because one that was put out of it may still have hundreds waiting. Only
// every n / 4 picks, which make no more than a quarter of a request of difference to it, so a pick is O(1) on average.
import { buildKeyTable } from './key-table.ts'
import { KeyedPool, rehash } from './keyed-pool.ts'
import { cellOf } from './maglev.ts'
import { rendezvous } from './rendezvous.ts'
import type { Algorithm, Pool } from './types.ts'

const ENTRIES_TRIED = 8
/** n >> this: picks between two counts of what is in flight. */
const COUNT_SHIFT = 2

export const affinity: Algorithm = {
  create({ board, options }) {
    const { factor, inflight } = board.columns.server
    const { bound } = options
    const keyed = new KeyedPool('maglev')
    let counted: Pool | null = null
    const count = { picksLeft: 0, inflight: 0 } // not variables of the closure, which are slower to write

    return {
      pick(pool, key, _now, avoid) {
        const { n, slot, inverse } = pool
        if (n < 2) return n === 0 ? -1 : slot[0]!

        if (--count.picksLeft <= 0 || pool !== counted) {
          let sum = 0
          for (let i = 0; i < n; i++) sum += inflight[slot[i]!]!
          counted = pool
          count.inflight = sum
          count.picksLeft = n >> COUNT_SHIFT
        }
        const limit = bound * (1 + count.inflight / n) + 1

        const { owners } = keyed.section
        let best = -1
        let least = Infinity
        for (let k = 0; k < ENTRIES_TRIED; k++) {
          const hashed = rehash(key, k)
          const place =
            owners.length > 0
              ? keyed.placeOf(pool, owners[cellOf(hashed, owners.length)]!)
              : rendezvous(pool, k === 0 ? key : hashed, avoid)
          if (place < 0) continue
          const candidate = slot[place]!
          if (candidate === avoid) continue
          const cost = factor[candidate]! * (1 + inflight[candidate]! * inverse[place]!)
          if (cost <= limit) return candidate
          if (cost < least) {
            best = candidate
            least = cost
          }
        }
        return best >= 0 ? best : slot[rendezvous(pool, key, avoid)]!
      },
      update: (pool, table) => keyed.update(pool, table),
    }
  },
  table: (members) => buildKeyTable(members, 'maglev'),
}
