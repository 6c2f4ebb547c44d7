// Starting, replacing, draining and ending workers, with a stand-in that carries no traffic.
import { workerTls } from '../support/tls.ts'
import { expect, test } from 'vitest'
import { setUpBoard, shapeFor } from '../../src/control/board.ts'
import { Workers } from '../../src/control/workers.ts'
import type { WorkersOptions } from '../../src/control/workers-types.ts'
import { ms } from '../../src/model/units.ts'
import { KeyedTable } from '../../src/scoreboard/keyed-table.ts'
import { createSourceTable } from '../../src/scoreboard/sources.ts'
import { frontendSpec, bindSpec, snapshotOf } from './fixtures.ts'
import { memoryLog, until } from './health/fixtures.ts'

function setUp(behaviour: string, count = 2, overrides: Partial<WorkersOptions> = {}) {
  const snapshot = snapshotOf()
  const board = setUpBoard(snapshot, shapeFor(snapshot, count))
  const { log, lines } = memoryLog()
  const gaveUp: Error[] = []
  const entry = new URL('./stand-in/worker.ts', import.meta.url)
  process.env.STAND_IN = behaviour
  const onGiveUp = (error: Error): void => void gaveUp.push(error)
  const tables: Record<number, SharedArrayBuffer> = {}
  const memories = { sources: new SharedArrayBuffer(64), sessions: {} }
  const workers = new Workers({
    count,
    board,
    snapshot,
    tables: () => tables,
    memories,
    tls: workerTls,
    log,
    onGiveUp,
    entry,
    ...overrides,
  })
  return { workers, board, tables, lines, gaveUp, [Symbol.asyncDispose]: () => workers.terminate() }
}

test('the first worker finds out the ports, and the others are given them', async () => {
  await using s = setUp('fine', 3)
  expect(await s.workers.start()).toEqual({ 'web/127.0.0.1:0': 40_000 })
  expect(s.workers.ready).toBe(true)
  const given = Object.fromEntries(
    s.lines.filter(({ message }) => message === 'hello').map(({ worker, given }) => [worker, given]),
  )
  expect(given).toEqual({ 0: {}, 1: { 'web/127.0.0.1:0': 40_000 }, 2: { 'web/127.0.0.1:0': 40_000 } })
})

test('a worker that dies is replaced at once, and what it held is taken back; the others do not notice', async () => {
  await using s = setUp('fine')
  await s.workers.start()
  expect(s.board.shared.server.inflight[0]).toBe(6)
  const other = s.workers.status[0]
  expect(s.workers.kill(1)).toBe(true)
  await until(() => s.workers.status[1]!.restarts === 1)
  expect(s.board.shared.server.inflight[0]).toBe(3)
  await until(() => s.workers.ready)
  expect(s.board.shared.server.inflight[0]).toBe(6)
  expect(s.board.rows[1]!.counters.server.requests[0]).toBe(2)
  expect(s.workers.status[0]).toEqual(other)
  expect(s.lines.find(({ level }) => level === 'error')).toMatchObject({ worker: 1, reason: 'exit code 1', delay: 0 })
})

test('requests that a dead worker waited for are not waited for any more', async () => {
  await using s = setUp('fine')
  await s.workers.start()
  const { server, backend } = s.board.shared
  expect([server.waiting[0], backend.inflight[0]]).toEqual([4, 6])
  s.workers.kill(1)
  await until(() => s.workers.status[1]!.restarts === 1)
  expect([server.waiting[0], backend.inflight[0]]).toEqual([2, 3])
})

test('what a dead worker held of sources is let go, and who waits for a place at another is told', async () => {
  const sources = createSourceTable(8, 2)
  await using s = setUp('fine', 2, { memories: { sources, sessions: {} } })
  await s.workers.start()
  const table = new KeyedTable(sources)
  const entry = table.claim(1, 1, 0)
  table.pin(entry, 0)
  table.pin(entry, 1)
  Atomics.add(s.board.shared.backend.queued, 0, 1)
  s.board.rows[0]!.owned.backend.queued[0]! += 1
  s.workers.kill(1)
  await until(() => s.workers.status[1]!.restarts === 1)
  expect(table.pins[entry]).toBe(1)
  expect(s.board.rows[0]!.marks.process.wake[0]).toBe(1)
})

