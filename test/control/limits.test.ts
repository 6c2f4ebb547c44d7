// How many connections fit under the limit of file descriptors.
import { expect, test } from 'vitest'
import { connectionsUnder, descriptorLimit, parseLimits, reservedDescriptors } from '../../src/control/limits.ts'

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

test('a connection takes two descriptors of what the reserve leaves', () => {
  expect(connectionsUnder(20_000, needs)).toBe(Math.floor((20_000 - reservedDescriptors(needs)) / 2))
})

test('there is always room for one connection, and never for more than other limits allow', () => {
  expect(connectionsUnder(10, needs)).toBe(1)
  expect(connectionsUnder(Infinity, needs)).toBe(1_000_000)
})
