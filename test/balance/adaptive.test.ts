import fc from 'fast-check'
import { expect, test } from 'vitest'
import { balancers } from '../../src/balance/balancers.ts'
import { createBoard } from '../../src/balance/board.ts'
import { createColumns } from '../../src/balance/columns.ts'
import { createDice } from '../../src/balance/dice.ts'
import { learn, refresh } from '../../src/balance/learning.ts'
import { OUTCOME_FAILED, OUTCOME_OK } from '../../src/balance/outcome.ts'
import { countPicks, servers, start, world, type World } from './world.ts'

const { adaptive } = balancers

interface Behaviour {
  /** Mean of an exponential, µs. */
  readonly latency: number
  /** Share of requests that fail, after 300 µs. */
  readonly failing?: number
}

/**
 * One request after the other, 500 a second, so that each finds all servers idle.
 * @returns the share of each server, after a second for getting acquainted
 */
function lightTraffic(behaviours: readonly Behaviour[], seed: number, seconds = 40): number[] {
  const here = world(servers(...behaviours.map(() => 1)))
  const balancer = start(adaptive, here, seed)
  const board = createBoard(here.columns)
  const dice = createDice(seed + 100)
  const random = () => (dice.below(1e9) + 0.5) / 1e9
  const counts = behaviours.map(() => 0)
  for (let now = 0; now < seconds * 1e6; now += 2000) {
    if (now % 100_000 === 0) refresh(here.columns, 0, here.pool.slot, now)
    const slot = balancer.pick(here.pool, 0, now, -1)
    const { latency, failing = 0 } = behaviours[slot]!
    const fails = random() < failing
    const took = fails ? 300 : Math.round(-Math.log(random()) * latency)
    board.start(slot, now)
    board.answer(slot, now + took, took, fails ? OUTCOME_FAILED : OUTCOME_OK)
    board.end(slot)
    if (now > 1e6) counts[slot]!++
  }
  const total = counts.reduce((a, b) => a + b)
  return counts.map((count) => count / total)
}

test('light traffic is spread over equal servers, whatever the noise of their latencies', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const shares = lightTraffic([{ latency: 5000 }, { latency: 5000 }, { latency: 5000 }], seed)
    for (const share of shares) expect(Math.abs(share - 1 / 3)).toBeLessThan(0.25) // exponential latencies are the noisiest there are
  }
})

test('light traffic goes to a server that is three times as slow clearly less', () => {
  for (const seed of [1, 2, 3]) {
    const [slow, one, other] = lightTraffic([{ latency: 15_000 }, { latency: 5000 }, { latency: 5000 }], seed)
    expect(slow).toBeLessThan(0.3 * Math.min(one!, other!))
    expect(slow).toBeGreaterThan(0) // it would not be seen to recover otherwise
  }
})

test('light traffic leaves a server that fails', () => {
  for (const failing of [1, 0.5]) {
    const [broken] = lightTraffic([{ latency: 5000, failing }, { latency: 5000 }, { latency: 5000 }], 1)
    expect(broken).toBeLessThan(0.01)
  }
})

const busy = fc.record({
  weight: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 65535 })),
  inflight: fc.integer({ min: 1, max: 500 }),
  waiting: fc.nat({ max: 2 }),
  age: fc.nat({ max: 1_000_000 }),
  stall: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 100_000 })),
  factor: fc.constantFrom(0.5, 1, 1, 1.5, 4, 400),
})

test('of busy servers the least cost wins', () => {
  fc.assert(
    fc.property(fc.array(busy, { minLength: 2, maxLength: 16 }), fc.integer(), (list, now) => {
      const here = world(servers(...list.map(({ weight }) => weight)))
      const mean = list.reduce((sum, { weight }) => sum + weight, 0) / list.length
      const { server } = here.columns
      const costs = list.map(({ weight, inflight, waiting, age, stall, factor }, slot) => {
        server.inflight[slot] = inflight
        server.waiting[slot] = waiting
        server.progress[slot] = now - age
        server.stall[slot] = stall
        server.factor[slot] = factor
        const usual = stall + 800
        const silent = waiting > 0 && stall > 0 && age > usual
        return factor * (1 + (inflight * mean) / weight) * (silent ? Math.sqrt(Math.min(8, age / usual)) : 1)
      })
      const picked = start(adaptive, here).pick(here.pool, 0, now, -1)
      expect(costs[picked]).toBeLessThanOrEqual(Math.min(...costs) * (1 + 1e-9))
    }),
  )
})

