// The simulation against queueing theory, where there is an exact answer. With requests sent at random, each of the servers
// is a queue of its own with Poisson arrivals. The mean of independent runs has to lie within its 95 % confidence interval,
// and the interval has to be narrow enough to mean something. Seeds are fixed, so this passes always or never; of other sets
// of seeds one in twenty would miss each interval, as it should be.
import { expect, test, vi } from 'vitest'
import { equalServers } from '../../src/simulate/scenarios.ts'
import { setupOf, simulate } from '../../src/simulate/simulation.ts'
import { confidence } from '../../src/simulate/statistics.ts'
import type { Result, Scenario, Setup, SimulatedServer, Sizes } from '../../src/simulate/types.ts'

vi.setConfig({ testTimeout: 120_000 }) // some seconds each, and more on a busy machine

const exponential: Sizes = { kind: 'exponential', mean: 10 }
const deterministic: Sizes = { kind: 'deterministic', mean: 10 }

function world(n: number, server: Partial<SimulatedServer>, sizes: Sizes): Scenario {
  return { name: 'theory', doc: '', servers: equalServers(n, server), sizes, faults: [], keys: { count: 1, zipf: 0 } }
}

/** Runs with seeds 1001, 1002 ... */
function runs(count: number, setup: Setup): Result[] {
  return Array.from({ length: count }, (_, i) => simulate({ ...setup, seed: i + 1001 }))
}

/** @param tolerance widest interval that still says something, as a share of the exact value */
function expectWithin(values: readonly number[], exact: number, tolerance: number): void {
  const { mean, half } = confidence(values)
  expect(half, 'half width').toBeLessThanOrEqual(tolerance * exact)
  expect(
    Math.abs(mean - exact),
    `mean ${mean.toFixed(3)}, exact ${exact.toFixed(3)}, +- ${half.toFixed(3)}`,
  ).toBeLessThanOrEqual(half)
}

const means = (results: readonly Result[]): number[] => results.map((result) => result.mean)

test('M/M/1 with processor sharing at 0.8: 10 / (1 - 0.8) ms, and twice the network', () => {
  const setup = setupOf(world(32, { cores: 1 }, exponential), 'random')
  expectWithin(means(runs(8, setup)), 50.4, 0.04)
})

test('M/D/1 with processor sharing: the same, because only the mean size counts', () => {
  const setup = setupOf(world(32, { cores: 1 }, deterministic), 'random')
  expectWithin(means(runs(8, setup)), 50.4, 0.04)
})

test('M/M/1 in order of arrival: the same mean, and an exponential tail', () => {
  const setup = setupOf(world(32, { cores: 1, discipline: 'fifo' }, exponential), 'random', { network: 0 })
  const results = runs(8, setup)
  expectWithin(means(results), 50, 0.04)
  expectWithin(
    results.map(({ p99 }) => p99),
    50 * Math.log(100),
    0.06,
  )
})

test('M/D/1 in order of arrival: 10 + 10 * 0.8 / (2 * 0.2) ms, by Pollaczek and Khinchine', () => {
  const setup = setupOf(world(32, { cores: 1, discipline: 'fifo' }, deterministic), 'random', { network: 0 })
  expectWithin(means(runs(8, setup)), 30, 0.04)
})

test('M/M/4: 10 + C / (4 / 10 - 0.32) ms with C the share that waits, by Erlang', () => {
  const offered = 3.2
  const terms = [1, offered, offered ** 2 / 2, offered ** 3 / 6]
  const full = offered ** 4 / 24 / (1 - 0.8)
  const waits = full / (terms.reduce((sum, term) => sum + term, 0) + full)
  const exact = 10 + waits / (0.4 - 0.32)
  expect(exact).toBeCloseTo(17.46, 2)
  const setup = setupOf(world(16, { cores: 4, discipline: 'fifo' }, exponential), 'random', { network: 0 })
  expectWithin(means(runs(5, setup)), exact, 0.02)
})

test('two choices at 0.9: the fluid limit, the sum of 0.9 ^ (2 ^ i - 2), times 10 ms', () => {
  let exact = 0
  for (let i = 1; i < 10; i++) exact += 10 * 0.9 ** (2 ** i - 2)
  expect(exact).toBeCloseTo(26.14, 2)
  // A thousand queues are close enough to infinitely many; a hundred still wait some 1.5 % longer.
  const scenario = world(1000, { cores: 1, discipline: 'fifo' }, exponential)
  const setup = setupOf(scenario, 'p2c', { network: 0, load: 0.9, warmup: 1_000, duration: 2_000 })
  expectWithin(means(runs(5, setup)), exact, 0.03)
})

test("Little's law: requests in flight are the rate times the mean latency", () => {
  const setup = setupOf(world(8, { cores: 4 }, exponential), 'leastconn', { bucket: 1000 })
  const { timeline, requests, mean } = simulate(setup)
  const inflight = timeline.reduce((sum, slots) => sum + slots.reduce((a, b) => a + b) / slots.length, 0)
  expect(timeline[0]).toHaveLength(40)
  expect(inflight / ((requests / 40_000) * mean)).toBeCloseTo(1, 2)
})
