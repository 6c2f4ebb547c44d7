// Whose request it is, by what trusted proxies say: against a model of lists, and that nothing on the left of a list, which
// anybody may have written, changes how its right is read.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  MAX_HOPS,
  TELLS_PORT,
  TELLS_PROTO,
  compileTrust,
  type TrustedProxies,
} from '../../../src/data/http1/client-address.ts'
import { RequestHead, parseRequestHead } from '../../../src/data/http1/request-head.ts'
import type { TrustSpec } from '../../../src/messages/snapshot.ts'

const networks = ['10.0.0.0/8', 'fd00::/8']
const byList = compileTrust({ networks, field: 'x-forwarded-for' })!
const byForwarded = compileTrust({ networks, field: 'forwarded' })!
const proxy = { address: '10.0.0.1', port: 4711 }

function find(trust: TrustedProxies, lines: readonly string[], peer = proxy): string {
  const text = ['GET / HTTP/1.1', 'Host: a', ...lines, '', ''].join('\r\n')
  const buffer = Buffer.from(`${text} `, 'latin1')
  const head = new RequestHead()
  const limits = { head: 1_000_000, fields: 1000, target: 8192 }
  expect(parseRequestHead(head, buffer, 0, text.length, limits)).toBe(text.length)
  if (!trust.find(head.fields, buffer, peer)) return 'not trusted'
  return trust.port === 0 ? trust.address : `${trust.address} ${trust.port}`
}
const listed = (...lists: string[]): string =>
  find(
    byList,
    lists.map((list) => `X-Forwarded-For: ${list}`),
  )
const forwarded = (...lists: string[]): string =>
  find(
    byForwarded,
    lists.map((list) => `Forwarded: ${list}`),
  )

/** The proxy itself: nothing was told. */
const NOBODY = '10.0.0.1 4711'

test('a frontend that trusts nobody has nothing to ask', () => {
  expect(compileTrust({ networks: [], field: 'x-forwarded-for' } satisfies TrustSpec)).toBe(null)
})

test('what a peer says that is not trusted does not count', () => {
  const peer = { address: '192.0.2.9', port: 1 }
  expect(find(byList, ['X-Forwarded-For: 10.0.0.2'], peer)).toBe('not trusted')
  expect(find(byList, ['X-Forwarded-For: 10.0.0.2'], { address: 'unknown', port: 0 })).toBe('not trusted')
})

describe('X-Forwarded-For', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1, 10.1.1.1, 10.2.2.2', '192.0.2.1'],
    ['203.0.113.5, 192.0.2.1, 10.2.2.2', '192.0.2.1'],
    ['203.0.113.5, 192.0.2.1', '192.0.2.1'],
    ['10.3.3.3, 10.2.2.2', '10.3.3.3'],
    ['192.0.2.1,10.2.2.2,', '192.0.2.1'],
    [' ,, 192.0.2.1 ,\t, 10.2.2.2 , ', '192.0.2.1'],
    ['192.0.2.1:50000', '192.0.2.1 50000'],
    ['192.0.2.1:50000, 10.2.2.2:443', '192.0.2.1 50000'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:443, fd00::7', '2001:db8::1 443'],
    ['192.0.2.1, ::ffff:10.2.2.2', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
  ])('%s is from %s', (list, client) => expect(listed(list)).toBe(client))

  test.each([
    '',
    ',',
    'unknown',
    '_hidden',
    'client.example.com',
    '192.0.2.1.',
    '192.0.2.256',
    '192.0.2.1:70000',
    '192.0.2.1:',
    '[192.0.2.1]',
    '[2001:db8::1',
    'fe80::1%eth0',
    '"192.0.2.1"',
    '192.0.2.1 10.2.2.2',
    `${'0'.repeat(100)}1`,
  ])('"%s" names nobody, and the proxy counts as the client', (list) => expect(listed(list)).toBe(NOBODY))

  test('the walk ends at what is no address, and the last good hop counts', () => {
    expect(listed('192.0.2.1, unknown, 10.2.2.2')).toBe('10.2.2.2')
    expect(listed('192.0.2.1, evil"', '10.2.2.2')).toBe('10.2.2.2')
  })

  test('several fields are one list, in their order', () => {
    expect(listed('203.0.113.5', '192.0.2.1', '10.2.2.2, 10.3.3.3')).toBe('192.0.2.1')
    expect(listed('192.0.2.1', '', '10.2.2.2')).toBe('192.0.2.1')
  })

  test('Forwarded is not asked', () => {
    expect(find(byList, ['Forwarded: for=192.0.2.1'])).toBe(NOBODY)
  })

  test('a long list of trusted hops ends after a while', () => {
    const hops = Array.from({ length: MAX_HOPS + 50 }, (_, i) => `10.9.${i >> 8}.${i & 255}`)
    expect(listed(hops.join(', '))).toBe(hops.at(-MAX_HOPS))
  })
})

