import { expect, test } from 'vitest'
import { balancers } from '../../src/balance/balancers.ts'
import { OUTCOME_FAILED, OUTCOME_OK } from '../../src/balance/outcome.ts'
import { defaultBalanceOptions } from '../../src/model/balancers.ts'
import { servers, start, world } from './world.ts'

const peakEwma = balancers['peak-ewma']
const SECOND = 1_000_000

/** Two servers are always compared, but for 1 pick in 2000. */
function two() {
  const here = world(servers(1, 1))
  const balancer = start(peakEwma, here)
  const favourite = (now: number) => {
    let first = 0
    for (let i = 0; i < 99; i++) if (balancer.pick(here.pool, 0, now, -1) === 0) first++
    return first > 90 ? 0 : first < 9 ? 1 : 'either'
  }
  return { here, balancer, favourite, inflight: here.columns.server.inflight }
}

test('servers that have not answered yet tie, and count as if they took 30 ms', () => {
  const { balancer, favourite } = two()
  expect(favourite(0)).toBe('either')
  balancer.onEnd!(0, 0, 29_000, OUTCOME_OK)
  expect(favourite(0)).toBe(0)
  balancer.onEnd!(0, 0, 31_000, OUTCOME_OK)
  expect(favourite(0)).toBe(1)
})

test('a peak is believed at once, and an answer that is faster only by and by', () => {
  const { balancer, favourite } = two()
  balancer.onEnd!(1, 0, 20_000, OUTCOME_OK)
  balancer.onEnd!(0, 0, 10_000, OUTCOME_OK)
  expect(favourite(0)).toBe(0)
  balancer.onEnd!(0, 0, 500_000, OUTCOME_OK)
  expect(favourite(0)).toBe(1)
  balancer.onEnd!(0, 1000, 10_000, OUTCOME_OK)
  expect(favourite(1000)).toBe(1)
  for (let now = SECOND; now <= 50 * SECOND; now += SECOND) {
    balancer.onEnd!(0, now, 10_000, OUTCOME_OK)
    balancer.onEnd!(1, now, 20_000, OUTCOME_OK)
  }
  expect(favourite(50 * SECOND)).toBe(0)
})

test('an average halves in 0.69 of the time constant, toward zero', () => {
  const here = world(servers(1, 1))
  const balancer = start(peakEwma, here, 1, { ...defaultBalanceOptions, decay: 1000 })
  balancer.onEnd!(0, 0, 100_000, OUTCOME_OK)
  const later = Math.round(Math.LN2 * SECOND)
  balancer.onEnd!(1, later, 49_000, OUTCOME_OK)
  const ofLast = (now: number) => [1, 2, 3, 4, 5].map(() => balancer.pick(here.pool, 0, now, -1))
  expect(new Set(ofLast(later))).toEqual(new Set([1]))
  balancer.onEnd!(1, later, 51_000, OUTCOME_OK)
  expect(new Set(ofLast(later))).toEqual(new Set([0]))
})

test('what is in flight multiplies, by weight', () => {
  const { balancer, favourite, inflight } = two()
  balancer.onEnd!(0, 0, 10_000, OUTCOME_OK)
  balancer.onEnd!(1, 0, 31_000, OUTCOME_OK)
  inflight.set([2, 0])
  expect(favourite(0)).toBe(0)
  inflight.set([3, 0])
  expect(favourite(0)).toBe(1)
})

test('a failure counts with its latency as any answer does', () => {
  const { balancer, favourite } = two()
  balancer.onEnd!(0, 0, 300, OUTCOME_FAILED)
  balancer.onEnd!(1, 0, 10_000, OUTCOME_OK)
  expect(favourite(0)).toBe(0)
})

test('a server is known also after the clock has wrapped', () => {
  const { balancer, favourite } = two()
  const before = 2 ** 31 - 1000
  balancer.onEnd!(0, before, 10_000, OUTCOME_OK)
  balancer.onEnd!(1, before, 20_000, OUTCOME_OK)
  expect(favourite((before + 5000) | 0)).toBe(0)
})
