// The lowest rate of a transfer, on a clock of the test's own.
import { expect, test } from 'vitest'
import { Pace } from '../../../src/data/http1/pace.ts'

const RATE = 1000

/** A transfer that is looked at every 100 ms. @returns ms after which it was too slow; -1: never, in two minutes */
function lasts(
  bytesAt: (now: number) => number,
  waitingAt: (now: number) => boolean = () => true,
  lumps = false,
): number {
  const pace = new Pace()
  pace.start(RATE, 5000, 1000, 0, lumps)
  for (let now = 0; now <= 120_000; now += 100) {
    if (pace.tooSlow(1000 + now, bytesAt(now), waitingAt(now))) return now
  }
  return -1
}

test('a transfer at the lowest rate goes on for ever, and one that is faster too', () => {
  expect(lasts((now) => now)).toBe(-1)
  expect(lasts((now) => now * 100)).toBe(-1)
})

test('nothing at all is too slow after five seconds', () => {
  expect(lasts(() => 0)).toBe(5100)
})

test('half the rate is too slow after twice as long, and a trickle hardly later than nothing', () => {
  expect(lasts((now) => now / 2)).toBe(10_100)
  expect(lasts((now) => Math.floor(now / 1000))).toBeLessThan(5300)
})

test('a burst makes up for a pause of fifteen seconds, and not for more', () => {
  expect(lasts((now) => (now < 1000 ? 0 : 1_000_000))).toBe(1000 + 15_100)
})

test('pauses are forgiven when the average is right', () => {
  expect(lasts((now) => Math.floor(now / 8000) * 8000 + 4000)).toBe(-1)
})

test('time in which the peer is not waited for costs nothing', () => {
  expect(
    lasts(
      () => 0,
      () => false,
    ),
  ).toBe(-1)
  // Waited for every second second.
  expect(
    lasts(
      () => 0,
      (now) => Math.floor(now / 1000) % 2 === 0,
    ),
  ).toBeGreaterThan(9000)
})

test('where a buffer is emptied unseen, 64 KiB are granted in advance', () => {
  const granted = (65_536 / RATE) * 1000
  expect(
    lasts(
      () => 0,
      () => true,
      true,
    ),
  ).toBe(Math.floor(granted / 100) * 100 + 100)
  // Twice the lowest rate, seen once in 50 s.
  expect(
    lasts(
      (now) => Math.floor(now / 50_000) * 100_000,
      () => true,
      true,
    ),
  ).toBe(-1)
})

test('silence is counted from the last byte, and a new transfer starts anew', () => {
  const pace = new Pace()
  pace.start(RATE, 5000, 0, 0, false)
  pace.tooSlow(1000, 10, true)
  pace.tooSlow(3000, 10, true)
  expect(pace.silence(3000)).toBe(2000)
  expect(pace.tooSlow(9000, 10, true)).toBe(true)
  pace.start(RATE, 5000, 9000, 10, false)
  expect(pace.silence(9000)).toBe(0)
  expect(pace.tooSlow(13_000, 10, true)).toBe(false)
})
