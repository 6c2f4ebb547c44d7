// Networks of clients as people write them: '10.0.0.0/8', '2001:db8::/32', or one address. Text in, one spelling out.
// Strict: bits beyond the prefix must be zero, since a rule about "10.1.2.3/8" is most likely not meant as it reads.
import { isIP, isIPv6 } from 'node:net'
import type { Expected } from './address.ts'

export interface Network {
  /** 'address/bits', or the address alone when it is a single one: the same text for the same network. */
  readonly text: string
  readonly family: 4 | 6
  readonly bits: number
}

export const networkWords = 'an address or a network such as "10.0.0.0/8", "192.0.2.7" or "2001:db8::/32"'

export function parseNetwork(written: string): Network | Expected {
  const parsed = readNetwork(written)
  if (parsed === null) return { expected: `expected ${networkWords}` }
  const { address, family, bits } = parsed
  if (isMapped(address, family)) return { expected: 'expected the IPv4 address itself, without "::ffff:"' }
  if (networkOf(parsed) !== address) {
    return { expected: `expected a network, of which all but the first ${bits} bits are zero` }
  }
  return { text: textOf(parsed, address), family, bits }
}

/** The network that was probably meant; null: no idea. */
export function nearestNetwork(written: string): string | null {
  const [address, mask, ...rest] = written.trim().split('/')
  const bits = mask === undefined || rest.length > 0 ? null : maskBits(mask)
  const parsed = readNetwork(bits === null ? written.trim() : `${address}/${bits}`)
  if (parsed === null) return null
  const { family } = parsed
  if (!isMapped(parsed.address, family)) return textOf(parsed, networkOf(parsed))
  const inner = { address: parsed.address & 0xffff_ffffn, family: 4 as const, bits: parsed.bits - 96 }
  return inner.bits < 0 ? null : textOf(inner, networkOf(inner))
}

interface Parsed {
  readonly address: bigint
  readonly family: 4 | 6
  readonly bits: number
}

const width = (family: 4 | 6): number => (family === 4 ? 32 : 128)

function readNetwork(written: string): Parsed | null {
  const [text, prefix, ...rest] = written.split('/')
  const family = isIP(text!)
  if (family === 0 || text!.includes('%') || rest.length > 0) return null
  const most = width(family as 4 | 6)
  const bits = prefix === undefined ? most : /^(0|[1-9]\d{0,2})$/.test(prefix) ? Number(prefix) : most + 1
  if (bits > most) return null
  return { address: family === 4 ? number4(text!) : number6(text!), family: family as 4 | 6, bits }
}

/** 255.255.0.0 as 16; null: not a mask of the old kind. */
function maskBits(mask: string): number | null {
  if (isIP(mask) !== 4) return null
  const ones = number4(mask).toString(2).padStart(32, '0')
  return /^1*0*$/.test(ones) ? ones.replaceAll('0', '').length : null
}

const networkOf = ({ address, family, bits }: Parsed): bigint => {
  const free = BigInt(width(family) - bits)
  return (address >> free) << free
}

/** An IPv4 address in the clothes of IPv6 (RFC 4291, 2.5.5.2); Weir sees such a client by its IPv4 address. */
const isMapped = (address: bigint, family: 4 | 6): boolean => family === 6 && address >> 32n === 0xffffn

const number4 = (text: string): bigint => text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n)

function number6(text: string): bigint {
  const [head, tail] = canonical6(text).split('::')
  const groups = (part: string | undefined): string[] => (part ? part.split(':') : [])
  const gap = 8 - groups(head).length - groups(tail).length
  const all = [...groups(head), ...Array.from({ length: gap }, () => '0'), ...groups(tail)]
  return all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)
}

const canonical6 = (text: string): string => new URL(`http://[${text}]`).hostname.slice(1, -1)

function textOf({ family, bits }: Parsed, address: bigint): string {
  const hex = address.toString(16).padStart(32, '0')
  const host =
    family === 4
      ? [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 0xffn).join('.')
      : canonical6(hex.replaceAll(/(.{4})(?!$)/g, '$1:'))
  return bits === width(family) ? host : `${host}/${bits}`
}

/** Does one of these networks hold every address of its family? */
export const coversFamily = (networks: readonly string[]): boolean => networks.some((each) => each.endsWith('/0'))

/** Do these networks hold every address of a family? Only the plain case is seen: one network of all. */
export const coversAll = (networks: readonly string[]): boolean =>
  networks.includes('0.0.0.0/0') && networks.some((each) => each.endsWith('/0') && isIPv6(each.slice(0, -2)))
