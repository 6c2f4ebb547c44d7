// What of the configuration of a key is the same for requests and for connections: whether the backend wants keys at all,
// the parts that come from the connection, and what stands in for a key that nobody sent.
import type { Dice } from '../../balance/types.ts'
import type { BalanceSpec } from '../../messages/snapshot.ts'
import { keyedBalancers, type KeyPart } from '../../model/balancers.ts'
import type { Digest } from './digest.ts'
import type { Origin } from './origin.ts'

/** Key of requests to a backend whose algorithm ignores keys. */
export const NO_KEY = 0

/** The parts of the key that the balancer of a backend follows; none when it follows no key. */
export const keyParts = ({ algorithm, file, key }: BalanceSpec): readonly KeyPart[] =>
  file !== null || keyedBalancers.has(algorithm) ? key : []

/** Adds a part that comes from the connection: `client` or `sni`. */
export function addOriginPart(digest: Digest, part: KeyPart, origin: Origin): void {
  const bytes = part.source === 'client' ? origin.networkText(part) : origin.serverName
  digest.add(bytes, 0, bytes.length)
}

/** All 32 bits by chance: what has no key at all is to spread evenly, not to pile up on the server of the empty key. */
export const randomKey = (dice: Dice): number => (dice.below(0x10000) << 16) | dice.below(0x10000)
