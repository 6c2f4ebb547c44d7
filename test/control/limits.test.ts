// How many connections fit under the limit of file descriptors.
import { expect, test } from 'vitest'
import { connectionsUnder, descriptorLimit, descriptorsFor, parseLimits } from '../../src/control/limits.ts'

const needs = { workers: 2, binds: 3 }

test('the soft limit is read from /proc/self/limits', () => {
  const line = (soft: string): string =>
    `Limit                     Soft Limit           Hard Limit           Units     \nMax processes             5    5    processes \nMax open files            ${soft}                20000                files     \n`
  expect(parseLimits(line('1024'))).toBe(1024)
  expect(parseLimits(line('unlimited'))).toBe(Infinity)
  expect(parseLimits('')).toBeNull()
})

test('this process has a limit', () => {
  expect(descriptorLimit()).toBeGreaterThan(100)
})

test('a connection takes two descriptors, and those that wait for a place have some of their own', () => {
  expect(descriptorsFor(1001, needs) - descriptorsFor(1000, needs)).toBe(2)
  expect(descriptorsFor(16_000, needs) - descriptorsFor(8000, needs)).toBe(16_000 + 1000)
})

test.each([1024, 20_000, 65_536, 1_048_576])(
  'under a limit of %i fits as much as there is room for, and no more',
  (limit) => {
    const fits = connectionsUnder(limit, needs)
    expect(descriptorsFor(fits, needs)).toBeLessThanOrEqual(limit)
    expect(descriptorsFor(fits + 1, needs)).toBeGreaterThan(limit)
  },
)

test('there is always room for one connection, and never for more than other limits allow', () => {
  expect(connectionsUnder(10, needs)).toBe(1)
  expect(connectionsUnder(Infinity, needs)).toBe(1_000_000)
})
