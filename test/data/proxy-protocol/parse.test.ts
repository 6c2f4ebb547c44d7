// Headers as the specification has them, as it forbids them, and as anybody may send them: cut anywhere, or at random.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ProxyHeader } from '../../../src/data/proxy-protocol/header.ts'
import { BAD_HEADER, NO_HEADER, parseProxyHeader } from '../../../src/data/proxy-protocol/parse.ts'
import { bad, good, IPV4, others, tlv, v2 } from './vectors.ts'

/** As a reader does it: never more bytes than were asked for. */
function readAsAsked(bytes: Buffer): { result: ProxyHeader | number; read: number } {
  for (let n = 0; ;) {
    const result = parseProxyHeader(bytes, n)
    if (typeof result === 'object' || result <= 0 || n === bytes.length) return { result, read: n }
    n = Math.min(n + result, bytes.length)
  }
}

const header = (bytes: Buffer): ProxyHeader => {
  const result = parseProxyHeader(bytes, bytes.length)
  if (typeof result === 'number') throw new Error(`no header: ${result}`)
  return result
}

describe('understood', () => {
  test.each(good)('%s', (_, bytes, { source, destination, local = false }) => {
    const pair = (end: ProxyHeader['source']) => (end === null ? null : [end.address, end.port])
    const parsed = header(bytes)
    expect(pair(parsed.source)).toEqual(source)
    expect(pair(parsed.destination)).toEqual(destination)
    expect(parsed).toMatchObject({ local, length: bytes.length, version: bytes[0] === 0x50 ? 1 : 2 })
  })

  test.each(good)('%s, to its last byte and not one further', (_, bytes) => {
    const { result, read } = readAsAsked(Buffer.concat([bytes, Buffer.from('GET / HTTP/1.1\r\n\r\n')]))
    expect(result).toMatchObject({ length: bytes.length })
    expect(read).toBe(bytes.length)
  })

  test.each(good)('%s, cut at every byte: more is asked for, never too much', (_, bytes) => {
    for (let n = 0; n < bytes.length; n++) {
      const result = parseProxyHeader(bytes.subarray(0, n), n)
      expect(result).toBeGreaterThan(0)
      expect(n + (result as number)).toBeLessThanOrEqual(bytes.length)
    }
  })
})

describe('refused', () => {
  test.each(bad)('%s', (_, bytes) => expect(readAsAsked(bytes).result).toBe(BAD_HEADER))
  test.each(bad)('%s, when all of it comes at once', (_, bytes) =>
    expect(parseProxyHeader(bytes, bytes.length)).toBe(BAD_HEADER),
  )
})

test.each(others)('no header: %s', (_, bytes) => {
  expect(parseProxyHeader(bytes, bytes.length)).toBe(NO_HEADER)
  for (let n = 0; n < bytes.length; n++) expect(parseProxyHeader(bytes, n)).toBeGreaterThanOrEqual(NO_HEADER)
})

describe('TLVs', () => {
  test('all that are known', () => {
    const tls = `01 00000000${tlv('21', 'TLSv1.3')}${tlv('23', 'TLS_AES_128_GCM_SHA256')}${tlv('24', 'SHA256')}`
    const certified = `07 00000000${tlv('21', 'TLSv1.2')}${tlv('22', 'joe')}`
    const of = (value: string): Buffer => Buffer.from(value.replaceAll(' ', ''), 'hex')
    const parsed = header(
      v2(
        '21 11 LLLL',
        IPV4,
        tlv('01', 'h2'),
        tlv('02', 'www.example.com'),
        tlv('05', Buffer.from('00ff10', 'hex')),
        tlv('20', of(tls)),
        tlv('30', 'blue'),
        tlv('ea', '\x01vpce-08d2bf15fac5001c9'),
        tlv('ee', Buffer.from('0101020304', 'hex')),
      ),
    )
    expect(parsed.tlvs).toEqual({
      alpn: 'h2',
      authority: 'www.example.com',
      uniqueId: '00ff10',
      tls: {
        encrypted: true,
        verified: false,
        version: 'TLSv1.3',
        cipher: 'TLS_AES_128_GCM_SHA256',
        commonName: '',
      },
      netns: 'blue',
      vpcEndpoint: 'vpce-08d2bf15fac5001c9',
      azure: '0101020304',
    })
    expect(header(v2('21 11 LLLL', IPV4, tlv('20', of(certified)))).tlvs!.tls).toMatchObject({
      verified: true,
      commonName: 'joe',
    })
  })

  test('a checksum that is right', () => {
    const before = v2('21 11 LLLL', IPV4, tlv('03', Buffer.alloc(4)), tlv('02', 'x'))
    before.writeUInt32BE(slowCrc32c(before), 16 + 12 + 3)
    expect(header(before).source).toEqual({ address: '192.0.2.7', port: 56_004 })
    before[16]! ^= 1
    expect(parseProxyHeader(before, before.length)).toBe(BAD_HEADER)
  })

  test('none at all', () => expect(header(v2('21 11 LLLL', IPV4)).tlvs).toBe(null))
})

test('nothing that comes at random throws, or is asked for more for ever', () => {
  const start = fc.constantFrom('', 'PROXY ', 'PROXY TCP4 ', 'PROXY TCP6 ', v2('21 11').latin1Slice())
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 300 }), (first, rest) => {
      const bytes = Buffer.concat([Buffer.from(first, 'latin1'), rest])
      const { result } = readAsAsked(bytes)
      if (typeof result === 'object') expect(result.length).toBeLessThanOrEqual(bytes.length)
    }),
    { numRuns: 2000 },
  )
})

test('any one byte of a header may be another', () => {
  for (const [, bytes] of good) {
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at]! ^= 0x5a
      expect(() => readAsAsked(changed)).not.toThrow()
    }
  }
})

/** Bit by bit, as RFC 3385 describes it. */
function slowCrc32c(bytes: Buffer): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const one = ((crc ^ (byte >>> bit)) & 1) === 1
      crc = one ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1
    }
  }
  return (crc ^ 0xffff_ffff) >>> 0
}

test('the checksum of the nine digits is the one that is known of CRC-32C', () => {
  expect(slowCrc32c(Buffer.from('123456789')).toString(16)).toBe('e3069283')
})
