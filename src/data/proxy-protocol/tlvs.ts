// The type-length-value vectors behind the addresses of a version 2 header (specification, section 2.2): read with every
// length checked. Types that mean nothing here are passed over.
import { CRC32C_SEED, crc32c } from './crc32c.ts'
import type { TlsTlv, Tlvs } from './header.ts'

export const TLV_ALPN = 0x01
export const TLV_AUTHORITY = 0x02
export const TLV_CRC32C = 0x03
export const TLV_UNIQUE_ID = 0x05
export const TLV_SSL = 0x20
export const TLV_SSL_VERSION = 0x21
export const TLV_SSL_CN = 0x22
export const TLV_SSL_CIPHER = 0x23
export const TLV_NETNS = 0x30
const TLV_AWS = 0xea
const TLV_AZURE = 0xee

/** Bits of the first byte of TLV_SSL. */
export const CLIENT_SSL = 0x01
const CLIENT_CERTIFICATE = 0x02 | 0x04

const MAX_UNIQUE_ID = 128
const AWS_VPC_ENDPOINT = 0x01
const NO_CHECKSUM = Buffer.alloc(4)

/**
 * @param from offset of the first vector; the header begins at 0
 * @param end of the header
 * @returns null: there are none; false: they are malformed, or the checksum is wrong
 */
export function parseTlvs(bytes: Buffer, from: number, end: number): Tlvs | null | false {
  if (from === end) return null
  const tlvs: Tlvs = { alpn: '', authority: '', uniqueId: '', tls: null, netns: '', vpcEndpoint: '', azure: '' }
  for (let at = from; at < end;) {
    const value = valueAt(bytes, at, end)
    if (value < 0) return false
    if (!take(tlvs, bytes, bytes[at]!, at + 3, value, end)) return false
    at = value
  }
  return tlvs
}

/** @returns where the vector at `at` ends; -1: not within the bounds */
function valueAt(bytes: Buffer, at: number, end: number): number {
  if (at + 3 > end) return -1
  const until = at + 3 + bytes.readUInt16BE(at + 1)
  return until > end ? -1 : until
}

function take(tlvs: Tlvs, bytes: Buffer, type: number, at: number, until: number, end: number): boolean {
  switch (type) {
    case TLV_ALPN:
      tlvs.alpn = bytes.latin1Slice(at, until)
      return true
    case TLV_AUTHORITY:
      tlvs.authority = bytes.latin1Slice(at, until)
      return true
    case TLV_CRC32C:
      return until - at === 4 && checksum(bytes, at, end) === bytes.readInt32BE(at)
    case TLV_UNIQUE_ID:
      tlvs.uniqueId = bytes.toString('hex', at, until)
      return until - at <= MAX_UNIQUE_ID
    case TLV_SSL:
      tlvs.tls = parseTls(bytes, at, until)
      return tlvs.tls !== null
    case TLV_NETNS:
      tlvs.netns = bytes.latin1Slice(at, until)
      return true
    case TLV_AWS:
      if (until > at && bytes[at] === AWS_VPC_ENDPOINT) tlvs.vpcEndpoint = bytes.latin1Slice(at + 1, until)
      return true
    case TLV_AZURE:
      tlvs.azure = bytes.toString('hex', at, until)
  }
  return true
}

/** Of the header as it was when its checksum was all zero. */
function checksum(bytes: Buffer, at: number, end: number): number {
  const before = crc32c(CRC32C_SEED, bytes, 0, at)
  return crc32c(crc32c(before, NO_CHECKSUM, 0, 4), bytes, at + 4, end) ^ CRC32C_SEED
}

function parseTls(bytes: Buffer, from: number, end: number): TlsTlv | null {
  if (from + 5 > end) return null
  const client = bytes[from]!
  const tls: TlsTlv = {
    encrypted: (client & CLIENT_SSL) !== 0,
    verified: (client & CLIENT_CERTIFICATE) !== 0 && bytes.readUInt32BE(from + 1) === 0,
    version: '',
    cipher: '',
    commonName: '',
  }
  for (let at = from + 5; at < end;) {
    const until = valueAt(bytes, at, end)
    if (until < 0) return null
    const text = bytes.latin1Slice(at + 3, until)
    if (bytes[at] === TLV_SSL_VERSION) tls.version = text
    else if (bytes[at] === TLV_SSL_CN) tls.commonName = text
    else if (bytes[at] === TLV_SSL_CIPHER) tls.cipher = text
    at = until
  }
  return tls
}
