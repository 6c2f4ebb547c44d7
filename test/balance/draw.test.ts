import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createColumns } from '../../src/balance/columns.ts'
import { createDice } from '../../src/balance/dice.ts'
import { buildAliasTable, drawByWeight, drawIndex, drawIndexes } from '../../src/balance/draw.ts'
import { servers, world } from './world.ts'

const anyWeights = fc.array(fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 65535 })), {
  minLength: 1,
  maxLength: 60,
})

test('the cells of an alias table hold exactly the weights', () => {
  fc.assert(
    fc.property(anyWeights, (weights) => {
      const sum = weights.reduce((a, b) => a + b)
      const { cut, alias } = buildAliasTable(Int32Array.from(weights), sum)
      const held = weights.map(() => 0)
      weights.forEach((_, cell) => {
        held[cell]! += cut[cell]!
        held[alias[cell]!]! += sum - cut[cell]!
      })
      expect(held).toEqual(weights.map((weight) => weight * weights.length))
    }),
  )
})

/** Pearson's statistic less its mean, in its deviations. */
function deviation(counts: readonly number[], weights: readonly number[]): number {
  const [draws, sum] = [counts, weights].map((list) => list.reduce((a, b) => a + b)) as [number, number]
  const square = weights.reduce((total, weight, i) => {
    const due = (draws * weight) / sum
    return total + (counts[i]! - due) ** 2 / due
  }, 0)
  const freedom = weights.length - 1
  return (square - freedom) / Math.sqrt(2 * freedom)
}

const lists = [[1, 1], [1, 2, 3, 4], [100, 1, 50, 25], [...Array(40).keys()].map((i) => 1 + (i % 7)), Array(17).fill(3)]

test.each(lists.map((weights) => [weights]))(
  'draws by weights %j differ from them by what chance allows',
  (weights) => {
    const { pool } = world(servers(...weights))
    const [one, many] = [weights.map(() => 0), weights.map(() => 0)]
    const dice = createDice(11)
    const into = new Int32Array(8)
    for (let i = 0; i < 5000; i++) {
      for (let k = 0; k < 8; k++) one[drawIndex(pool, dice)]!++
      drawIndexes(pool, dice, into)
      for (const index of into) many[index]!++
    }
    expect(Math.abs(deviation(one, weights))).toBeLessThan(4.5)
    expect(Math.abs(deviation(many, weights))).toBeLessThan(4.5)
  },
)

test('of draws that are made together, one does not tell the next', () => {
  const { pool } = world(servers(1, 1, 1, 1))
  const dice = createDice(5)
  const into = new Int32Array(8)
  for (const apart of [1, 2, 7]) {
    const pairs = Array<number>(16).fill(0)
    for (let i = 0; i < 40_000; i++) {
      drawIndexes(pool, dice, into)
      pairs[into[0]! * 4 + into[apart]!]!++
    }
    expect(Math.abs(deviation(pairs, Array(16).fill(1)))).toBeLessThan(4.5)
  }
})

test('the largest pools are drawn from to the last server', () => {
  const n = 10_000
  const { pool } = world(servers(...Array(n).fill(65535).with(0, 1)), createColumns(n))
  const dice = createDice(3)
  const seen = new Set<number>()
  const into = new Int32Array(8)
  for (let i = 0; i < 20_000; i++) {
    drawIndexes(pool, dice, into)
    for (const index of into) seen.add(index)
  }
  expect(seen.size).toBeGreaterThan(n - 10)
  expect(Math.max(...seen)).toBe(n - 1)
})

test('a draw without one server has the odds of the others', () => {
  const { pool } = world(servers(5, 1, 3))
  const dice = createDice(7)
  const counts = [0, 0, 0]
  for (let i = 0; i < 8000; i++) counts[drawByWeight(pool, dice, 0)]!++
  expect(counts[0]).toBe(0)
  expect(Math.abs(counts[2]! - 6000)).toBeLessThan(4.5 * Math.sqrt(1500))
})
