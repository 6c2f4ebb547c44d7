// What learning.ts says it does, against numbers worked out here; the clock is ours. Latencies are of a second, and
// told a thousand times, where the figures are to be those of servers that are well known.
import { expect, test } from 'vitest'
import { createColumns, type Columns } from '../../src/balance/columns.ts'
import { forget, learn, refresh } from '../../src/balance/learning.ts'
import { OUTCOME_FAILED, OUTCOME_OK, OUTCOME_TIMEOUT } from '../../src/balance/outcome.ts'

const SECOND = 1_000_000
const allOf = (columns: Columns): Int32Array => Int32Array.from(columns.server.latency, (_, slot) => slot)

/** Servers that always answered in so many µs up to time 0, and the pool that knows it. */
function answered(...latencies: number[]): Columns {
  const columns = createColumns(latencies.length)
  for (let i = 0; i < 1000; i++) latencies.forEach((latency, slot) => learn(columns, 0, slot, 0, latency, OUTCOME_OK))
  refresh(columns, 0, allOf(columns), 0)
  return columns
}

test('the first latency is taken as it is, and a later one for more, the longer ago the one before was', () => {
  const after = (seconds: number) => {
    const columns = createColumns(1)
    learn(columns, 0, 0, 0, 1000, OUTCOME_OK)
    learn(columns, 0, 0, seconds * SECOND, 2000, OUTCOME_OK)
    return columns.server.latency[0]!
  }
  const averages = [0.01, 1, 5, 30].map(after)
  expect(averages).toEqual(averages.toSorted((a, b) => a - b))
  expect(averages[0]).toBeLessThan(1510)
  expect(averages[2]).toBeGreaterThan(1600)
  expect(averages[3]).toBeGreaterThan(1990)
})

test('a sample counts as four times the median of the pool at most', () => {
  const columns = answered(1000, 1000, 1000)
  learn(columns, 0, 0, 100 * SECOND, 500_000, OUTCOME_OK)
  expect(columns.server.latency[0]).toBeGreaterThan(3990)
  expect(columns.server.latency[0]).toBeLessThanOrEqual(4000)
})

test('an instant failure is no latency, and a timeout is one', () => {
  const columns = answered(10_000, 10_000)
  learn(columns, 0, 0, 100 * SECOND, 300, OUTCOME_FAILED)
  expect(columns.server.latency[0]).toBe(10_000)
  learn(columns, 0, 1, 100 * SECOND, 3 * SECOND, OUTCOME_TIMEOUT)
  expect(columns.server.latency[1]).toBeGreaterThan(39_000)
  expect([...columns.server.consecutive]).toEqual([1, 1])
})

test('each failure adds a sixteenth of what is missing, each success takes a 128th, and time takes the rest', () => {
  const columns = createColumns(1)
  const { server } = columns
  learn(columns, 0, 0, 0, 0, OUTCOME_FAILED)
  learn(columns, 0, 0, 0, 0, OUTCOME_FAILED)
  expect(server.failing[0]).toBeCloseTo(1 - (15 / 16) ** 2, 12)
  const before = server.failing[0]!
  learn(columns, 0, 0, 10 * SECOND, 1000, OUTCOME_OK)
  expect(server.failing[0]).toBeCloseTo((before / Math.E) * (127 / 128), 12)
  expect(server.consecutive[0]).toBe(0)
})

test('the factor is the root of the latency to the median, between a half and the root of eight', () => {
  const { server, backend } = answered(10_000, SECOND, SECOND, 4 * SECOND, 100 * SECOND)
  expect(backend.latency[0]).toBeCloseTo(SECOND, 3)
  for (const [slot, relative] of [0.25, 1, 1, 4, 8].entries()) {
    expect(server.factor[slot]).toBeCloseTo(Math.sqrt(relative), 1)
    expect(server.stall[slot]! / SECOND).toBeCloseTo(relative, 1)
  }
})

test('the median of an even number of servers is the mean of the middle two, and of none it is not known', () => {
  expect(answered(100, 400, 200, 900).backend.latency[0]).toBe(300)
  const columns = createColumns(2)
  refresh(columns, 0, allOf(columns), 0)
  expect([columns.backend.latency[0], ...columns.server.factor, ...columns.server.stall]).toEqual([0, 1, 1, 0, 0])
})

