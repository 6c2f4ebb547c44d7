import { expect, test } from 'vitest'
import { balancers } from '../../src/balance/balancers.ts'
import { hashAddress } from '../../src/balance/hash.ts'
import { servers, start, world } from './world.ts'

test('source gives a key the server that hash gives it', () => {
  const here = world(servers(1, 2, 0, 4, 3))
  const [source, hash] = [start(balancers.source, here), start(balancers.hash, here)]
  for (let i = 0; i < 500; i++) {
    const key = hashAddress(`192.0.2.${i & 255}`) + i
    expect(source.pick(here.pool, key | 0, 0, i % 7)).toBe(hash.pick(here.pool, key | 0, 0, i % 7))
  }
})

test('addresses that differ in their last bits are spread by the weights', () => {
  const here = world(servers(1, 3))
  const balancer = start(balancers.source, here)
  for (const address of [
    (i: number) => `10.${i & 7}.${(i >> 3) & 255}.${i >> 11}`,
    (i: number) => `198.51.${i >> 8}.${i & 255}`,
    (i: number) => `2001:db8::${i.toString(16)}`,
  ]) {
    let heavy = 0
    for (let i = 0; i < 20_000; i++) heavy += balancer.pick(here.pool, hashAddress(address(i)), 0, -1)
    expect(Math.abs(heavy / 20_000 - 0.75)).toBeLessThan(0.015)
  }
})
