// Worlds drawn at random, to see whether what holds in the scenarios holds beyond them: pools of other sizes, other servers,
// other distributions, one to many instances, and whatever goes wrong.
import { Random } from '../../src/simulate/random.ts'
import { equalServers } from '../../src/simulate/scenarios.ts'
import type { Fault, Scenario, Setup, Sizes } from '../../src/simulate/types.ts'

export interface World {
  readonly scenario: Scenario
  readonly more: Partial<Setup>
  /** In words, for the message when it goes wrong. */
  readonly text: string
}

/** Requests per second that no world exceeds, so that none takes long: a server is slower where it would. */
const MOST = 3000

export function randomWorld(seed: number): World {
  const random = new Random(seed, 77)
  const n = 3 + random.below(22)
  const cores = 2 ** random.below(5)
  const discipline = random.below(2) === 0 ? ('ps' as const) : ('fifo' as const)
  const anyLoad = 0.5 + 0.4 * random.uniform()
  const fault = randomFault(random, n)
  // Whoever avoids a failing server loads the others with its part, while leastconn lets a third of the requests fail and has
  // it easy with the rest. For a fair race of latencies the others must be able to carry it all.
  const load = fault?.kind === 'fail' ? (Math.min(0.75, anyLoad) * (n - 1)) / (n - fault.share) : anyLoad
  const mean = Math.max(2 + 58 * random.uniform(), (load * n * cores * 1000) / MOST)
  const sizes = randomSizes(random, mean)
  const instances = Math.round(32 ** random.uniform())
  return {
    scenario: {
      name: `world ${seed}`,
      doc: '',
      servers: equalServers(n, { cores, discipline }),
      sizes,
      faults: fault === null ? [] : [fault],
      keys: { count: 1000, zipf: 0 },
    },
    more: { load, instances, seed, warmup: 5_000, duration: 20_000 },
    text: `${n} x ${cores} cores, ${discipline}, ${sizes.kind} ${mean.toFixed(0)} ms, load ${load.toFixed(2)}, ${instances} instances, ${fault?.kind ?? 'no fault'}`,
  }
}

function randomSizes(random: Random, mean: number): Sizes {
  switch (random.below(4)) {
    case 0:
      return { kind: 'exponential', mean }
    case 1:
      return { kind: 'deterministic', mean }
    case 2:
      return { kind: 'lognormal', mean, sigma: 1 }
    default:
      return { kind: 'mix', short: mean / 2, long: mean * 5.5, share: 0.1 } // of that mean
  }
}

/** On up to a third of the servers, at least one. */
function randomFault(random: Random, n: number): Fault | null {
  const servers = Array.from({ length: 1 + random.below(Math.floor(n / 3)) }, (_, i) => i)
  const always = { servers, from: -Infinity, to: Infinity }
  switch (random.below(7)) {
    case 0:
      return { ...always, kind: 'speed', speed: 0.25 + 0.5 * random.uniform() }
    case 1:
      return { kind: 'speed', servers, from: 3_000, to: 10_000, speed: 0.5 }
    case 2:
      return { ...always, kind: 'stall', pause: 200 + random.below(400), every: 10_000 }
    case 3:
      return { ...always, kind: 'fail', servers: [0], share: 1, after: 0.3 }
    case 4:
      return { ...always, kind: 'fail', servers: [0], share: 0.1 + 0.5 * random.uniform(), after: 0.3 }
    case 5:
      return { ...always, kind: 'hang', servers: [0] }
    default:
      return null
  }
}
