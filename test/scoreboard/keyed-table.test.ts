// The table of keys that all threads share: what it promises to one, and that it holds when several use it at once.
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KeyedTable, createKeyedTable } from '../../src/scoreboard/keyed-table.ts'
import type { HammerData, HammerReport } from './threads/hammer.ts'

const tableOf = (entries: number, workers = 1, columns = 1): KeyedTable =>
  new KeyedTable(createKeyedTable({ entries, columns, workers }))

test('a key that was claimed is found, and claimed again at the same entry', () => {
  const table = tableOf(64)
  const entry = table.claim(5, 77, 1)
  expect(table.find(5, 77)).toBe(entry)
  expect(table.claim(5, 77, 2)).toBe(entry)
  expect(table.find(5, 78)).toBe(-1)
  expect(table.size).toBe(1)
})

test('a new entry begins with nothing in its columns, whatever was there before', () => {
  const table = tableOf(8, 1, 2)
  for (let key = 1; key <= 40; key++) {
    const entry = table.claim(0, key, key)
    expect([table.column(0)[entry], table.column(1)[entry]]).toEqual([0, 0])
    table.column(0)[entry] = table.column(1)[entry] = key
  }
  expect(table.size).toBe(8)
})

test('in a full set the key that was not seen for longest gives way, also when the clock has wrapped', () => {
  const table = tableOf(8)
  const start = 2 ** 31 - 4 // the fifth key is beyond the end of int32
  for (let key = 1; key <= 8; key++) table.claim(0, key, (start + key) | 0)
  table.seen[table.find(0, 1)] = (start + 20) | 0
  table.claim(0, 9, (start + 21) | 0)
  expect(table.find(0, 2)).toBe(-1)
  expect([1, 3, 4, 5, 6, 7, 8, 9].every((key) => table.find(0, key) >= 0)).toBe(true)
})

test('what is held is not given to another; when all is held, there is no entry', () => {
  const table = tableOf(8)
  const entries = Array.from({ length: 8 }, (_, i) => table.claim(0, i + 1, 0))
  expect(new Set(entries).size).toBe(8)
  for (const entry of entries) table.pin(entry, 0)
  expect(table.claim(0, 99, 100)).toBe(-1)
  table.unpin(entries[3]!, 0)
  expect(table.claim(0, 99, 100)).toBe(entries[3])
})

test('a key that is removed while it is held leaves its place to nobody until it is let go', () => {
  const table = tableOf(8)
  const entries = Array.from({ length: 8 }, (_, i) => table.claim(0, i + 1, 0))
  for (const entry of entries) table.pin(entry, 0)
  table.remove(entries[0]!, 1)
  expect(table.holds(entries[0]!, 1)).toBe(false)
  expect(table.claim(0, 99, 100)).toBe(-1)
  table.unpin(entries[0]!, 0)
  expect(table.claim(0, 99, 100)).toBe(entries[0])
})

test('an entry is held up to a limit', () => {
  const table = tableOf(8, 2)
  const entry = table.claim(0, 1, 0)
  expect([table.pinBelow(entry, 0, 2), table.pinBelow(entry, 1, 2), table.pinBelow(entry, 0, 2)]).toEqual([
    true,
    true,
    false,
  ])
  expect(table.pins[entry]).toBe(2)
})

test('the pins of a dead worker are taken back, those of the others stay', () => {
  const table = tableOf(8, 2)
  const entry = table.claim(0, 1, 0)
  table.pin(entry, 0)
  table.pin(entry, 1)
  table.pin(entry, 1)
  table.release(1)
  expect(table.pins[entry]).toBe(1)
  table.release(1)
  table.release(7)
  expect(table.pins[entry]).toBe(1)
})