test('a slow server that is silent comes back to typical, and not to fast', () => {
  const columns = answered(SECOND, SECOND, 4 * SECOND)
  const factors = [1, 5, 15, 60].map((seconds) => {
    refresh(columns, 0, allOf(columns), seconds * SECOND)
    return columns.server.factor[2]!
  })
  expect(factors).toEqual(factors.toSorted((a, b) => b - a))
  expect(factors[1]).toBeCloseTo(Math.sqrt(1 + 3 / Math.E), 1)
  expect(factors[3]).toBeCloseTo(1, 4)
})

test('half of the answers failing costs fourfold, and all of them 400-fold; in panic fourfold at most', () => {
  const columns = createColumns(5)
  columns.server.failing.set([0, 0.5, 1, 0, 0])
  refresh(columns, 0, allOf(columns), 0)
  expect([...columns.server.factor].map((f) => Math.round(f * 1e6) / 1e6)).toEqual([1, 4, 400, 1, 1])
  columns.server.failing.set([1, 1, 1, 0.6, 0])
  refresh(columns, 0, allOf(columns), 0)
  expect(columns.backend.panic[0]).toBe(1)
  expect(Math.max(...columns.server.factor)).toBe(4)
})

test('it is panic when fewer than half of all members answer well', () => {
  const panicAt = (...failing: number[]) => {
    const columns = createColumns(failing.length)
    columns.server.failing.set(failing)
    refresh(columns, 0, allOf(columns), 0)
    return columns.backend.panic[0]
  }
  expect([panicAt(0, 0.6), panicAt(0.5, 0.6), panicAt(0.6, 0.6), panicAt(0, 0.6, 0.6)]).toEqual([0, 0, 1, 1])
})

test('a failing server that is silent is trusted again', () => {
  const columns = answered(1000, 1000, 1000)
  for (let i = 0; i < 50; i++) learn(columns, 0, 0, 0, 300, OUTCOME_FAILED)
  expect(columns.server.factor[0]).toBeGreaterThan(250)
  refresh(columns, 0, allOf(columns), 30 * SECOND)
  expect(columns.server.factor[0]).toBeLessThan(1.12)
})

test('what is older than two minutes is forgotten, so that the wrap of the clock brings nothing back', () => {
  const columns = answered(1000, 1000, 9000)
  learn(columns, 0, 2, 0, 300, OUTCOME_FAILED)
  refresh(columns, 0, allOf(columns), 121 * SECOND)
  expect([...columns.server.latency, ...columns.server.failing]).toEqual([0, 0, 0, 0, 0, 0])
  refresh(columns, 0, allOf(columns), 2 ** 31 - 1)
  refresh(columns, 0, allOf(columns), -(2 ** 31) + 5)
  expect([...columns.server.factor]).toEqual([1, 1, 1])
})

test('ages are right across the wrap of the clock, and a stamp ahead by another thread is no age', () => {
  const from = (before: number, later: number) => {
    const columns = createColumns(1)
    learn(columns, 0, 0, before, 1000, OUTCOME_OK)
    learn(columns, 0, 0, later | 0, 2000, OUTCOME_OK)
    return columns.server.latency[0]
  }
  const before = 2 ** 31 - 2_500_000
  expect(from(before, before + 5 * SECOND)).toBe(from(0, 5 * SECOND))
  expect(from(0, -2000)).toBe(from(0, 0))
})

test('a number that is none does not stay', () => {
  const columns = answered(1000, 1000)
  for (const column of ['latency', 'failing', 'factor'] as const) columns.server[column][0] = NaN
  learn(columns, 0, 0, 1000, 2000, OUTCOME_OK)
  expect([columns.server.latency[0], columns.server.failing[0]]).toEqual([2000, 0])
  expect(columns.server.factor[0]).toBeGreaterThan(0)
  columns.server.failing[0] = NaN
  learn(columns, 0, 0, 1000, 300, OUTCOME_FAILED)
  expect(columns.server.failing[0]).toBe(1 / 16)
})

test('a server that is forgotten is like a new one', () => {
  const columns = answered(1000, 9000)
  learn(columns, 0, 1, 0, 300, OUTCOME_FAILED)
  forget(columns, 1)
  const { latency, failing, factor, stall, consecutive } = columns.server
  expect([latency[1], failing[1], factor[1], stall[1], consecutive[1]]).toEqual([0, 0, 1, 0, 0])
})
