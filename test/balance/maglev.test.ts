import fc from 'fast-check'
import { expect, test } from 'vitest'
import { buildMaglev, cellOf, maglevCells, type Ranked } from '../../src/balance/maglev.ts'

const weighted = (weights: readonly number[]): Ranked[] =>
  weights.map((weight, i) => ({ name: `m${String(i).padStart(3, '0')}`, weight }))

function cellsOf(weights: readonly number[]): number[] {
  const counts = weights.map(() => 0)
  for (const member of buildMaglev(weighted(weights))) counts[member]!++
  return counts
}

test('every cell is taken, by the exact share of the weights, for one member to several hundred', () => {
  for (const weights of [
    [1],
    [1, 1, 1],
    [65535, 1],
    [65535, 65534, 65533, 7],
    [3, 5, 7, 11],
    Array.from({ length: 64 }, (_, i) => 1 + (i % 10)),
    Array.from({ length: 300 }, (_, i) => 1 + (i % 10)),
  ]) {
    const sum = weights.reduce((a, b) => a + b)
    const cells = maglevCells(weights.length)
    const counts = cellsOf(weights)
    expect(counts.reduce((a, b) => a + b)).toBe(cells)
    weights.forEach((weight, i) => expect(Math.abs(counts[i]! - (weight / sum) * cells)).toBeLessThanOrEqual(1.5))
  }
})

test('shares are exact for any weights', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 65535 }), { minLength: 1, maxLength: 20 }), (weights) => {
      const sum = weights.reduce((a, b) => a + b)
      cellsOf(weights).forEach((count, i) =>
        expect(Math.abs(count - (weights[i]! / sum) * maglevCells(1))).toBeLessThan(2),
      )
    }),
    { numRuns: 20 },
  )
})

test('only the ratios of the weights count', () => {
  expect(buildMaglev(weighted([100, 200, 300]))).toEqual(buildMaglev(weighted([1, 2, 3])))
})

test('the table grows tenfold past 64 members, and both sizes are primes', () => {
  expect([1, 64, 65, 5000].map(maglevCells)).toEqual([65537, 65537, 655373, 655373])
  for (const cells of [65537, 655373]) {
    for (let divisor = 2; divisor * divisor <= cells; divisor++) expect(cells % divisor).not.toBe(0)
  }
})

test('the cell of a hash is its remainder, of the bits without a sign', () => {
  for (const hash of [0, 1, 65537, 655373, 0x7fffffff, -1, -0x80000000]) {
    for (const cells of [65537, 655373]) expect(cellOf(hash, cells)).toBe((hash >>> 0) % cells)
  }
})
