// The header that a connection to a server begins with, where the backend says `send_proxy`: who the client is and where it
// connected to, and in version 2 what else the configuration lists. What a tier above has told of the client is passed on.
import { NO_ADDRESS, groups, networkText, readNetwork } from '../../balance/address.ts'
import type { SendProxySpec } from '../../messages/snapshot.ts'
import {
  V2_PROXY,
  V2_SIGNATURE,
  V2_START,
  V2_TCP4,
  V2_TCP6,
  V2_UNSPEC,
  ownHeader,
  v1Line,
  type Ends,
} from '../../model/proxy-protocol.ts'
import type { Endpoint } from './header.ts'
import { CLIENT_SSL, TLV_ALPN, TLV_AUTHORITY, TLV_SSL, TLV_SSL_CIPHER, TLV_SSL_VERSION, TLV_UNIQUE_ID } from './tlvs.ts'

/** The client, as far as a header tells of it. */
export interface Told {
  readonly address: string
  readonly port: number
  readonly destination: Endpoint
  /** The tier above speaks for itself, and so it is passed on. */
  readonly isLocal: boolean
  readonly serverName: string
  readonly alpn: string
  readonly tls: { readonly version: string; readonly cipher: string } | null
  /** Hexadecimal. */
  readonly uniqueId: string
}

/** No client certificate, or none that was verified. */
const NOT_VERIFIED = 1

export function encodeProxyHeader({ version, tlvs }: SendProxySpec, told: Told): Uint8Array {
  const ends = endsOf(told)
  if (version === 1) return Buffer.from(v1Line(ends), 'latin1')
  if (told.isLocal) return ownHeader(2, null)
  const values: Buffer[] = []
  if (tlvs.includes('alpn') && told.alpn !== '') values.push(tlv(TLV_ALPN, Buffer.from(told.alpn, 'latin1')))
  if (tlvs.includes('sni') && told.serverName !== '')
    values.push(tlv(TLV_AUTHORITY, Buffer.from(told.serverName, 'latin1')))
  if (tlvs.includes('tls') && told.tls !== null) values.push(tlv(TLV_SSL, tlsValue(told.tls)))
  if (tlvs.includes('unique_id')) values.push(tlv(TLV_UNIQUE_ID, Buffer.from(told.uniqueId, 'hex')))
  const addresses = ends === null ? Buffer.alloc(0) : addressBytes(ends)
  const family = ends === null ? V2_UNSPEC : ends.source.includes(':') ? V2_TCP6 : V2_TCP4
  const rest = Buffer.concat([addresses, ...values])
  const start = Buffer.alloc(V2_START)
  start.set([...V2_SIGNATURE, V2_PROXY, family])
  start.writeUInt16BE(rest.length, V2_START - 2)
  return Buffer.concat([start, rest])
}

/** Both ends in one family: an IPv4 address beside an IPv6 one is written as the IPv6 address that stands for it. */
function endsOf({ address, port, destination }: Told): Ends | null {
  const from = readNetwork(address, 32, 128)
  const to = readNetwork(destination.address, 32, 128)
  if (from === NO_ADDRESS || to === NO_ADDRESS) return null
  const text = from === to ? plain : inIPv6
  return {
    source: text(address),
    sourcePort: port,
    destination: text(destination.address),
    destinationPort: destination.port,
  }
}

/** In its one form, and without a zone. */
const plain = (literal: string): string => networkText(literal, 32, 128)
const inIPv6 = (literal: string): string => {
  const text = plain(literal)
  return text.includes(':') ? text : `::ffff:${text}`
}

function addressBytes({ source, sourcePort, destination, destinationPort }: Ends): Buffer {
  const width = source.includes(':') ? 16 : 4
  const bytes = Buffer.alloc(2 * width + 4)
  writeAddress(bytes, 0, width, source)
  writeAddress(bytes, width, width, destination)
  bytes.writeUInt16BE(sourcePort, 2 * width)
  bytes.writeUInt16BE(destinationPort, 2 * width + 2)
  return bytes
}

function writeAddress(bytes: Buffer, at: number, width: number, literal: string): void {
  readNetwork(literal, 32, 128)
  const words = width / 2
  for (let i = 0; i < words; i++) bytes.writeUInt16BE(groups[8 - words + i]!, at + 2 * i)
}

function tlsValue({ version, cipher }: NonNullable<Told['tls']>): Buffer {
  const start = Buffer.alloc(5)
  start[0] = CLIENT_SSL
  start.writeUInt32BE(NOT_VERIFIED, 1)
  const values: Buffer[] = [start]
  if (version !== '') values.push(tlv(TLV_SSL_VERSION, Buffer.from(version, 'latin1')))
  if (cipher !== '') values.push(tlv(TLV_SSL_CIPHER, Buffer.from(cipher, 'latin1')))
  return Buffer.concat(values)
}

function tlv(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(3 + value.length)
  bytes[0] = type
  bytes.writeUInt16BE(value.length, 1)
  value.copy(bytes, 3)
  return bytes
}
