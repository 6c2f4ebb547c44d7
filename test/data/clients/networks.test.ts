// Which addresses a list of networks is about.
import { BlockList } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileNetworks } from '../../../src/data/clients/networks.ts'

const within = (networks: readonly string[], address: string): boolean => compileNetworks(networks)!(address)

test('an empty list is none', () => {
  expect(compileNetworks([])).toBe(null)
})

test.each([
  ['10.0.0.0/8', '10.255.255.255', '11.0.0.0'],
  ['10.0.0.0/8', '10.0.0.0', '9.255.255.255'],
  ['192.0.2.7', '192.0.2.7', '192.0.2.8'],
  ['192.0.2.6/31', '192.0.2.7', '192.0.2.8'],
  ['255.255.255.255', '255.255.255.255', '255.255.255.254'],
  ['2001:db8::/32', '2001:db8:ffff::1', '2001:db9::'],
  ['2001:db8::1', '2001:db8:0:0:0:0:0:1', '2001:db8::2'],
  ['::1', '::1', '::'],
  ['fe80::/10', 'fe80::1%eth0', 'fec0::1'],
])('%s has %s, and has not %s', (network, inside, outside) => {
  expect(within([network], inside)).toBe(true)
  expect(within([network], outside)).toBe(false)
})

test('an IPv4-mapped address is its IPv4 address, in the list and as a client', () => {
  expect(within(['10.0.0.0/8'], '::ffff:10.1.2.3')).toBe(true)
  expect(within(['::ffff:10.0.0.0/104'], '10.1.2.3')).toBe(true)
  expect(within(['::ffff:10.0.0.0/104'], '11.1.2.3')).toBe(false)
  expect(within(['::ffff:10.1.2.3'], '10.1.2.3')).toBe(true)
})

test('everything of one family is nothing of the other', () => {
  expect([within(['0.0.0.0/0'], '8.8.8.8'), within(['0.0.0.0/0'], '2001:db8::1')]).toEqual([true, false])
  expect([within(['::/0'], '2001:db8::1'), within(['::/0'], '8.8.8.8')]).toEqual([true, false])
})

test('text that is no address is in no network', () => {
  for (const text of ['', 'unknown', '10.0.0', '10.0.0.256']) expect(within(['0.0.0.0/0', '::/0'], text)).toBe(false)
})

test('text that is no network is an error', () => {
  for (const text of ['', 'x', '10.0.0.0/33', '10.0.0.0/', '::/129', '10.0.0.0/-1', '10.0.0.0/x'])
    expect(() => compileNetworks([text])).toThrow('no network')
})

test('networks that overlap and touch, in any order: the same answers as a list that looks at each of them', () => {
  const byte = fc.integer({ min: 0, max: 3 })
  const address = fc.tuple(byte, byte, byte, byte).map((bytes) => bytes.join('.'))
  const address6 = fc.tuple(byte, byte).map(([a, b]) => `2001:db8::${a}:${b}`)
  const network = fc.oneof(
    fc.tuple(address, fc.integer({ min: 0, max: 32 })),
    fc.tuple(address6, fc.integer({ min: 100, max: 128 })),
  )
  fc.assert(
    fc.property(fc.array(network, { minLength: 1, maxLength: 12 }), fc.oneof(address, address6), (list, asked) => {
      const model = new BlockList()
      for (const [first, bits] of list) model.addSubnet(first, bits, first.includes(':') ? 'ipv6' : 'ipv4')
      const ours = within(
        list.map(([first, bits]) => `${first}/${bits}`),
        asked,
      )
      return ours === model.check(asked, asked.includes(':') ? 'ipv6' : 'ipv4')
    }),
    { numRuns: 2000 },
  )
})
