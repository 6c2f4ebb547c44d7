import fc from 'fast-check'
import { isIP } from 'node:net'
import { expect, test } from 'vitest'
import { createDice } from '../../src/balance/dice.ts'
import { hashAddress, hashString, mix } from '../../src/balance/hash.ts'

test('an IPv4-mapped address is its IPv4 address, in each way of writing it', () => {
  const expected = hashAddress('192.0.2.33')
  for (const text of ['::ffff:192.0.2.33', '::FFFF:192.0.2.33', '::ffff:c000:221', '0:0:0:0:0:ffff:192.0.2.33']) {
    expect(hashAddress(text)).toBe(expected)
  }
  expect(hashAddress('::192.0.2.33')).not.toBe(expected)
})

test('ways of writing one IPv6 address agree, with or without a zone', () => {
  for (const same of [
    ['::1', '0:0:0:0:0:0:0:1', '0000::0001', '::0.0.0.1'],
    ['2001:db8::', '2001:0DB8:0:0::', '2001:db8:0:0:0:0:0:0'],
    ['fe80::1', 'fe80::1%eth0', 'FE80:0::1%2'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ]) {
    expect(new Set(same.map(hashAddress)).size).toBe(1)
  }
})

test('compressed and full forms of any IPv6 address agree', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(0, 0, 1, 0xab, 0xffff), { minLength: 8, maxLength: 8 }), (groups) => {
      const full = groups.map((g) => g.toString(16)).join(':')
      const compressed = new URL(`http://[${full}]/`).hostname.slice(1, -1)
      expect(hashAddress(compressed)).toBe(hashAddress(full))
    }),
  )
})

test('exactly the texts that are addresses are read as such', () => {
  const piece = fc.constantFrom('1', '0', 'ff', '12345', ':', '::', '.', '192.0.2.1', '256', 'g', '00ab')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
      const text = pieces.join('')
      if (isIP(text) === 0) expect(hashAddress(text)).toBe(hashString(text))
    }),
    { numRuns: 2000 },
  )
})

test('neighbouring addresses and names fall evenly into few and many cells', () => {
  const address = (i: number) => hashAddress(`10.0.${i >> 8}.${i & 255}`)
  const ipv6 = (i: number) => hashAddress(`2001:db8::${i.toString(16)}`)
  for (const hash of [address, ipv6, (i: number) => hashString(`server-${i}`), mix]) {
    for (const cells of [2, 7, 64]) {
      const counts = new Float64Array(cells)
      for (let i = 0; i < 16_384; i++) counts[(hash(i) >>> 0) % cells]!++
      const fair = 16_384 / cells
      for (const count of counts) expect(Math.abs(count - fair)).toBeLessThan(5 * Math.sqrt(fair))
    }
  }
})

test('a seed gives another hash of the same text', () => {
  expect(hashString('web-1', 1)).not.toBe(hashString('web-1', 2))
})

test('dice stay below n, reach both ends, and are even, for small and for the largest n', () => {
  const dice = createDice(7)
  const counts = new Float64Array(10)
  for (let i = 0; i < 100_000; i++) counts[dice.below(10)]!++
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(450)
  let highest = 0
  for (let i = 0; i < 100_000; i++) highest = Math.max(highest, dice.below(2 ** 31))
  expect(highest).toBeLessThan(2 ** 31)
  expect(highest).toBeGreaterThan(2 ** 31 - 2 ** 18)
  expect(dice.below(1)).toBe(0)
})

test('dice of one seed agree and of neighbouring seeds do not, 0 included', () => {
  const draw = (seed: number) => {
    const dice = createDice(seed)
    return Array.from({ length: 8 }, () => dice.below(1000))
  }
  expect(draw(3)).toEqual(draw(3))
  expect(new Set([-1, 0, 1, 2, 3, 0x5bd1e995].map((seed) => draw(seed).join())).size).toBe(6)
})
