// The default: the server where a further request is likely to be answered soonest and well, by what is in flight, how fast
// each has been lately, and how often it failed. It needs nothing from the servers and no state of its own: the board
// learns (learning.ts), and all workers share what it has learnt.
//
//   cost = factor * (1 + inflight / weight)            factor = sqrt(latency / pool's median) / success^2, from the board
//
// times sqrt(silence / stall), sqrt(8) at most, once requests have waited for longer than `stall` (and 0.8 ms) without
// a sign of life: this is how a server in a long pause is noticed before the first timeout. Silence is taken from `waiting`
// and not from `inflight`: downloads and WebSockets are in flight for hours with nobody waiting for their first byte.
//
// The least cost wins: of all servers in pools of up to 16, else of 8 drawn by weight, so that a pick costs the same in the
// largest pool (the idea: Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 1996; eight of them, because
// two draws often show no server that is both fast and free). Servers that tie are drawn by weight.
//
// When the winner is idle there is no queue to avoid, and a small difference of factors is chance: the least cost alone would
// send all light traffic to one server until its average changes. So all idle servers tie with it whose latency is within
// 5 % or 0.8 ms of its own, and who fail as little. Wider limits spread light traffic better still, but where dozens of
// instances share a farm and each sees little of it, small differences are news (`weir simulate --instances 64`).
//
// What it cannot see: a wrong answer that comes fast, or requests that differ in cost by their kind (the latency is then an
// average of the mix). Counts may change under a pick, by other workers; the answer is then as good as one a moment older.
import { drawByWeight, drawIndexes } from './draw.ts'
import type { BalancerFactory } from './types.ts'

/** Largest pool that is scanned as a whole. */
const SCAN = 16
/** Servers drawn from a larger one. */
const DRAWS = 8
/** A silent server's cost rises by the root of this at most. */
const SILENCE_LIMIT = 8
/** Idle servers are tied up to this ratio of their latencies, and of the price of their failures. */
const ALIKE = 1.05
/** µs. What the load balancer's own work may add to a latency, at one time and not at another: less says nothing. */
const NOISE = 800

export const adaptive: BalancerFactory = ({ board, dice }) => {
  const { inflight, waiting, progress, stall, factor } = board.columns.server
  // Scratch of one pick, here so that a pick makes no garbage: what was drawn, and where the idle servers are.
  const drawn = new Int32Array(DRAWS)
  const idle = new Int32Array(SCAN)

  return {
    // One function, though long: a double handed from one function to another would be boxed unless V8 inlines it.
    pick(pool, _key, now, avoid) {
      const { n, slot, weight, inverse } = pool
      if (n < 2) return n === 0 ? -1 : slot[0]!
      const scan = n <= SCAN
      const compared = scan ? n : DRAWS
      if (!scan) drawIndexes(pool, dice, drawn)

      let best = -1 // of the busy ones
      let least = Infinity
      let tied = 0
      let idles = 0
      let leastIdle = Infinity
      let bestIdle = -1
      for (let k = 0; k < compared; k++) {
        const i = scan ? k : drawn[k]!
        const server = slot[i]!
        if (server === avoid) continue
        const count = inflight[server]!
        let cost = factor[server]!
        if (count === 0) {
          if (cost < leastIdle) {
            leastIdle = cost
            bestIdle = server
          }
          idle[idles++] = i
          continue
        }
        cost *= 1 + count * inverse[i]!
        if (cost > least) continue // silence would only add to it
        if (waiting[server]! > 0) {
          const silence = (now - progress[server]!) | 0
          const normal = stall[server]! + NOISE
          if (silence > normal && normal > NOISE) {
            cost *= Math.sqrt(Math.min(SILENCE_LIMIT, silence / normal))
            if (cost > least) continue
          }
        }
        const share = scan ? weight[i]! : 1 // what was drawn was drawn by weight
        if (cost < least) tied = 0
        tied += share
        if (tied === share || dice.below(tied) < share) best = server
        least = cost
      }
      if (least < leastIdle) return best
      if (idles === 0) return drawByWeight(pool, dice, avoid) // nothing but `avoid` was drawn

      // The columns say what can be compared: stall is the expected latency, and factor^2 / stall the price of failures.
      const soon = stall[bestIdle]!
      const late = Math.max(soon * ALIKE, soon + NOISE)
      const price = leastIdle * leastIdle * ALIKE
      tied = 0
      for (let k = 0; k < idles; k++) {
        const i = idle[k]!
        const server = slot[i]!
        const expected = stall[server]!
        if (expected > late || factor[server]! * factor[server]! * soon > price * expected) continue
        const share = scan ? weight[i]! : 1
        tied += share
        if (tied === share || dice.below(tied) < share) best = slot[i]!
      }
      return best < 0 ? slot[idle[0]!]! : best // below 0: another worker has raised all of their factors meanwhile
    },
  }
}
