// The worlds that algorithms are compared in. Each is one thing that goes wrong, or none, on eight servers of four cores.
// Faults last from beginning to end, or come some time after the warm-up, when everybody has settled. Made for 40 s.
// `weir simulate --list` prints this table.
import type { Fault, Scenario, SimulatedServer, Sizes } from './types.ts'

/** `more` applies to all of them. */
export function equalServers(n: number, more: Partial<SimulatedServer> = {}): SimulatedServer[] {
  const server = { weight: 1, tier: 0, zone: null, cores: 4, speed: 1, discipline: 'ps' as const, ...more }
  return Array.from({ length: n }, (_, i) => ({ ...server, name: `server-${i + 1}` }))
}

const ALWAYS = { from: -Infinity, to: Infinity }
const LATER = { from: 10_000, to: Infinity }
const FIRST = [0]
const ALL = [0, 1, 2, 3, 4, 5, 6, 7]
const exponential: Sizes = { kind: 'exponential', mean: 10 }

/** What most scenarios have in common is filled in. */
function scenario(name: string, doc: string, more: Partial<Scenario> = {}): Scenario {
  return { name, doc, servers: null, sizes: exponential, faults: [], keys: { count: 10_000, zipf: 0 }, ...more }
}

const faulty = (name: string, doc: string, ...faults: Fault[]): Scenario => scenario(name, doc, { faults })

export const scenarios: readonly Scenario[] = [
  scenario('equal', 'All servers alike, and nothing goes wrong.'),
  scenario('single', 'Single-threaded servers: one core each, which serves one request after the other.', {
    servers: equalServers(8, { cores: 1, discipline: 'fifo' }),
  }),
  faulty('slow1', 'One server is three times slower than the others.', {
    kind: 'speed',
    servers: FIRST,
    speed: 1 / 3,
    ...ALWAYS,
  }),
  faulty('two-tier', 'The last half of the servers has half the speed of the others, and no weight says so.', {
    kind: 'speed',
    servers: [4, 5, 6, 7],
    speed: 0.5,
    ...ALWAYS,
  }),
  faulty('stall', 'Each server freezes for half a second about every 15 seconds, as in a full garbage collection.', {
    kind: 'stall',
    servers: ALL,
    pause: 500,
    every: 15_000,
    ...ALWAYS,
  }),
  faulty('antag', 'A neighbour takes half of the processor of one server for ten seconds.', {
    kind: 'speed',
    servers: FIRST,
    speed: 0.5,
    from: 10_000,
    to: 20_000,
  }),
  scenario('heavy', 'Most requests take 1 ms, some 50 ms.', {
    sizes: { kind: 'mix', short: 1, long: 50, share: 0.16 },
  }),
  faulty(
    'cold',
    'One server joins after 24 seconds at a twentieth of its speed, and is warm eight seconds later.',
    { kind: 'absent', servers: FIRST, from: -Infinity, to: 24_000 },
    { kind: 'ramp', servers: FIRST, speed: 0.05, from: 24_000, to: 32_000 },
  ),
  faulty('failfast', 'One server fails every request after 0.3 ms.', {
    kind: 'fail',
    servers: FIRST,
    share: 1,
    after: 0.3,
    ...LATER,
  }),
  faulty('flaky', 'One server fails half of its requests at once.', {
    kind: 'fail',
    servers: FIRST,
    share: 0.5,
    after: 0.3,
    ...LATER,
  }),
  faulty('gray', 'One server fails 15 % of its requests at once.', {
    kind: 'fail',
    servers: FIRST,
    share: 0.15,
    after: 0.3,
    ...LATER,
  }),
  faulty('hang', 'One server never answers, and does not refuse connections either.', {
    kind: 'hang',
    servers: FIRST,
    ...LATER,
  }),
  faulty('all-gray', 'Every server fails 5 % of its requests at once, as when something behind them is ill.', {
    kind: 'fail',
    servers: ALL,
    share: 0.05,
    after: 0.3,
    ...ALWAYS,
  }),
  faulty('five-fail', 'Five of the servers fail 90 % of their requests for ten seconds, as after a bad deployment.', {
    kind: 'fail',
    servers: [0, 1, 2, 3, 4],
    share: 0.9,
    after: 0.3,
    from: 10_000,
    to: 20_000,
  }),
  scenario('zipf', 'Some keys are asked for far more often than others, as in a cache (Zipf, exponent 1).', {
    keys: { count: 10_000, zipf: 1 },
  }),
]
