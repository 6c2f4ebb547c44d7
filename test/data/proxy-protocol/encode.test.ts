// Headers for servers: what is written is what is read again, whatever a client is like.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { networkText } from '../../../src/balance/address.ts'
import { encodeProxyHeader, type Told } from '../../../src/data/proxy-protocol/encode.ts'
import type { ProxyHeader } from '../../../src/data/proxy-protocol/header.ts'
import { parseProxyHeader } from '../../../src/data/proxy-protocol/parse.ts'
import type { ProxyTlv } from '../../../src/messages/snapshot.ts'
import { ownHeader } from '../../../src/model/proxy-protocol.ts'
import { IPV4, IPV6, v2 } from './vectors.ts'

const client: Told = {
  address: '192.0.2.7',
  port: 56_004,
  destination: { address: '198.51.100.1', port: 443 },
  isLocal: false,
  serverName: 'www.example.com',
  alpn: 'http/1.1',
  tls: { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256' },
  uniqueId: '000102030405060708090a0b0c0d0e0f',
}
const over6: Told = { ...client, address: '2001:db8::7', destination: { address: '2001:db8::1', port: 443 } }
const all: readonly ProxyTlv[] = ['alpn', 'sni', 'tls', 'unique_id']

const line = (told: Told): string => Buffer.from(encodeProxyHeader({ version: 1, tlvs: [] }, told)).latin1Slice()
const binary = (told: Told, tlvs: readonly ProxyTlv[] = []): Buffer =>
  Buffer.from(encodeProxyHeader({ version: 2, tlvs }, told))
const read = (bytes: Uint8Array): ProxyHeader => parseProxyHeader(Buffer.from(bytes), bytes.length) as ProxyHeader

describe('version 1', () => {
  test('IPv4', () => expect(line(client)).toBe('PROXY TCP4 192.0.2.7 198.51.100.1 56004 443\r\n'))
  test('IPv6', () => expect(line(over6)).toBe('PROXY TCP6 2001:db8::7 2001:db8::1 56004 443\r\n'))
  test('one of each: both as IPv6', () =>
    expect(line({ ...client, destination: over6.destination })).toBe(
      'PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 56004 443\r\n',
    ))
  test('a zone is not passed on', () =>
    expect(line({ ...over6, address: 'fe80::1%eth0' })).toBe('PROXY TCP6 fe80::1 2001:db8::1 56004 443\r\n'))
  test('a client of a unix socket', () =>
    expect(line({ ...client, address: 'unknown', port: 0 })).toBe('PROXY UNKNOWN\r\n'))
})

describe('version 2', () => {
  test('IPv4', () => expect(binary(client)).toEqual(v2('21 11 LLLL', IPV4)))
  test('IPv6', () => expect(binary(over6)).toEqual(v2('21 21 LLLL', IPV6)))
  test('one of each: both as IPv6', () =>
    expect(binary({ ...client, destination: over6.destination })).toEqual(
      v2('21 21 LLLL', '00000000000000000000ffffc0000207', IPV6.slice(33)),
    ))
  test('a client of a unix socket, of whom more is told than an address', () =>
    expect(read(binary({ ...client, address: 'unknown' }, all))).toMatchObject({
      local: false,
      source: null,
      tlvs: { authority: 'www.example.com' },
    }))
  test('a health check of the tier above stays one', () =>
    expect(binary({ ...client, isLocal: true }, all)).toEqual(v2('20 00 LLLL')))
  test('what is listed is told, and what is there', () => {
    expect(read(binary(client, all)).tlvs).toEqual({
      alpn: 'http/1.1',
      authority: 'www.example.com',
      uniqueId: client.uniqueId,
      tls: { encrypted: true, verified: false, ...client.tls, commonName: '' },
      netns: '',
      vpcEndpoint: '',
      azure: '',
    })
    expect(read(binary(client, ['sni'])).tlvs).toMatchObject({ authority: 'www.example.com', alpn: '', tls: null })
    expect(read(binary({ ...client, serverName: '', alpn: '', tls: null }, ['sni', 'alpn', 'tls'])).tlvs).toBe(null)
  })
})

test('what is written is read again', () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6())
  const port = fc.integer({ min: 0, max: 65_535 })
  const text = fc.string({ maxLength: 255 })
  fc.assert(
    fc.property(
      fc.record({ address, port, to: address, toPort: port, serverName: text, alpn: text }),
      fc.constantFrom(1, 2),
      fc.subarray([...all]),
      ({ to, toPort, ...some }, version, tlvs) => {
        const told: Told = { ...client, ...some, destination: { address: to, port: toPort } }
        const bytes = encodeProxyHeader({ version, tlvs }, told)
        const parsed = read(bytes)
        expect(parsed).toMatchObject({
          version,
          length: bytes.length,
          source: { address: networkText(some.address, 32, 128), port: some.port },
          destination: { address: networkText(to, 32, 128), port: toPort },
        })
        if (version === 2) {
          const authority = tlvs.includes('sni') ? Buffer.from(some.serverName, 'latin1').latin1Slice() : ''
          expect(parsed.tlvs?.authority ?? '').toBe(authority)
        }
      },
    ),
  )
})

test('a connection of our own: its ends in version 1, a command in version 2', () => {
  const ends = { source: '127.0.0.1', sourcePort: 40_000, destination: '127.0.0.1', destinationPort: 80 }
  expect(Buffer.from(ownHeader(1, ends)).latin1Slice()).toBe('PROXY TCP4 127.0.0.1 127.0.0.1 40000 80\r\n')
  expect(Buffer.from(ownHeader(1, null)).latin1Slice()).toBe('PROXY UNKNOWN\r\n')
  expect(read(ownHeader(2, ends))).toMatchObject({ local: true })
})
