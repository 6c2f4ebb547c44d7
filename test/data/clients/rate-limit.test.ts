// Rates, with a clock of the test's own.
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { RateLimit } from '../../../src/data/clients/rate-limit.ts'
import type { TakerData } from './threads/taker.ts'

const limitOf = (perSecond: number, burst: number): RateLimit =>
  new RateLimit({ perSecond, burst }, new Int32Array(1), new Int32Array(1))

/** How many events are let in at one time. */
function letIn(limit: RateLimit, now: number, tries: number): number {
  let count = 0
  for (let i = 0; i < tries; i++) if (limit.take(0, now) === 0) count++
  return count
}

test.each([
  [1, 1],
  [10, 10],
  [0.5, 3],
  [1 / 3600, 2],
  [1_000_000, 1000],
  [3, 7],
])(
  '%f a second, %i at once: a burst, then one for each interval, and after a silence the burst again',
  (rate, burst) => {
    const limit = limitOf(rate, burst)
    const interval = 1000 / rate
    let now = 5000
    expect(letIn(limit, now, burst + 5)).toBe(burst)
    for (let i = 0; i < 20; i++) {
      now += interval * 1.0001 + 0.0002 // a clock counts in steps of its own
      expect(letIn(limit, now, 3)).toBeLessThanOrEqual(2)
    }
    now += interval * (burst + 1)
    expect(letIn(limit, now, burst + 5)).toBe(burst)
  },
)

test.each([0.01, 1, 30, 999, 25_000, 1_000_000])('over time, exactly %f a second pass, however many try', (rate) => {
  const limit = limitOf(rate, 1)
  const span = (20 * 1000) / rate
  const steps = 2000
  let passed = 0
  for (let i = 0; i <= steps; i++) passed += letIn(limit, 1000 + (i * span) / steps, 1)
  expect(passed).toBeGreaterThanOrEqual(19)
  expect(passed).toBeLessThanOrEqual(21)
})

test('what is said to wait for is enough, and nothing less is', () => {
  const limit = limitOf(2, 4)
  letIn(limit, 100, 4)
  const wait = limit.take(0, 100)
  expect(wait).toBeGreaterThan(499)
  expect(wait).toBeLessThan(501)
  expect(limit.take(0, 100 + wait - 5)).toBeGreaterThan(0)
  expect(limit.take(0, 100 + wait + 1)).toBe(0)
})

test('a refused event costs nothing', () => {
  const limit = limitOf(1, 1)
  expect(limit.take(0, 1000)).toBe(0)
  for (let now = 1001; now < 1990; now++) expect(limit.take(0, now)).toBeGreaterThan(0)
  expect(limit.take(0, 2001)).toBe(0)
})

test.each([
  [1, 1],
  [1000, 1],
  [1_000_000, 1_000_000],
  [0.001, 100],
])('%f a second, %i at once: a source that was silent for any time has its whole burst', (rate, burst) => {
  const full = (burst / rate) * 1000
  for (let silence = 1.01; silence < 1e7; silence *= 1.7) {
    const limit = limitOf(rate, burst)
    const start = 1e6
    const most = Math.min(burst, 2000)
    expect(letIn(limit, start, most)).toBe(most)
    expect(letIn(limit, start + full * silence + 1, most)).toBe(most)
  }
})

test('a busy source is held to its rate while the numbers wrap', () => {
  const limit = limitOf(100, 10)
  let passed = 0
  const seconds = 1200 // the number wraps every 256 s
  for (let now = 0; now < seconds * 1000; now += 2) if (limit.take(0, now) === 0) passed++
  expect(passed).toBeGreaterThan(seconds * 100 - 5)
  expect(passed).toBeLessThan(seconds * 100 + 20)
})

test('threads that ask at once: exactly as many as the burst get through', async () => {
  const workerData: TakerData = { perSecond: 0.001, burst: 20_000, tries: 15_000, cells: new SharedArrayBuffer(8) }
  const passed = await Promise.all(
    Array.from({ length: 3 }, () => {
      const thread = new Worker(new URL('./threads/taker.ts', import.meta.url), { workerData })
      return new Promise<number>((resolve, reject) => {
        thread.on('error', reject)
        thread.on('message', resolve)
      })
    }),
  )
  expect(passed.reduce((sum, n) => sum + n, 0)).toBe(20_000)
})
