// Peak EWMA, for those who come from Finagle or linkerd and want what they know: the better of two servers drawn by weight,
// by an average of latencies that jumps to every peak and comes down slowly, times the requests in flight.
//
//   on an answer   average = latency, if that is higher; else average * e^(-t/decay) + latency * (1 - e^(-t/decay))
//   cost           average * e^(-t/decay) * (1 + inflight / weight)          a server without an answer yet: as if 30 ms
//
// The rule is Finagle's (com.twitter.finagle.loadbalancer, PeakEwma), the figure for unknown servers linkerd's. Averages are
// this worker's own, as they are in these, and every answer counts alike, a fast failure too. So it has their weaknesses: one
// long pause starves a server for seconds, a server that fails at once draws traffic, and as the average of a silent server
// falls toward zero, a slow one comes back as the fastest. `adaptive` is what we made of these lessons.
// A tie goes to the first drawn: see p2c.ts.
import { drawByWeight, drawIndex } from './draw.ts'
import type { BalancerFactory } from './types.ts'

/** Latency of a server that has not answered yet, in µs. */
const UNKNOWN = 30_000
/** Draws until two are different, or one is enough. */
const TRIES = 12

export const peakEwma: BalancerFactory = ({ board, dice, options }) => {
  const { inflight } = board.columns.server
  const memory = options.decay * 1000
  const average = new Float64Array(inflight.length) // µs by slot; 0: no answer yet
  const stamp = new Int32Array(inflight.length)

  return {
    pick(pool, _key, now, avoid) {
      const { n, slot, inverse } = pool
      if (n < 2) return n === 0 ? -1 : slot[0]!
      let best = -1
      let least = Infinity
      for (let tries = TRIES; tries > 0; tries--) {
        const i = drawIndex(pool, dice)
        const server = slot[i]!
        if (server === avoid || server === best) continue
        let latency = average[server]!
        if (latency > 0) {
          const age = (now - stamp[server]!) | 0
          latency *= age < 0 ? 0 : Math.exp(-age / memory) // negative: the clock has wrapped, so long ago
        } else latency = UNKNOWN
        const cost = latency * (1 + inflight[server]! * inverse[i]!)
        if (best >= 0) return cost < least ? server : best
        best = server
        least = cost
      }
      return best < 0 ? drawByWeight(pool, dice, avoid) : best
    },

    onEnd(slot, now, latUs) {
      const before = average[slot]!
      const age = (now - stamp[slot]!) | 0
      stamp[slot] = now
      if (!(before > latUs)) {
        average[slot] = Math.max(1, latUs)
        return
      }
      const kept = age < 0 ? 0 : Math.exp(-age / memory)
      average[slot] = before * kept + Math.max(1, latUs) * (1 - kept)
    },
  }
}
