// The course of a slow start, under a clock of the test's own.
import { expect, test } from 'vitest'
import { rampPercent, SlowStart } from '../../../src/control/balance/slow-start.ts'
import { ms } from '../../../src/model/units.ts'

const window = ms(10_000)

/** What is told of all servers from `from` to `to`, by tenths of a second. */
function course(slowStart: SlowStart, from: number, to: number): [number, number, number][] {
  const told: [number, number, number][] = []
  for (let now = from; now <= to; now += 100) {
    slowStart.advance(now, (slot, percent) => told.push([now, slot, percent]))
  }
  return told
}

test('the share begins with a tenth, grows in a line, and is whole at the end of the window', () => {
  expect([0, 500, 1500, 5000, 9999, 10_000, 20_000].map((t) => rampPercent(t, window))).toEqual([
    10, 10, 15, 50, 99, 0, 0,
  ])
})

test('only changes of five percent and more are told, and the last one is the end', () => {
  const slowStart = new SlowStart()
  expect(slowStart.begin(3, window, 1000)).toBe(10)
  const told = course(slowStart, 1000, 20_000)
  expect(told.map(([, , percent]) => percent)).toEqual([
    15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 0,
  ])
  expect(told[0]).toEqual([2500, 3, 15])
  expect(told.at(-1)).toEqual([11_000, 3, 0])
})

test('a window of 0 is none', () => {
  const slowStart = new SlowStart()
  expect(slowStart.begin(0, ms(0), 0)).toBe(0)
  expect(course(slowStart, 0, 1000)).toEqual([])
  expect(slowStart.cancel(0)).toBe(false)
})

test('one that is cancelled is told of no more; one that begins again begins at a tenth', () => {
  const slowStart = new SlowStart()
  slowStart.begin(0, window, 0)
  slowStart.begin(1, window, 0)
  course(slowStart, 0, 5000)
  expect(slowStart.cancel(0)).toBe(true)
  expect(new Set(course(slowStart, 5000, 20_000).map(([, slot]) => slot))).toEqual(new Set([1]))
  expect(slowStart.begin(0, window, 30_000)).toBe(10)
  expect(course(slowStart, 30_000, 31_500)).toEqual([[31_500, 0, 15]])
})
