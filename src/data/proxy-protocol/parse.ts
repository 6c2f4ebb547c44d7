// Reads the header of the PROXY protocol, either version, from the first bytes of a connection. Strict, as the specification
// asks: what is not exactly a header ends the connection. It says how many more bytes are sure to belong to the header, so that
// a reader who asks for no more than that never reads into what follows it, be it HTTP or a TLS handshake.
import { isIPv4, isIPv6 } from 'node:net'
import { networkText } from '../../balance/address.ts'
import {
  V1_LONGEST,
  V1_START,
  V2_LOCAL,
  V2_PROXY,
  V2_SIGNATURE,
  V2_START,
  V2_TCP4,
  V2_TCP6,
  V2_UNIX,
  V2_UNSPEC,
} from '../../model/proxy-protocol.ts'
import { NO_ADDRESS } from '../io/address.ts'
import type { Endpoint, ProxyHeader, Tlvs } from './header.ts'
import { parseTlvs } from './tlvs.ts'

/** The bytes don't begin as a header does. */
export const NO_HEADER = 0
/** They do, and go on otherwise. */
export const BAD_HEADER = -1

/** The shortest there is, 'PROXY UNKNOWN' and its line end. */
export const SHORTEST = 15
/** What is read of version 2 behind the addresses. */
const MAX_TLVS = 4096
/** Of one address of a unix socket. */
const UNIX_PATH = 108
const MAX_LENGTH = 2 * UNIX_PATH + MAX_TLVS

const LF = 10

/**
 * @param bytes of which the first `n` have been received
 * @returns the header; NO_HEADER; BAD_HEADER; above 0: so many more bytes, at least, belong to it if it is one
 */
export function parseProxyHeader(bytes: Buffer, n: number): ProxyHeader | number {
  if (n === 0) return SHORTEST
  if (bytes[0] === V1_START.charCodeAt(0)) {
    for (let i = 1; i < n && i < V1_START.length; i++) if (bytes[i] !== V1_START.charCodeAt(i)) return NO_HEADER
    return n < SHORTEST ? SHORTEST - n : parseV1(bytes, n)
  }
  for (let i = 0; i < n && i < V2_SIGNATURE.length; i++) if (bytes[i] !== V2_SIGNATURE[i]) return NO_HEADER
  return n < V2_START ? V2_START - n : parseV2(bytes, n)
}

/** As many bytes have come as it takes to tell a header from anything else. */
export const isSurelyHeader = (n: number, first: number): boolean =>
  n >= (first === V2_SIGNATURE[0] ? V2_SIGNATURE.length : V1_START.length)

// Version 1: one line.

function parseV1(bytes: Buffer, n: number): ProxyHeader | number {
  const end = bytes.indexOf(LF)
  const complete = end >= 0 && end < n
  const text = bytes.latin1Slice(0, complete ? end : n)
  const cr = text.indexOf('\r')
  if (cr >= 0 && cr !== text.length - 1) return BAD_HEADER
  if (!complete) return n >= V1_LONGEST ? BAD_HEADER : Math.min(leastMore(text, cr >= 0), V1_LONGEST - n)
  if (cr < 0 || end >= V1_LONGEST) return BAD_HEADER
  return v1Header(text.slice(V1_START.length, cr), end + 1)
}

/** A line end, and for each field that is missing a space and one character. */
function leastMore(text: string, hasCr: boolean): number {
  if (hasCr) return 1
  if (!text.startsWith('TCP', V1_START.length)) return 2
  const spaces = text.split(' ').length - 1
  return 2 + 2 * Math.max(0, 5 - spaces) + (spaces <= 5 && text.endsWith(' ') ? 1 : 0)
}

function v1Header(text: string, length: number): ProxyHeader | number {
  const header = { version: 1, local: false, source: null, destination: null, tlvs: null, length } as const
  const fields = text.split(' ')
  const [family, source, destination, sourcePort, destinationPort] = fields
  if (family === 'UNKNOWN') return header
  if (fields.length !== 5) return BAD_HEADER
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isBareIPv6 : null
  if (isAddress === null || !isAddress(source!) || !isAddress(destination!)) return BAD_HEADER
  if (!isPort(sourcePort!) || !isPort(destinationPort!)) return BAD_HEADER
  return { ...header, source: endpoint(source!, +sourcePort!), destination: endpoint(destination!, +destinationPort!) }
}

/** A zone would mean something on the sender's machine only. */
const isBareIPv6 = (text: string): boolean => isIPv6(text) && !text.includes('%')

const isPort = (text: string): boolean => /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535

const endpoint = (address: string, port: number): Endpoint => ({ address: networkText(address, 32, 128), port })

// Version 2: sixteen bytes, addresses, then types, lengths and values.

function parseV2(bytes: Buffer, n: number): ProxyHeader | number {
  const command = bytes[12]!
  const family = bytes[13]!
  const length = V2_START + bytes.readUInt16BE(14)
  if ((command !== V2_LOCAL && command !== V2_PROXY) || length > V2_START + MAX_LENGTH) return BAD_HEADER
  const local = command === V2_LOCAL
  const addresses = local ? 0 : lengthOfAddresses(family)
  if (addresses < 0 || V2_START + addresses > length) return BAD_HEADER
  if (n < length) return length - n
  const header = { version: 2, local, source: null, destination: null, tlvs: null, length } as const
  if (local) return header // whatever else it may hold
  const tlvs: Tlvs | null | false = parseTlvs(bytes, V2_START + addresses, length)
  return tlvs === false ? BAD_HEADER : { ...header, ...ends(bytes, family), tlvs }
}

/** @returns -1 for what can't be: datagrams, and what the specification leaves open */
function lengthOfAddresses(family: number): number {
  switch (family) {
    case V2_UNSPEC:
      return 0
    case V2_TCP4:
      return 2 * 4 + 2 * 2
    case V2_TCP6:
      return 2 * 16 + 2 * 2
    case V2_UNIX:
      return 2 * UNIX_PATH
  }
  return -1
}

function ends(bytes: Buffer, family: number): Pick<ProxyHeader, 'source' | 'destination'> {
  if (family === V2_UNSPEC) return { source: null, destination: null }
  if (family === V2_UNIX) return { source: noAddress, destination: noAddress }
  const text = family === V2_TCP4 ? ipv4Text : ipv6Text
  const width = family === V2_TCP4 ? 4 : 16
  const ports = V2_START + 2 * width
  return {
    source: endpoint(text(bytes, V2_START), bytes.readUInt16BE(ports)),
    destination: endpoint(text(bytes, V2_START + width), bytes.readUInt16BE(ports + 2)),
  }
}

const noAddress: Endpoint = { address: NO_ADDRESS, port: 0 }

const ipv4Text = (bytes: Buffer, at: number): string =>
  `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`

const ipv6Text = (bytes: Buffer, at: number): string =>
  Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(at + 2 * i).toString(16)).join(':')