test('tables of balancers reach workers when they start, while they run, and in place of a dead one', async () => {
  await using s = setUp('fine')
  s.tables[0] = new SharedArrayBuffer(8)
  await s.workers.start()
  const told = (): unknown[] =>
    s.lines.filter(({ message }) => message === 'table').map(({ worker, size }) => [worker, size])
  await until(() => told().length === 2)
  expect(told()).toEqual(
    expect.arrayContaining([
      [0, 8],
      [1, 8],
    ]),
  )
  s.tables[0] = new SharedArrayBuffer(16)
  s.workers.sendTable(0, s.tables[0])
  await until(() => told().length === 4)
  expect(told().slice(2)).toEqual(
    expect.arrayContaining([
      [0, 16],
      [1, 16],
    ]),
  )
  s.workers.kill(1)
  await until(() => told().length === 5)
  expect(told()[4]).toEqual([1, 16])
})

test('there is no worker to kill beyond the last', async () => {
  await using s = setUp('fine', 1)
  await s.workers.start()
  expect(s.workers.kill(1)).toBe(false)
})

test('a bind that cannot be had ends the start with words for it', async () => {
  const snapshot = snapshotOf({
    frontends: [frontendSpec({ binds: [bindSpec({ id: 'web/[::1]:443', host: '::1', port: 443 })] })],
  })
  await using s = setUp('listen-fails', 2, { snapshot })
  await expect(s.workers.start()).rejects.toThrow(
    'cannot listen on [::1]:443: the port is taken by another process (EADDRINUSE)',
  )
})

test('a worker that cannot start is tried ten times, then the start fails with its error', async () => {
  await using s = setUp('dies-at-start')
  await expect(s.workers.start()).rejects.toThrow(/worker 0 cannot be started: cannot begin at .*worker\.ts/)
  expect(s.lines.filter(({ level }) => level === 'error')).toHaveLength(9)
  expect(s.gaveUp).toEqual([])
})

test('when a replacement cannot start, the process is told to give up', async () => {
  await using s = setUp('replacement-fails')
  await s.workers.start()
  s.workers.kill(1)
  await until(() => s.gaveUp.length > 0)
  expect(s.gaveUp[0]!.message).toContain('worker 1 cannot be started')
  expect(s.workers.ready).toBe(false)
})

test('draining waits for every worker, then ends it; none is replaced', async () => {
  await using s = setUp('fine')
  await s.workers.start()
  expect(await s.workers.drain(ms(20_000))).toBe(0)
  expect(s.workers.status.map(({ state, restarts }) => [state, restarts])).toEqual([
    ['ended', 0],
    ['ended', 0],
  ])
  expect(s.board.shared.server.inflight[0]).toBe(0)
})

test('a worker that does not drain is cut off at the deadline, and counted', async () => {
  await using s = setUp('never-drains')
  await s.workers.start()
  expect(await s.workers.drain(ms(50))).toBe(2)
  await until(() => s.workers.status.every(({ state }) => state === 'ended'))
})

test('draining waits for a worker that has replaced another', async () => {
  await using s = setUp('drains-late')
  await s.workers.start()
  s.workers.kill(1)
  await until(() => s.workers.status[1]!.restarts === 1 && s.workers.ready)
  expect(await s.workers.drain(ms(20_000))).toBe(0)
})

test('a worker that dies while draining counts as drained', async () => {
  await using s = setUp('never-drains')
  await s.workers.start()
  const drained = s.workers.drain(ms(20_000))
  s.workers.kill(0)
  s.workers.kill(1)
  expect(await drained).toBe(0)
})

test('reopening logs reaches every worker', async () => {
  await using s = setUp('fine')
  await s.workers.start()
  s.workers.reopen()
  await until(() => s.lines.filter(({ message }) => message === 'reopened').length === 2)
})
