// The scenarios do what they say, and so do the layers around the algorithms: retries, ejection, slow start, pool rules.
import { expect, test, vi } from 'vitest'
import { capacityOf } from '../../src/simulate/capacity.ts'
import { equalServers, scenarios } from '../../src/simulate/scenarios.ts'
import { setupOf, simulate } from '../../src/simulate/simulation.ts'
import type { Result, Scenario, Setup } from '../../src/simulate/types.ts'
import type { BalancerName } from '../../src/model/balancers.ts'

vi.setConfig({ testTimeout: 120_000 }) // some seconds each, and more on a busy machine

const named = (name: string): Scenario => scenarios.find((scenario) => scenario.name === name)!

const run = (name: string, algorithm: BalancerName, more: Partial<Setup> = {}): Result =>
  simulate(setupOf(named(name), algorithm, more))

/** Ten seconds, from a fault's beginning on. */
const short = { warmup: 2_000, duration: 10_000 }
const capacity = (name: string): number => capacityOf(setupOf(named(name), 'random'))

test('every scenario has a name of its own and a sentence', () => {
  expect(new Set(scenarios.map(({ name }) => name)).size).toBe(scenarios.length)
  for (const { doc } of scenarios) expect(doc).toMatch(/^[A-Z].*\.$/)
})

test('the capacity that load is said of is what is there for most of the time', () => {
  expect(capacity('equal')).toBe(32)
  expect(capacity('single')).toBe(8)
  expect(capacity('slow1')).toBeCloseTo(28 + 4 / 3, 9)
  expect(capacity('two-tier')).toBe(24)
  expect(capacity('stall')).toBeCloseTo((32 * 15_000) / 15_500, 9)
  expect(capacity('antag')).toBe(32)
  expect(capacity('hang')).toBe(28)
  expect(capacity('failfast')).toBe(28)
  expect(capacity('flaky')).toBe(30)
})

test('as many requests come as the load says', () => {
  const { requests } = run('equal', 'random', { load: 0.5 })
  expect(requests / (40 * 1600)).toBeCloseTo(1, 1)
})

test('a server that fails at once is a magnet to leastconn, and not to adaptive', () => {
  expect(run('failfast', 'leastconn').errors).toBeGreaterThan(0.3)
  expect(run('failfast', 'roundrobin').errors).toBeCloseTo(0.0938, 2)
  expect(run('failfast', 'adaptive').errors).toBeLessThan(0.001)
})

test('a retry elsewhere takes away all fast failures, with every algorithm', () => {
  for (const algorithm of ['roundrobin', 'leastconn', 'hash', 'affinity', 'adaptive'] as const) {
    const result = run('failfast', algorithm, { ...short, faults: always(named('failfast')), retries: 1, load: 0.6 })
    expect(result.errors, algorithm).toBe(0)
    expect(result.servers[0]!.errors, algorithm).toBeGreaterThan(0)
  }
})

test('a second retry goes to a third server', () => {
  const faults = [{ ...named('failfast').faults[0]!, servers: [0, 1], from: -Infinity }]
  const once = run('failfast', 'random', { ...short, faults, retries: 1, load: 0.5 })
  const twice = run('failfast', 'random', { ...short, faults, retries: 2, load: 0.5 })
  expect(once.errors).toBeCloseTo((2 / 8) * (1 / 7), 2)
  expect(twice.errors).toBe(0)
})

test('ejection takes out what fails, so that leastconn loses few requests', () => {
  const ejection = { failures: 5, time: 10_000, max: 50 }
  expect(run('failfast', 'leastconn', { ejection }).errors).toBeLessThan(0.01)
})

test('a server that never answers costs each request that it gets the whole timeout', () => {
  const result = run('hang', 'roundrobin', { ...short, faults: always(named('hang')) })
  expect(result.errors).toBeCloseTo(1 / 8, 2)
  expect(result.p95).toBe(3000)
  expect(result.over).toBeCloseTo(1 / 8, 2)
})

