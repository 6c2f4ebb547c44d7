// When certificates are renewed and failed tries made again.
import { expect, test } from 'vitest'
import {
  askAgainTime,
  earliestRenewal,
  renewalTime,
  retryAfter,
  timeInWindow,
} from '../../../src/control/acme/renewal.ts'

const [HOUR, DAY] = [3_600_000, 86_400_000]
const dice = [0, 0.25, 0.5, 0.999]

test('a certificate is renewed when a third of its life is left, or a little earlier', () => {
  for (const random of dice) {
    const at = renewalTime({ notBefore: 0, notAfter: 90 * DAY }, random)
    expect(at).toBeLessThanOrEqual(60 * DAY)
    expect(at).toBeGreaterThan(58 * DAY)
  }
})

test('one that lives less than ten days is renewed when half of it is left', () => {
  for (const random of dice) {
    const at = renewalTime({ notBefore: 0, notAfter: 6 * DAY }, random)
    expect(at).toBeLessThanOrEqual(3 * DAY)
    expect(at).toBeGreaterThan(2.8 * DAY)
  }
})

test('the time is any in the window that the authority suggests, but never the last moment', () => {
  const span = { notBefore: 0, notAfter: 100 * DAY }
  const window = { start: 60 * DAY, end: 62 * DAY }
  expect(dice.map((random) => timeInWindow(window, span, random) / DAY)).toEqual([60, 60.5, 61, 61.998])
  expect(timeInWindow({ start: 200 * DAY, end: 300 * DAY }, span, 0.5)).toBe(95 * DAY)
  expect(timeInWindow({ start: 50 * DAY, end: 40 * DAY }, span, 0.9)).toBe(50 * DAY)
})

test('nothing is renewed as soon as it has come, whatever clocks and windows say', () => {
  expect(earliestRenewal(1000, 1000 + 90 * DAY)).toBe(1000 + HOUR)
  expect(earliestRenewal(1000, 1000 + 60)).toBe(1030)
  expect(earliestRenewal(1000, 0)).toBe(1000 + HOUR)
})

test('the window is asked for again when the authority says, within an hour and a day', () => {
  const now = 1_000_000
  expect(askAgainTime(now, null)).toBe(now + 6 * HOUR)
  expect(askAgainTime(now, now + 2 * HOUR)).toBe(now + 2 * HOUR)
  expect(askAgainTime(now, now + 1000)).toBe(now + HOUR)
  expect(askAgainTime(now, now + 90 * DAY)).toBe(now + DAY)
})

test('tries are made a minute, two, four and so on apart, up to a day, give or take a fifth', () => {
  const waits = (random: number) => [1, 2, 3, 11, 12, 1000].map((tries) => retryAfter(tries, 0, null, random) / 60_000)
  expect(waits(0.5)).toEqual([1, 2, 4, 1024, 1440, 1440])
  expect(waits(0)[0]).toBeCloseTo(0.8)
  expect(waits(1)[0]).toBeCloseTo(1.2)
})

test('an authority that says when to come again is not asked before', () => {
  expect(retryAfter(1, 0, 5 * HOUR, 0.5)).toBe(5 * HOUR)
  expect(retryAfter(12, 0, 5 * HOUR, 0.5)).toBe(DAY)
})
