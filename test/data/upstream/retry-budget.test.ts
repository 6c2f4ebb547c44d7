// How many retries a budget grants, by a clock of the test's own.
import { expect, test } from 'vitest'
import { RetryBudget } from '../../../src/data/upstream/retry-budget.ts'

/** Asks for so many retries at once. @returns how many were granted */
function granted(budget: RetryBudget, asked: number, now: number): number {
  let count = 0
  for (let i = 0; i < asked; i++) if (budget.allows(now)) count++
  return count
}

test('without traffic a few are always allowed, and again when the window has passed', () => {
  const budget = new RetryBudget(20)
  expect(granted(budget, 100, 0)).toBe(10)
  expect(granted(budget, 100, 9000)).toBe(0)
  expect(granted(budget, 100, 10_000)).toBe(10)
})

test('with traffic it is the share of the requests of the last ten seconds', () => {
  const budget = new RetryBudget(20)
  for (let i = 0; i < 1000; i++) budget.request(i * 10)
  expect(granted(budget, 1000, 9999)).toBe(200)
  // The first five buckets have been emptied: 500 requests are left, and all 200 retries.
  expect(granted(budget, 1000, 14_500)).toBe(0)
  for (let i = 0; i < 1000; i++) budget.request(14_500)
  expect(granted(budget, 1000, 14_500)).toBe(100)
})

test('a farm that fails every request gets no more than its share on top, second by second', () => {
  const budget = new RetryBudget(20)
  let retries = 0
  for (let now = 0; now < 60_000; now++) {
    budget.request(now)
    if (budget.allows(now)) retries++
  }
  expect(retries / 60_000).toBeGreaterThan(0.19)
  expect(retries / 60_000).toBeLessThanOrEqual(0.2)
})

test('100 percent or more is unlimited, and 0 leaves the few', () => {
  expect(granted(new RetryBudget(100), 1000, 5)).toBe(1000)
  const none = new RetryBudget(0)
  for (let i = 0; i < 1000; i++) none.request(5)
  expect(granted(none, 1000, 5)).toBe(10)
})

test('a clock that starts late, jumps and stands still', () => {
  const budget = new RetryBudget(50)
  for (const start of [1e9, 2e9, 2e9 + 10_000]) {
    for (let i = 0; i < 100; i++) budget.request(start)
    expect(granted(budget, 1000, start)).toBe(50)
  }
})
