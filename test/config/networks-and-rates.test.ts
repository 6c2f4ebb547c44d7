// Networks and rates of clients: one spelling for the same network, nothing that is not meant, and bursts.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { coversAll, nearestNetwork, parseNetwork } from '../../src/config/network.ts'
import { parseRate } from '../../src/config/rate.ts'

const textOf = (written: string): string | null => {
  const parsed = parseNetwork(written)
  return 'expected' in parsed ? null : parsed.text
}

describe('networks', () => {
  test.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['192.0.2.7', '192.0.2.7'],
    ['192.0.2.7/32', '192.0.2.7'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['128.0.0.0/1', '128.0.0.0/1'],
    ['::/0', '::/0'],
    ['2001:DB8:0:0::/32', '2001:db8::/32'],
    ['2001:db8::1/128', '2001:db8::1'],
    ['fe80::/10', 'fe80::/10'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['::1', '::1'],
  ])('%s is %s', (written, expected) => expect(textOf(written)).toBe(expected))

  test.each([
    '',
    '10',
    '10.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    '10.0.0.0/255.0.0.0',
    '10.0.0.1/8',
    '010.0.0.0/8',
    '2001:db8::/129',
    '2001:db8::1/32',
    'fe80::1%eth0',
    '::ffff:10.0.0.1',
    'localhost',
    ' 10.0.0.0/8',
  ])('"%s" is none', (written) => expect(textOf(written)).toBeNull())

  test.each([
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.1.2.3/255.255.0.0', '10.1.0.0/16'],
    ['10.0.0.0/255.255.255.255', '10.0.0.0'],
    ['2001:db8::1/32', '2001:db8::/32'],
    ['::ffff:10.1.2.3/104', '10.0.0.0/8'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    [' 10.0.0.0/8', '10.0.0.0/8'],
  ])('%s was probably meant to be %s', (written, expected) => expect(nearestNetwork(written)).toBe(expected))

  test.each(['localhost', '10.0.0.0/255.0.255.0', '10/8', '::ffff:10.0.0.0/64'])('%s may be anything', (written) =>
    expect(nearestNetwork(written)).toBeNull(),
  )

  test('of any address and any prefix, the network that is proposed is one, and stays as it is', () => {
    const ipv4 = fc.tuple(fc.ipV4(), fc.nat(32))
    const ipv6 = fc.tuple(fc.ipV6(), fc.nat(128)).filter(([address]) => !/ffff:[\d.]+$|ffff:\w+:\w+$/i.test(address))
    fc.assert(
      fc.property(fc.oneof(ipv4, ipv6), ([address, bits]) => {
        const near = nearestNetwork(`${address}/${bits}`)!
        expect(textOf(near)).toBe(near)
        expect(nearestNetwork(near)).toBe(near)
      }),
    )
  })

  test('everybody is all of both families', () => {
    expect(coversAll(['0.0.0.0/0', '10.0.0.0/8', '::/0'])).toBe(true)
    expect(coversAll(['0.0.0.0/0'])).toBe(false)
    expect(coversAll(['::/0'])).toBe(false)
  })
})

describe('rates', () => {
  test.each([
    ['100/s', 100, 100],
    ['1.5/s', 1.5, 2],
    ['0.2/s', 0.2, 1],
    ['30/m', 0.5, 3],
    ['5/m', 5 / 60, 1],
    ['3600/h', 1, 360],
    ['1000000/s', 1_000_000, 1_000_000],
    ['60000000/m', 1_000_000, 1_000_000],
  ])('%s: %d a second, %d at once', (written, perSecond, burst) =>
    expect(parseRate(written)).toEqual({ perSecond, burst }),
  )

  test.each(['', '100', '100/', '100/d', '100 /s', '/s', '0/s', '-1/s', '1e3/s', '1000001/s', '.5/s', 'off'])(
    '"%s" is none',
    (written) => expect(parseRate(written)).toBeNull(),
  )
})
