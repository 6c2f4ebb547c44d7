// 32-bit hashes that are the same on every worker and machine: FNV-1a over bytes, finished by the mixer of MurmurHash3
// (fmix32, public domain, Austin Appleby), because FNV alone leaves short texts that differ at the end close together.
// Results are int32. Not for anything an attacker gains from colliding: there is no secret in it.
import { IPV6, NO_ADDRESS, groups, readNetwork } from './address.ts'

const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** Spreads every bit of n over all 32 bits; a bijection. */
export function mix(n: number): number {
  let h = n ^ (n >>> 16)
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/** @param seed a second, independent hash of the same text is had with another seed */
export function hashString(text: string, seed = 0): number {
  let h = FNV_OFFSET ^ seed
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    h = Math.imul(h ^ (unit & 0xff), FNV_PRIME)
    if (unit > 0xff) h = Math.imul(h ^ (unit >>> 8), FNV_PRIME)
  }
  return mix(h)
}

/** Where a hash of bytes begins, to be finished by mix: mix(addBytes(NO_BYTES, ...)) is hashString of the same latin1. */
export const NO_BYTES = FNV_OFFSET | 0

/** Goes on with bytes[from, to), piece by piece. */
export function addBytes(hash: number, bytes: Uint8Array, from: number, to: number): number {
  let h = hash
  for (let i = from; i < to; i++) h = Math.imul(h ^ bytes[i]!, FNV_PRIME)
  return h
}

/** Hash of an IP address by what it means. Text that is no address (the name of a unix socket) is hashed as text. */
export const hashAddress = (text: string): number => hashNetwork(text, 32, 128)

/**
 * The same of an address of which only the leading bits count: its network.
 * @param prefix4 bits that count of an IPv4 address, IPv4-mapped ones included
 * @param prefix6 bits that count of an IPv6 address
 */
export function hashNetwork(text: string, prefix4: number, prefix6: number): number {
  const family = readNetwork(text, prefix4, prefix6)
  if (family === NO_ADDRESS) return hashString(text)
  if (family !== IPV6) return mix((groups[6]! << 16) | groups[7]!)
  let h = FNV_OFFSET
  for (let i = 0; i < 8; i++) {
    h = Math.imul(h ^ (groups[i]! >>> 8), FNV_PRIME)
    h = Math.imul(h ^ (groups[i]! & 0xff), FNV_PRIME)
  }
  return mix(h)
}