test('slow start spares a cold server, where weights count', () => {
  const cold = run('cold', 'roundrobin')
  const spared = run('cold', 'roundrobin', { slowStart: 10_000 })
  expect(spared.p99).toBeLessThan(cold.p99 / 5)
})

test('a server that is absent gets nothing, and its fair part when it is there', () => {
  const faults = [{ kind: 'absent' as const, servers: [0], from: -Infinity, to: 5_000 }]
  const { servers, requests } = run('equal', 'roundrobin', { ...short, faults, load: 0.5 })
  expect(servers[0]!.requests / requests).toBeCloseTo(1 / 16, 2)
})

test('without any server every request fails, and there is no latency', () => {
  const faults = [{ kind: 'absent' as const, servers: [0, 1, 2, 3, 4, 5, 6, 7], from: 0, to: Infinity }]
  const recording = {
    arrivals: Float64Array.of(2_500, 2_600),
    services: Float64Array.of(5, 5),
    keys: Int32Array.of(1, 2),
  }
  const result = run('equal', 'adaptive', { ...short, faults, recording })
  expect(result).toMatchObject({ requests: 2, errors: 1, p99: NaN })
})

test('a recording is played as it is: on idle servers each request takes its service and the network', () => {
  const recording = {
    arrivals: Float64Array.of(100, 2_100, 2_200, 2_300),
    services: Float64Array.of(900, 10, 20, 30),
    keys: Int32Array.of(1, 2, 3, 4),
  }
  const result = run('equal', 'leastconn', { ...short, recording })
  expect(result.requests).toBe(3)
  expect(result.quantiles[0]).toBeCloseTo(10.4, 9)
  expect(result.p50).toBeCloseTo(20.4, 9)
  expect(result.quantiles.at(-1)).toBeCloseTo(30.4, 9)
})

test('configured weights are met, and imbalance is relative to them', () => {
  const servers = equalServers(4).map((server, i) => ({ ...server, weight: i + 1 }))
  const result = run('equal', 'roundrobin', { ...short, servers, load: 0.3 })
  result.servers.forEach(({ requests }, i) => expect(requests / result.requests).toBeCloseTo((i + 1) / 10, 3))
  expect(result.imbalance.requests).toBeCloseTo(1, 2)
})

test('tiers are kept: a backup gets nothing while a primary is there', () => {
  const servers = equalServers(4).map((server, i) => ({ ...server, tier: i === 3 ? 1 : 0 }))
  expect(run('equal', 'adaptive', { ...short, servers, load: 0.3 }).servers[3]!.requests).toBe(0)
})

test('plain hashing keeps every key at home; affinity moves some when it must', () => {
  expect(run('zipf', 'hash', { ...short, load: 0.3 }).away).toBe(0)
  const { away } = run('zipf', 'affinity', short)
  expect(away).toBeGreaterThan(0.02)
  expect(away).toBeLessThan(0.3)
  expect(run('zipf', 'leastconn', short).away).toBe(0)
})

test('all algorithms meet the same requests under one seed', () => {
  const counts = (['random', 'leastconn', 'adaptive'] as const).map((name) => run('equal', name, short).requests)
  expect(new Set(counts).size).toBe(1)
})

test('progress is told, and ends at one', () => {
  const shares: number[] = []
  simulate(setupOf(named('equal'), 'random', { ...short, load: 0.1 }), (share) => shares.push(share))
  expect(shares.length).toBeGreaterThan(100)
  expect(shares.toSorted((a, b) => a - b)).toEqual(shares)
  expect(shares.at(-1)).toBeGreaterThan(0.99)
})

/** The faults of a scenario, from beginning to end. */
function always({ faults }: Scenario): Setup['faults'] {
  return faults.map((fault) => ({ ...fault, from: -Infinity, to: Infinity }))
}