describe('Forwarded', () => {
  test.each([
    ['for=192.0.2.1', '192.0.2.1'],
    ['FOR = x, For="192.0.2.1:80"', '192.0.2.1 80'],
    ['for="[2001:db8:cafe::17]:4711"', '2001:db8:cafe::17 4711'],
    ['for="[2001:db8:cafe::17]:_x"', '2001:db8:cafe::17'],
    ['for=192.0.2.1;proto=http;by=10.0.0.1', '192.0.2.1'],
    ['for=192.0.2.1;', '192.0.2.1'],
    ['proto=https ; for=192.0.2.1 ; host="a,b;c"', '192.0.2.1'],
    ['for=203.0.113.5, for=192.0.2.1, for=10.2.2.2;by=_us', '192.0.2.1'],
    ['for=192.0.2.1;by="\\",for=203.0.113.9\\\\", for=10.2.2.2', '192.0.2.1'],
    ['for=203.0.113.9;x=", for=192.0.2.1', '192.0.2.1'],
  ])('%s is from %s', (list, client) => expect(forwarded(list)).toBe(client))

  test.each([
    'for=unknown',
    'for="_gazonk"',
    'proto=https;by=10.0.0.2',
    'for=192.0.2.1;for=192.0.2.2',
    'for="192.0.2.1',
    'for=192.0.2.1"',
    '192.0.2.1',
    'for=192.0.2.1 x',
    'for="192.0.2\\.1"',
    `for=192.0.2.1;x="${'y'.repeat(1100)}"`,
  ])('%s names nobody', (list) => expect(forwarded(list)).toBe(NOBODY))

  test('several fields are one list, and the other field is not asked', () => {
    expect(forwarded('for=203.0.113.5, for=192.0.2.1', 'for=10.2.2.2')).toBe('192.0.2.1')
    expect(find(byForwarded, ['X-Forwarded-For: 192.0.2.1'])).toBe(NOBODY)
  })
})

const byte = fc.integer({ min: 0, max: 255 })
const trusted = fc.tuple(byte, byte, byte).map((bytes) => `10.${bytes.join('.')}`)
const stranger = fc.tuple(byte, byte).map((bytes) => `192.0.${bytes.join('.')}`)
const anything = fc.string({ unit: fc.constantFrom(...'",;\\= \tfor10.2[]:_ab'.split('')) })

test('the first hop from the right that is not trusted is the client, however the list is cut into fields', () => {
  const list = fc.array(fc.oneof(trusted, stranger), { maxLength: 12 })
  fc.assert(
    fc.property(list, fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }), (hops, cuts) => {
      const wanted = hops.findLast((hop) => !hop.startsWith('10.')) ?? hops[0] ?? NOBODY
      const cut = (of: (hop: string) => string): string[] => {
        const fields: string[][] = [[]]
        hops.forEach((hop, i) => (cuts[i] ? fields.push([of(hop)]) : fields.at(-1)!.push(of(hop))))
        return fields.map((parts) => parts.join(', '))
      }
      expect(listed(...cut((hop) => hop))).toBe(wanted)
      expect(forwarded(...cut((hop) => `for="${hop}";proto=http`))).toBe(wanted)
    }),
  )
})

test('whatever a client sends first, it does not become another', () => {
  fc.assert(
    fc.property(anything, stranger, fc.array(trusted, { maxLength: 3 }), (said, client, proxies) => {
      const list = (of: (hop: string) => string): string => [client, ...proxies].map(of).join(', ')
      for (const separator of [', ', ',']) {
        expect(listed(`${said}${separator}${list((hop) => hop)}`)).toBe(client)
        expect(forwarded(`${said}${separator}${list((hop) => `for=${hop};by="a,\\"b"`)}`)).toBe(client)
      }
    }),
  )
})

test('no bytes make it fail, and what it finds is an address', () => {
  fc.assert(
    fc.property(fc.array(anything, { maxLength: 4 }), (lists) => {
      for (const found of [listed(...lists), forwarded(...lists)]) expect(found).toMatch(/^[\d.]+( \d+)?$|^[\da-f:]+/)
    }),
  )
})

test('what is told of protocol and port', () => {
  const tells = (...lines: string[]): number => {
    find(byList, lines)
    return byList.tells
  }
  expect(tells()).toBe(0)
  expect(tells('X-Forwarded-Proto: https')).toBe(TELLS_PROTO)
  expect(tells('x-forwarded-port: 443')).toBe(TELLS_PORT)
  expect(tells('X-Forwarded-Port: 443', 'X-Forwarded-Proto: https')).toBe(TELLS_PROTO | TELLS_PORT)
})
