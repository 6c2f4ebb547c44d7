// `simulate` runs one algorithm against one world; `setupOf` makes the world from a scenario, with the measures of the
// study that the project's targets come from (docs/simulate.md). The same setup gives the same result, to the last digit.
import { balancers } from '../balance/balancers.ts'
import { plainRules } from '../balance/pool.ts'
import { defaultBalanceOptions, type BalancerName } from '../model/balancers.ts'
import { Engine } from './engine.ts'
import { equalServers } from './scenarios.ts'
import type { Result, Scenario, Setup } from './types.ts'

/** @param onProgress is called ten times per second of virtual time with the share that is over, 0 to 1 */
export function simulate(setup: Setup, onProgress?: (share: number) => void): Result {
  return new Engine(setup).run(onProgress)
}

/** A scenario at 80 % load, seen by one instance for 45 s, the first 5 s of them not counted. */
export function setupOf(scenario: Scenario, algorithm: BalancerName, more: Partial<Setup> = {}): Setup {
  return {
    algorithm: { name: algorithm, algorithm: balancers[algorithm], options: defaultBalanceOptions },
    servers: scenario.servers ?? equalServers(8),
    rules: plainRules,
    slowStart: 0,
    ejection: null,
    retries: 0,
    sizes: scenario.sizes,
    faults: scenario.faults,
    keys: scenario.keys,
    load: 0.8,
    instances: 1,
    seed: 1,
    warmup: 5_000,
    duration: 40_000,
    network: 0.2,
    timeout: 3_000,
    threshold: 250,
    recording: null,
    bucket: 0,
    ...more,
  }
}
