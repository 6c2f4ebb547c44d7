// The first server in the order of the configuration that is not full, so that few servers are busy and the rest can be
// switched off. A server is full at `limit` requests in flight (http) or connections (tcp), over all workers, if its weight
// is the mean of the pool; one of twice the mean weight at twice as many, and every server takes at least one. When all are
// full, the least loaded for its weight, the earlier of two. O(n), no state of its own, and no dice.
// A limit here says where to go, not how many to admit: no request is refused or made to wait. Two workers that pick at
// the same moment may both take the last place.
import type { BalancerFactory } from './types.ts'

export const first: BalancerFactory = ({ board, options }) => {
  const { inflight } = board.columns.server
  const { limit } = options

  return {
    pick(pool, _key, _now, avoid) {
      const { n, slot, inverse } = pool
      if (n < 2) return n === 0 ? -1 : slot[0]!
      let best = -1
      let least = Infinity
      for (let i = 0; i < n; i++) {
        const server = slot[i]!
        if (server === avoid) continue
        const load = inflight[server]! * inverse[i]!
        if (load < limit) return server
        if (load >= least) continue
        best = server
        least = load
      }
      return best
    },
  }
}
