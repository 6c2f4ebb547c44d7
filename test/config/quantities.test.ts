// Durations, sizes, addresses and near words: the small readers that options are made of.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatAddress, parseBindAddress, parseServerAddress } from '../../src/config/address.ts'
import { editDistance, nearest } from '../../src/config/nearest.ts'
import { formatDuration, parseDuration, parseSize } from '../../src/config/quantities.ts'
import { parseStatuses } from '../../src/config/statuses.ts'
import { ms } from '../../src/model/units.ts'

test.each([
  ['2s', 2000],
  ['500ms', 500],
  ['1m', 60_000],
  ['1.5h', 5_400_000],
  ['1m30s', 90_000],
  ['7d', 604_800_000],
  ['0s', 0],
])('%s lasts %d ms', (text, expected) => expect(parseDuration(text)).toBe(expected))

test.each(['', '2', 's', '2 s', '-2s', '2S', '2sec', '1m 30s', '.5s', '1e3s', '2s '])('"%s" is no duration', (text) =>
  expect(parseDuration(text)).toBeNull(),
)

test('any duration is read back as it was written', () => {
  fc.assert(
    fc.property(fc.nat(10 ** 12), (span) => {
      expect(parseDuration(formatDuration(ms(span)))).toBe(span)
    }),
  )
})

test.each([
  ['64KiB', 65_536],
  ['1MiB', 1_048_576],
  ['1TiB', 1_099_511_627_776],
  ['512B', 512],
  ['0.5KiB', 512],
  ['512', 512],
  [512, 512],
])('%s is %d bytes', (text, expected) => expect(parseSize(text)).toBe(expected))

test.each(['', 'KiB', '64kb', '64 KiB', '64K', -1, 1.5, '0.3B'])('%s is no size', (text) =>
  expect(parseSize(text)).toBeNull(),
)

test.each([
  [200, [200, 200]],
  ['200', [200, 200]],
  ['200-399', [200, 399]],
])('%s are statuses', (text, expected) => expect(parseStatuses(text)).toEqual(expected))

test.each(['2xx', '399-200', 99, 600, '200-', 'ok'])('%s are none', (text) => expect(parseStatuses(text)).toBeNull())

describe('addresses', () => {
  test.each([
    '',
    'a b:80',
    'a:b:80',
    '[::1]',
    '[1.2.3.4]:80',
    'a',
    'a:',
    'a:0',
    'a:99999',
    'ftp://a',
    'http://u@a',
    'http://a/b',
    '1.2.3:80',
    '-a:80',
    'unix:',
    '/',
  ])('"%s" is no server', (text) => expect(parseServerAddress(text)).toHaveProperty('expected'))
  test.each([
    '',
    'localhost:80',
    'a',
    ':',
    ':-1',
    '[::1]',
    '::1:80',
    '1.2.3.4',
    '256.1.1.1:80',
    `unix:/${'x'.repeat(107)}`,
  ])('"%s" is no bind', (text) => expect(parseBindAddress(text)).toHaveProperty('expected'))

  test('any address and port is read back as it is shown', () => {
    const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom('a.test', 'app_1.internal'))
    fc.assert(
      fc.property(host, fc.integer({ min: 1, max: 65_535 }), (address, port) => {
        const shown = formatAddress({ host: address, port, path: null })
        const parsed = parseServerAddress(shown)
        expect(parsed).toMatchObject({ port, path: null, tls: null })
        if ('expected' in parsed) throw new Error(parsed.expected)
        expect(parseServerAddress(formatAddress(parsed))).toEqual(parsed)
      }),
    )
  })
})

describe('near words', () => {
  test('the distance is a metric', () => {
    const word = fc.stringMatching(/^[a-d]{0,6}$/)
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a))
        expect(editDistance(a, b) === 0).toBe(a === b)
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length))
      }),
    )
  })

  test.each([
    ['leastcon', 'leastconn'],
    ['RoundRobin', 'roundrobin'],
    ['ruondrobin', 'roundrobin'],
    ['x', null],
    ['completely', null],
  ])('%s: %s', (written, expected) => expect(nearest(written, ['roundrobin', 'leastconn', 'source'])).toBe(expected))
})
