// Lists of networks, compiled: is this address in one of them? Overlapping and neighbouring networks become one range of
// addresses, the ranges are sorted, and a look-up is a binary search, so that a list of ten thousand costs as little as one
// of ten. IPv4 and IPv6 are apart: `::/0` is no IPv4 client, and an IPv4-mapped address is its IPv4 address.
import { IPV4, IPV6, NO_ADDRESS, groups, readNetwork } from '../../balance/address.ts'

export type Networks = (address: string) => boolean

/**
 * @param networks 'address/bits' or addresses, as the configuration has checked them
 * @returns null for an empty list. The function is false for text that is no address, such as the client of a unix socket
 * @throws Error for text that is no network
 */
export function compileNetworks(networks: readonly string[]): Networks | null {
  if (networks.length === 0) return null
  const ipv4: Range[] = []
  const ipv6: Range[] = []
  for (const text of networks) readRange(text, ipv4, ipv6)
  const table4 = new RangeTable(ipv4, 2)
  const table6 = new RangeTable(ipv6, 8)
  return (address) => {
    const family = readNetwork(address, 32, 128)
    return family === IPV4 ? table4.hasGroups() : family === IPV6 && table6.hasGroups()
  }
}

interface Range {
  readonly first: bigint
  last: bigint
}

function readRange(text: string, ipv4: Range[], ipv6: Range[]): void {
  const slash = text.indexOf('/')
  const address = slash < 0 ? text : text.slice(0, slash)
  const family = readNetwork(address, 32, 128)
  const written = address.includes(':') ? 128 : 32
  const bits = slash < 0 ? written : Number(text.slice(slash + 1))
  if (family === NO_ADDRESS || !Number.isInteger(bits) || bits < 0 || bits > written || text.endsWith('/'))
    throw new Error(`no network: ${text}`)
  // Of an IPv4-mapped network the first 96 bits say no more than that.
  const isIPv4 = family === IPV4 && (written === 32 || bits >= 96)
  const width = isIPv4 ? 32 : 128
  const kept = isIPv4 && written === 128 ? bits - 96 : bits
  const rest = (1n << BigInt(width - kept)) - 1n
  const first = numberInGroups(isIPv4 ? 2 : 8) & ~rest
  ;(isIPv4 ? ipv4 : ipv6).push({ first, last: first | rest })
}

function numberInGroups(width: number): bigint {
  let number = 0n
  for (let i = 8 - width; i < 8; i++) number = (number << 16n) | BigInt(groups[i]!)
  return number
}

/** Sorted ranges that do not touch each other, bounds included, as groups of 16 bits. */
class RangeTable {
  /** Groups of one bound: 2 for IPv4, 8 for IPv6. */
  readonly #width: number
  readonly #count: number
  readonly #firsts: Uint16Array
  readonly #lasts: Uint16Array

  constructor(ranges: readonly Range[], width: number) {
    const merged = mergeRanges(ranges)
    this.#width = width
    this.#count = merged.length
    this.#firsts = new Uint16Array(merged.flatMap(({ first }) => groupsOf(first, width)))
    this.#lasts = new Uint16Array(merged.flatMap(({ last }) => groupsOf(last, width)))
  }

  /** Whether the address that was read last is in one of the ranges. */
  hasGroups(): boolean {
    let low = 0
    let high = this.#count // the first range that begins behind the address is in low..high
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(this.#firsts, middle) < 0) high = middle
      else low = middle + 1
    }
    return low > 0 && this.#compare(this.#lasts, low - 1) <= 0
  }

  /** @returns below 0 when the address comes before the bound, above 0 behind it */
  #compare(bounds: Uint16Array, range: number): number {
    const width = this.#width
    for (let i = 0; i < width; i++) {
      const difference = groups[8 - width + i]! - bounds[range * width + i]!
      if (difference !== 0) return difference
    }
    return 0
  }
}

function mergeRanges(ranges: readonly Range[]): Range[] {
  const merged: Range[] = []
  for (const range of ranges.toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))) {
    const before = merged.at(-1)
    if (before === undefined || range.first > before.last + 1n) merged.push({ ...range })
    else if (range.last > before.last) before.last = range.last
  }
  return merged
}

const groupsOf = (number: bigint, width: number): number[] =>
  Array.from({ length: width }, (_, i) => Number((number >> BigInt(16 * (width - 1 - i))) & 0xffffn))