function load(here: World, ...counts: number[]): void {
  here.columns.server.inflight.set(counts)
}

test('busy servers that tie are drawn by weight', () => {
  const here = world(servers(1, 2, 1))
  load(here, 3, 6, 4)
  const counts = countPicks(start(adaptive, here), here.pool, 6000)
  expect(counts.has(2)).toBe(false)
  expect(Math.abs(counts.get(1)! - 4000)).toBeLessThan(4.5 * Math.sqrt(6000 * (2 / 9)))
})

test('an idle server that is slower than a busy one costs is left alone', () => {
  const here = world(servers(1, 1))
  load(here, 1, 0)
  here.columns.server.factor.set([0.5, 2])
  expect(countPicks(start(adaptive, here), here.pool, 100)).toEqual(new Map([[0, 100]]))
})

test('idle servers that are nearly alike are drawn by weight, and one that is clearly slower hardly ever', () => {
  const here = world(servers(1, 2, 5))
  const latencies = [50_000, 50_500, 200_000]
  for (let i = 0; i < 200; i++)
    latencies.forEach((latency, slot) => learn(here.columns, 0, slot, 0, latency, OUTCOME_OK))
  refresh(here.columns, 0, here.pool.slot, 0)
  const counts = countPicks(start(adaptive, here), here.pool, 12_000)
  const [light, heavy, slow] = [0, 1, 2].map((slot) => counts.get(slot) ?? 0) as [number, number, number]
  expect(slow / 12_000).toBeLessThan(0.1)
  expect(Math.abs(heavy / (light + heavy) - 2 / 3)).toBeLessThan(0.03)
})

test('a server that stalls is left when it has been silent for too long, unless nobody waits for it', () => {
  const here = world(servers(1, 1))
  const { waiting, progress, stall } = here.columns.server
  load(here, 2, 3)
  stall.fill(10_000)
  waiting.fill(1)
  progress.set([0, 90_000])
  const balancer = start(adaptive, here)
  expect(balancer.pick(here.pool, 0, 9000, -1)).toBe(0)
  expect(balancer.pick(here.pool, 0, 100_000, -1)).toBe(1)
  waiting[0] = 0 // its downloads go on
  expect(balancer.pick(here.pool, 0, 100_000, -1)).toBe(0)
})

test('in a large pool picks are by weight among idle servers, and hardly ever of a loaded half', () => {
  const n = 400
  const here = world(servers(...Array.from({ length: n }, (_, i) => 1 + (i % 2))), createColumns(n))
  for (let slot = 0; slot < n / 2; slot++) here.columns.server.inflight[slot] = 5
  const counts = countPicks(start(adaptive, here), here.pool, 20_000)
  let loaded = 0
  let heavy = 0
  for (const [slot, count] of counts) {
    if (slot < n / 2) loaded += count
    if (slot % 2 === 1) heavy += count
  }
  expect(loaded / 20_000).toBeLessThan(2 ** -8 + 0.003)
  expect(Math.abs(heavy / 20_000 - 2 / 3)).toBeLessThan(0.02)
})

test('a retry finds another server also where nearly every draw is the one to avoid', () => {
  const here = world(servers(65535, ...Array.from({ length: 20 }, () => 1)))
  for (const slot of countPicks(start(adaptive, here), here.pool, 2000, 0).keys()) expect(slot).toBeGreaterThan(0)
})

test('what is no number does not stop the picks', () => {
  for (const inflight of [0, 1]) {
    const here = world(servers(1, 1, 1))
    load(here, inflight, inflight, inflight)
    here.columns.server.factor.set([NaN, 1, NaN])
    const balancer = start(adaptive, here)
    for (const slot of countPicks(balancer, here.pool, 200).keys()) expect([0, 1, 2]).toContain(slot)
    here.columns.server.factor.fill(NaN)
    for (const slot of countPicks(balancer, here.pool, 200).keys()) expect([0, 1, 2]).toContain(slot)
  }
})
