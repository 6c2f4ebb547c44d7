// Addresses of which only the leading bits count, as a number that is hashed and as text.
import fc from 'fast-check'
import { BlockList } from 'node:net'
import { expect, test } from 'vitest'
import { networkText } from '../../src/balance/address.ts'
import { hashAddress, hashNetwork, hashString } from '../../src/balance/hash.ts'

test('a network in the form that RFC 5952 recommends', () => {
  const networks: readonly (readonly [text: string, prefix4: number, prefix6: number, network: string])[] = [
    ['192.0.2.133', 32, 128, '192.0.2.133'],
    ['192.0.2.133', 24, 128, '192.0.2.0'],
    ['192.0.2.133', 25, 128, '192.0.2.128'],
    ['192.0.2.133', 9, 128, '192.0.0.0'],
    ['255.255.255.255', 1, 128, '128.0.0.0'],
    ['192.0.2.133', 0, 128, '0.0.0.0'],
    ['::ffff:192.0.2.133', 16, 0, '192.0.0.0'],
    ['::FFFF:c000:285', 32, 128, '192.0.2.133'],
    ['2001:DB8::1%eth0', 0, 128, '2001:db8::1'],
    ['2001:db8:1:2:3:4:5:6', 0, 64, '2001:db8:1:2::'],
    ['2001:db8:1:2ff:3:4:5:6', 0, 56, '2001:db8:1:200::'],
    ['2001:db8:1:2:3:4:5:6', 0, 127, '2001:db8:1:2:3:4:5:6'],
    ['2001:db8:1:2:3:4:5:7', 0, 127, '2001:db8:1:2:3:4:5:6'],
    ['2001:0:0:1:0:0:0:1', 0, 128, '2001:0:0:1::1'],
    ['2001:db8:0:1:1:1:1:1', 0, 128, '2001:db8:0:1:1:1:1:1'],
    ['1::', 0, 0, '::'],
    ['unknown', 8, 8, 'unknown'],
  ]
  for (const [text, prefix4, prefix6, network] of networks) expect(networkText(text, prefix4, prefix6)).toBe(network)
})

const ipv4 = fc.ipV4()
const ipv6 = fc.ipV6()

test('the network is the one that Node finds the address in, and its text stands for it', () => {
  fc.assert(
    fc.property(ipv4, fc.nat(32), ipv6, fc.nat(128), (text4, prefix4, text6, prefix6) => {
      for (const [text, prefix, family] of [
        [text4, prefix4, 'ipv4'],
        [text6, prefix6, 'ipv6'],
      ] as const) {
        const network = networkText(text, prefix4, prefix6)
        if (family === 'ipv6' && network.includes('.')) continue // an IPv4-mapped one
        if (prefix > 0) {
          const list = new BlockList()
          list.addSubnet(network, prefix, family)
          expect(list.check(text, family)).toBe(true)
        }
        expect(networkText(network, prefix4, prefix6)).toBe(network)
        expect(hashNetwork(text, prefix4, prefix6)).toBe(hashAddress(network))
      }
    }),
  )
})

test('neighbours share a network, strangers do not', () => {
  expect(hashNetwork('192.0.2.1', 24, 64)).toBe(hashNetwork('192.0.2.254', 24, 64))
  expect(hashNetwork('192.0.2.1', 24, 64)).not.toBe(hashNetwork('192.0.3.1', 24, 64))
  expect(hashNetwork('2001:db8::1', 24, 64)).toBe(hashNetwork('2001:db8::ffff:1', 24, 64))
  expect(hashNetwork('2001:db8::1', 24, 64)).not.toBe(hashNetwork('2001:db8:0:1::1', 24, 64))
  expect(hashNetwork('/run/web.sock', 24, 64)).toBe(hashString('/run/web.sock'))
})
