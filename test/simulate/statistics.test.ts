import { expect, test } from 'vitest'
import { Random } from '../../src/simulate/random.ts'
import {
  confidence,
  countAbove,
  geometricMean,
  imbalance,
  quantile,
  quantiles,
  sorted,
} from '../../src/simulate/statistics.ts'

const hundred = Float64Array.from({ length: 101 }, (_, i) => i)

test('quantiles are read between the two nearest samples', () => {
  expect(quantile(hundred, 0.99)).toBe(99)
  expect(quantile(Float64Array.of(10, 20), 0.25)).toBe(12.5)
  expect(quantile(Float64Array.of(7), 0.5)).toBe(7)
  expect(quantile(new Float64Array(0), 0.5)).toBeNaN()
  expect([...quantiles(hundred, 4)]).toEqual([0, 25, 50, 75, 100])
})

test('samples are sorted as numbers', () => {
  expect([...sorted(Float64Array.of(10, 9, 100))]).toEqual([9, 10, 100])
})

test('only what is greater is above', () => {
  expect(countAbove(hundred, 98)).toBe(2)
  expect(countAbove(hundred, -1)).toBe(101)
  expect(countAbove(hundred, 100)).toBe(0)
})

test('imbalance is one when the weights are met, and leaves out weight zero', () => {
  expect(imbalance([10, 20, 0], [1, 2, 0])).toBe(1)
  expect(imbalance([30, 10], [1, 1])).toBe(1.5)
})

test('a confidence interval of 95 % holds the true mean in some 95 of 100 cases', () => {
  const random = new Random(1, 1)
  let held = 0
  for (let i = 0; i < 2000; i++) {
    const { mean, half } = confidence(Array.from({ length: 5 }, () => random.normal()))
    if (Math.abs(mean) <= half) held++
  }
  expect(held / 2000).toBeGreaterThan(0.935)
  expect(held / 2000).toBeLessThan(0.965)
})

test('in a geometric mean a half and a double cancel out', () => {
  expect(geometricMean([0.5, 2])).toBeCloseTo(1, 12)
})

test('random numbers are those of their distribution, and streams of one seed differ', () => {
  const random = new Random(7, 1)
  const draws = Float64Array.from({ length: 100_000 }, () => random.exponential(10))
  expect(draws.reduce((a, b) => a + b) / draws.length).toBeCloseTo(10, 0)
  expect(quantile(sorted(draws), 0.99)).toBeCloseTo(46.05, -0.5)
  const first = (seed: number, stream: number): number => new Random(seed, stream).uniform()
  expect(new Set([first(7, 1), first(7, 2), first(8, 1), first(8, 2)]).size).toBe(4)
  expect(first(7, 1)).toBe(first(7, 1))
})
