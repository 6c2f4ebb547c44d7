// IP addresses as numbers, so that they can be hashed and masked by what they mean and not by how they are written: `::1`
// and `0:0:0:0:0:0:0:1` agree, and an IPv4-mapped address (`::ffff:192.0.2.1`, what a dual-stack listener reports) is its
// IPv4 address. A zone (`%eth0`) is left out. One address at a time, in `groups`, which makes no garbage.

/** What a text turned out to be. */
export const NO_ADDRESS = 0
export const IPV4 = 4
export const IPV6 = 6

/** The address that was read last: its eight groups of 16 bits, or for IPv4 the last two of them. */
export const groups = new Uint16Array(8)

/**
 * Reads an address into `groups` and clears all but the leading bits of it.
 * @param prefix4 bits that are kept of an IPv4 address, 0 to 32
 * @param prefix6 bits that are kept of any other, 0 to 128
 * @returns IPV4, IPV6, or NO_ADDRESS for any other text; `groups` then means nothing
 */
export function readNetwork(text: string, prefix4: number, prefix6: number): number {
  const ipv4 = readIPv4(text, 0, text.length)
  if (ipv4 >= 0) {
    groups[6] = ipv4 >>> 16
    groups[7] = ipv4 & 0xffff
  } else if (!readIPv6(text)) return NO_ADDRESS
  else if (!isMapped()) {
    if (prefix6 < 128) mask(0, prefix6)
    return IPV6
  }
  if (prefix4 < 32) mask(6, prefix4)
  return IPV4
}

/** Clears what is behind the first `bits` bits of the groups from `first` on. */
function mask(first: number, bits: number): void {
  for (let i = first, left = bits; i < 8; i++, left -= 16) {
    if (left < 16) groups[i]! &= left <= 0 ? 0 : 0xffff << (16 - left)
  }
}

/**
 * An address with all but its leading bits cleared, in the one form that RFC 5952 recommends; text that is no address
 * comes back as it is. Allocates: for once per connection.
 */
export function networkText(text: string, prefix4: number, prefix6: number): string {
  const family = readNetwork(text, prefix4, prefix6)
  if (family === NO_ADDRESS) return text
  if (family === IPV4) return `${groups[6]! >>> 8}.${groups[6]! & 255}.${groups[7]! >>> 8}.${groups[7]! & 255}`
  const { start, end } = longestZeros()
  const hex = Array.from(groups, (group) => group.toString(16))
  if (end - start < 2) return hex.join(':')
  return `${hex.slice(0, start).join(':')}::${hex.slice(end).join(':')}`
}

/** The first of the longest runs of groups that are zero. */
function longestZeros(): { start: number; end: number } {
  const longest = { start: 0, end: 0 }
  for (let start = 0; start < 8; start++) {
    let end = start
    while (end < 8 && groups[end] === 0) end++
    if (end - start > longest.end - longest.start) Object.assign(longest, { start, end })
  }
  return longest
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
