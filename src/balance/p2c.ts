// The better of a few servers drawn by weight: the fewest in flight for its weight. `choices` says how many, two by default;
// each further one gains little (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 1996). O(1) in the
// size of the pool, and no state of its own.
//
// Of servers that are as loaded the first drawn wins. With two of equal weight that is a fair coin; with unequal weights it
// is what keeps light traffic by the weights, since only the first of several different draws has exactly these odds.
// Half-blind where the servers differ: it does not see how fast one answers, and a server that fails at once looks idle.
import { drawByWeight, drawIndex } from './draw.ts'
import type { BalancerFactory } from './types.ts'

/** Draws for each choice: past them a pool where one server has nearly all of the weight is compared less. */
const TRIES = 6

export const p2c: BalancerFactory = ({ board, dice, options }) => {
  const { inflight } = board.columns.server
  const choices = Math.max(1, options.choices)
  const drawn = new Int32Array(choices)

  return {
    pick(pool, _key, _now, avoid) {
      const { n, slot, inverse } = pool
      if (n < 2) return n === 0 ? -1 : slot[0]!
      const different = Math.min(choices, n)
      let best = -1
      let least = Infinity
      let found = 0
      for (let tries = different * TRIES; tries > 0 && found < different; tries--) {
        const i = drawIndex(pool, dice)
        const server = slot[i]!
        if (server === avoid) continue
        let at = 0
        while (at < found && drawn[at] !== server) at++
        if (at < found) continue // drawn before
        drawn[found++] = server
        const load = inflight[server]! * inverse[i]!
        if (load >= least) continue
        best = server
        least = load
      }
      return best < 0 ? drawByWeight(pool, dice, avoid) : best
    },
  }
}
