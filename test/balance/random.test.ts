import fc from 'fast-check'
import { expect, test } from 'vitest'
import { balancers } from '../../src/balance/balancers.ts'
import { countPicks, servers, start, world } from './world.ts'

const { random } = balancers

/** Pearson's statistic; its mean is the number of servers less one, its deviation the root of twice that. */
function chiSquare(weights: number[], picks: number, seed: number): number {
  const here = world(servers(...weights))
  const counts = countPicks(start(random, here, seed), here.pool, picks)
  const sum = weights.reduce((a, b) => a + b)
  return weights.reduce((total, weight, i) => {
    const expected = (picks * weight) / sum
    return total + ((counts.get(i) ?? 0) - expected) ** 2 / expected
  }, 0)
}

test('shares differ from the weights by what chance allows, not more and not less', () => {
  for (const weights of [[1, 1], [1, 2, 3, 4], [100, 1, 50, 25, 25], [...Array(40).keys()].map((i) => 1 + (i % 7))]) {
    const freedom = weights.length - 1
    const runs = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => chiSquare(weights, 40_000, seed))
    for (const value of runs) expect(value).toBeLessThan(freedom + 5 * Math.sqrt(2 * freedom) + 4)
    const mean = runs.reduce((a, b) => a + b) / runs.length
    expect(mean).toBeGreaterThan(freedom * 0.4 - 0.3)
  }
})

test('every server of weight above 0 can be picked, none of weight 0 is', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 12 }),
      fc.integer(),
      (weights, seed) => {
        const here = world(servers(...weights))
        const counts = countPicks(start(random, here, seed), here.pool, 3000)
        counts.delete(-1)
        expect([...counts.keys()].toSorted((a, b) => a - b)).toEqual(weights.flatMap((w, i) => (w > 0 ? [i] : [])))
      },
    ),
    { numRuns: 50 },
  )
})

test('a pick does not tell the next: pairs are as likely as their product', () => {
  const here = world(servers(1, 1, 1, 1))
  const balancer = start(random, here, 5)
  const pairs = new Float64Array(16)
  let last = balancer.pick(here.pool, 0, 0, -1)
  for (let i = 0; i < 64_000; i++) {
    const slot = balancer.pick(here.pool, 0, 0, -1)
    pairs[last * 4 + slot]!++
    last = slot
  }
  for (const count of pairs) expect(Math.abs(count - 4000)).toBeLessThan(4.5 * Math.sqrt(4000))
})
