// Weighted rendezvous hashing: every server draws an exponential time from the key and its name, at the rate of its
// weight, and the earliest wins. Perfectly stable (a server that goes gives away its own keys and nothing else moves) and
// without a table, but O(n) per pick: what picks by key fall back to while there is no table, or when it leads nowhere.
// Thaler and Ravishankar, "Using name-based mappings to increase hit rates", IEEE/ACM ToN 6, 1998.
import { hashString, mix } from './hash.ts'
import type { Pool } from './types.ts'

/**
 * By the full weights: keys do not move while a server starts slowly.
 * @returns an index into the pool's arrays; -1 when nothing is left but `avoid`
 */
export function rendezvous({ n, slot, weight, names, members }: Pool, key: number, avoid: number): number {
  let best = -1
  let earliest = Infinity
  let at = 0 // the pool's servers are members, in the same order
  for (let i = 0; i < n; i++) {
    while (at < members.length && members[at]!.slot !== slot[i]) at++
    if (slot[i] === avoid) continue
    const rate = at < members.length ? members[at]!.weight : weight[i]!
    const uniform = ((mix(key ^ hashString(names[i]!)) >>> 0) + 0.5) / 0x100000000
    const time = -Math.log(uniform) / rate
    if (time < earliest || (time === earliest && names[i]! < names[best]!)) {
      best = i
      earliest = time
    }
  }
  return best
}
