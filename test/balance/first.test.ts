import { expect, test } from 'vitest'
import { balancers } from '../../src/balance/balancers.ts'
import { defaultBalanceOptions } from '../../src/model/balancers.ts'
import { nameOf, servers, start, world } from './world.ts'

const { first } = balancers

/** Starts requests and ends none. */
function fill(weights: readonly number[], limit: number, requests: number): string {
  const here = world(servers(...weights))
  const balancer = start(first, here, 1, { ...defaultBalanceOptions, limit })
  return Array.from({ length: requests }, () => {
    const slot = balancer.pick(here.pool, 0, 0, -1)
    here.columns.server.inflight[slot]!++
    return nameOf(slot)
  }).join('')
}

test('a server is filled before the next is used, and when all are full the least loaded takes more', () => {
  expect(fill([1, 1, 1], 3, 12)).toBe('aaabbbcccabc')
})

test('the limit is for the mean weight: half of it fills a server of half the weight', () => {
  expect(fill([1, 2, 3], 4, 12)).toBe('aabbbbcccccc')
})

test('every server takes one, however little its weight', () => {
  expect(fill([1, 1000], 4, 4)).toBe('abbb')
})

test('a server that has room again is used again', () => {
  const here = world(servers(1, 1))
  here.columns.server.inflight.set([100, 3])
  const balancer = start(first, here)
  expect(balancer.pick(here.pool, 0, 0, -1)).toBe(1)
  here.columns.server.inflight[0] = 99
  expect(balancer.pick(here.pool, 0, 0, -1)).toBe(0)
  expect(balancer.pick(here.pool, 0, 0, 0)).toBe(1)
})