test('an entry that a thread left half made is taken for empty after a while', () => {
  const memory = createKeyedTable({ entries: 8, columns: 1, workers: 1 })
  const table = new KeyedTable(memory)
  const entry = table.claim(0, 1, 0)
  const keys = new Int32Array(memory).subarray(16, 24)
  keys[entry] = -1
  expect(table.find(0, 1)).toBe(-1)
  expect(table.claim(0, 1, 0)).toBeGreaterThanOrEqual(0)
  expect(table.size).toBe(1)
})

test('every int32 is a key, and every number a place', () => {
  const table = tableOf(1000)
  expect(table.entries).toBe(1024)
  fc.assert(
    fc.property(fc.integer(), fc.integer(), (place, key) => {
      const entry = table.claim(place, key, 0)
      return entry >= 0 && entry < 1024 && table.find(place, key) === entry && table.holds(entry, key)
    }),
  )
})

test('two tables have other secrets, and all threads see those of theirs', () => {
  const memory = createKeyedTable({ entries: 8, columns: 0, workers: 0 })
  expect(new KeyedTable(memory).secrets).toEqual(new KeyedTable(memory).secrets)
  expect(tableOf(8).secrets).not.toEqual(tableOf(8).secrets)
})

test('an entry can be had again by what stands for its key, in a table with the same secrets', () => {
  const table = tableOf(1024)
  const smaller = tableOf(64)
  const memory = createKeyedTable({ entries: 64, columns: 1, workers: 1, secrets: table.secrets })
  expect(new KeyedTable(memory).secrets).toEqual(table.secrets)
  for (const [place, key] of [
    [7, 77],
    [-1, -1],
    [2 ** 30 + 5, 0],
  ] as const) {
    const entry = table.claim(place, key, 0)
    expect(table.claim(table.placeOf(entry), table.keyOf(entry), 0)).toBe(entry)
    const other = smaller.claim(table.placeOf(entry), table.keyOf(entry), 0)
    expect(smaller.find(place, key)).toBe(other)
  }
  expect(table.size).toBe(3)
  const empty = Array.from({ length: 1024 }, (_, i) => i).filter((i) => table.keyOf(i) === 0)
  expect(empty).toHaveLength(1021)
})

/** Threads on one table, all at once. */
async function hammer(threads: number, data: Omit<HammerData, 'worker' | 'table' | 'holders' | 'dies'>, dies = -1) {
  const memory = createKeyedTable({ entries: 16, columns: 1, workers: threads })
  const holders = new SharedArrayBuffer((data.keys + 1) * 16 * 4)
  const reports = await Promise.all(
    Array.from({ length: threads }, (_, worker) => {
      const workerData: HammerData = { ...data, worker, table: memory, holders, dies: worker === dies }
      const thread = new Worker(new URL('./threads/hammer.ts', import.meta.url), { workerData })
      return new Promise<HammerReport>((resolve, reject) => {
        thread.on('error', reject)
        thread.on('message', resolve)
      })
    }),
  )
  return { reports, table: new KeyedTable(memory) }
}

test.each([
  { name: 'few keys, which all threads want at once', keys: 5, most: 3 },
  { name: 'more keys than there is room for, so that entries change hands all the time', keys: 60, most: 2 },
])('threads at once: $name', async ({ keys, most }) => {
  const { reports, table } = await hammer(4, { keys, most, rounds: 100_000 })
  expect(reports.flatMap(({ wrong }) => wrong)).toEqual([])
  expect(reports.every(({ held }) => held > 0)).toBe(true)
  expect([...table.pins].every((pins) => pins === 0)).toBe(true)
  expect([...table.column(0)].every((count) => count === 0)).toBe(true)
})

test('threads at once, one of which dies with an entry in its hands: its pins are taken back', async () => {
  const { reports, table } = await hammer(3, { keys: 30, most: 5, rounds: 40_000 }, 1)
  expect(reports.filter((_, worker) => worker !== 1).flatMap(({ wrong }) => wrong)).toEqual([])
  expect(table.pins.reduce((sum, pins) => sum + pins, 0)).toBe(1)
  table.release(1)
  expect([...table.pins].every((pins) => pins === 0)).toBe(true)
})
