// The clock of the stamps on the scoreboard: one for all threads, in int32 microseconds.
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { microsIn, microsOf } from '../../src/scoreboard/clock.ts'

const asked = `
const { parentPort } = require('node:worker_threads')
import(${JSON.stringify(new URL('../../src/scoreboard/clock.ts', import.meta.url).href)}).then(({ microsOf }) => {
  parentPort.on('message', () => parentPort.postMessage({ micros: microsOf(performance.now()), own: performance.now() }))
  parentPort.postMessage(null)
})`

test('two threads read the same time, though each began to count at another moment', async () => {
  const worker = new Worker(asked, { eval: true })
  const next = () => new Promise<{ micros: number; own: number }>((resolve) => worker.once('message', resolve))
  await next()
  const before = microsOf(performance.now())
  worker.postMessage(null)
  const { micros, own } = await next()
  const after = microsOf(performance.now())
  await worker.terminate()
  expect((micros - before) | 0).toBeGreaterThanOrEqual(-100) // hrtime and now() are two readings, microseconds apart
  expect((after - micros) | 0).toBeGreaterThanOrEqual(-100)
  expect(own).toBeLessThan(performance.now())
})

test('differences survive the wrap', () => {
  const wrap = 2 ** 32 / 1000
  for (const now of [0, wrap / 2 - 1, wrap - 1, 5 * wrap + 17]) {
    expect(Number.isInteger(microsOf(now))).toBe(true)
    expect(Math.abs(((microsOf(now + 2.5) - microsOf(now)) | 0) - 2500)).toBeLessThanOrEqual(1)
  }
})

test('a span is an integer that saturates', () => {
  expect([0, 0.0004, 1.2346, 1e9, -1, NaN].map(microsIn)).toEqual([0, 0, 1234, 2 ** 31 - 1, 0, 0])
})
