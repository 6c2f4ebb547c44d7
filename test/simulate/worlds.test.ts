// Does what holds in the scenarios hold in worlds that nobody chose? 48 of them, by seeds that no constant was tuned on.
import { beforeAll, expect, test } from 'vitest'
import { setupOf, simulate } from '../../src/simulate/simulation.ts'
import { geometricMean, mean } from '../../src/simulate/statistics.ts'
import type { Result } from '../../src/simulate/types.ts'
import { randomWorld } from './worlds.ts'

interface Race {
  readonly text: string
  /** A server fails requests; its capacity is lost to whoever avoids it, and gained by whoever lets requests fail. */
  readonly failing: boolean
  /** p99 of adaptive over leastconn's. */
  readonly ratio: number
  readonly adaptive: Result
  readonly leastconn: Result
}

const races: Race[] = []

beforeAll(() => {
  for (let seed = 201; seed <= 248; seed++) {
    const { scenario, more, text } = randomWorld(seed)
    const adaptive = simulate(setupOf(scenario, 'adaptive', more))
    const leastconn = simulate(setupOf(scenario, 'leastconn', more))
    const failing = scenario.faults.some(({ kind }) => kind === 'fail')
    races.push({ text, failing, ratio: adaptive.p99 / leastconn.p99, adaptive, leastconn })
  }
}, 300_000)

test('over all worlds the p99 of adaptive is at most 0.85 of that of leastconn', () => {
  expect(geometricMean(races.map(({ ratio }) => ratio))).toBeLessThanOrEqual(0.85)
})

test('where all requests are answered, in no world is it more than a quarter worse', () => {
  const worst = races.filter(({ failing, ratio }) => !failing && ratio > 1.25)
  expect(worst.map(({ text, ratio }) => `${text}: ${ratio.toFixed(2)}`)).toEqual([])
})

test('where a server fails, a tenth of the errors at most are left', () => {
  const failing = races.filter((race) => race.failing)
  const errors = (name: 'adaptive' | 'leastconn'): number => mean(failing.map((race) => race[name].errors))
  expect(errors('adaptive')).toBeLessThanOrEqual(0.1 * errors('leastconn'))
})

test('the same seed gives the same result, to the last digit', () => {
  for (const seed of [203, 213, 217]) {
    const { scenario, more } = randomWorld(seed)
    const run = (): Result => simulate(setupOf(scenario, 'adaptive', { ...more, bucket: 500 }))
    expect(run()).toEqual(run())
  }
})
