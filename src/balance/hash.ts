// 32-bit hashes that are the same on every worker and machine: FNV-1a over bytes, finished by the mixer of MurmurHash3
// (fmix32, public domain, Austin Appleby), because FNV alone leaves short texts that differ at the end close together.
// Results are int32. Not for anything an attacker gains from colliding: there is no secret in it.

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

const groups = new Uint16Array(8) // scratch for one address at a time, so that hashing one makes no garbage

/**
 * Hash of an IP address by what it means, not by how it is written: `::1` and `0:0:0:0:0:0:0:1` agree, and an IPv4-mapped
 * address (`::ffff:192.0.2.1`, what a dual-stack listener reports) is its IPv4 address. A zone (`%eth0`) is left out.
 * Text that is no address (the name of a unix socket) is hashed as text.
 */
export function hashAddress(text: string): number {
  const ipv4 = readIPv4(text, 0, text.length)
  if (ipv4 >= 0) return mix(ipv4)
  if (!readIPv6(text)) return hashString(text)
  if (isMapped()) return mix((groups[6]! << 16) | groups[7]!)
  let h = FNV_OFFSET
  for (let i = 0; i < 8; i++) {
    h = Math.imul(h ^ (groups[i]! >>> 8), FNV_PRIME)
    h = Math.imul(h ^ (groups[i]! & 0xff), FNV_PRIME)
  }
  return mix(h)
}

function isMapped(): boolean {
  for (let i = 0; i < 5; i++) if (groups[i] !== 0) return false
  return groups[5] === 0xffff
}

/** The address as an unsigned 32-bit number, -1 when text[at, end) is no dotted quad. */
function readIPv4(text: string, at: number, end: number): number {
  let address = 0
  for (let part = 0; part < 4; part++) {
    let value = 0
    const start = at
    for (; at < end; at++) {
      const digit = text.charCodeAt(at) - 0x30
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
    }
    if (at === start || at - start > 3 || value > 255) return -1
    address = address * 256 + value
    if (part < 3 && (at >= end || text.charCodeAt(at++) !== 0x2e)) return -1
  }
  return at === end ? address : -1
}

/** Fills `groups` from any of the forms of RFC 4291, section 2.2; false when the text is no IPv6 address. */
function readIPv6(text: string): boolean {
  const zone = text.indexOf('%')
  const end = zone < 0 ? text.length : zone
  let count = 0
  let gap = -1 // groups before '::'
  let at = 0
  if (text.startsWith('::')) {
    gap = 0
    at = 2
  }
  while (at < end) {
    const start = at
    let value = 0
    for (let digit = hexDigit(text, at); at < end && digit >= 0; digit = hexDigit(text, ++at))
      value = value * 16 + digit
    if (at < end && text.charCodeAt(at) === 0x2e) {
      const ipv4 = readIPv4(text, start, end)
      if (ipv4 < 0 || count > 6) return false
      groups[count++] = ipv4 >>> 16
      groups[count++] = ipv4 & 0xffff
      break
    }
    if (at === start || at - start > 4 || count === 8) return false
    groups[count++] = value
    if (at === end) break
    if (text.charCodeAt(at++) !== 0x3a || at === end) return false
    if (text.charCodeAt(at) === 0x3a) {
      if (gap >= 0) return false
      gap = count
      at++
    }
  }
  if (gap < 0) return count === 8
  if (count === 8) return false // '::' stands for one group at least
  groups.copyWithin(8 - (count - gap), gap, count)
  groups.fill(0, gap, 8 - (count - gap))
  return true
}

function hexDigit(text: string, at: number): number {
  const unit = text.charCodeAt(at)
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30
  const letter = unit | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
