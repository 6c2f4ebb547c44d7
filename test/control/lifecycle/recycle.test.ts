// Workers that are replaced while they run, with stand-ins that carry no traffic: rows of the scoreboard change hands, and a new one
// that does not start changes nothing.
import { workerTls } from '../../support/tls.ts'
import { expect, test } from 'vitest'
import { setUpBoard, shapeFor } from '../../../src/control/board.ts'
import { Recycler, type Renewable } from '../../../src/control/lifecycle/recycle.ts'
import { Workers } from '../../../src/control/workers.ts'
import { ms } from '../../../src/model/units.ts'
import { createSourceTable } from '../../../src/scoreboard/sources.ts'
import { snapshotOf } from '../fixtures.ts'
import { memoryLog } from '../health/fixtures.ts'

const deadline = ms(20_000)

function setUp(behaviour: string) {
  const snapshot = snapshotOf()
  const board = setUpBoard(snapshot, { ...shapeFor(snapshot, 2), workers: 3 })
  const { log, lines } = memoryLog()
  const entry = new URL('../stand-in/worker.ts', import.meta.url)
  process.env.STAND_IN = behaviour
  const memories = { sources: createSourceTable(8, 3), sessions: {} }
  const onGiveUp = (): void => {}
  const workers = new Workers({
    count: 2,
    board,
    snapshot,
    tables: () => ({}),
    memories,
    tls: workerTls,
    log,
    onGiveUp,
    entry,
  })
  const numbers = (): number[] => workers.status.map(({ worker }) => worker)
  return { workers, board, log, lines, numbers, [Symbol.asyncDispose]: () => workers.terminate() }
}

test('a worker takes the free row, and the row of the one before is free then', async () => {
  await using s = setUp('fine')
  await s.workers.start()
  expect(await s.workers.renew(0, {}, deadline)).toBe(2)
  expect(s.numbers()).toEqual([2, 1])
  expect(await s.workers.renew(1, {}, deadline)).toBe(0)
  expect(s.numbers()).toEqual([2, 0])
  expect(s.workers.ready).toBe(true)
  expect(s.workers.status.every(({ restarts }) => restarts === 0)).toBe(true)
  // Three of each worker that runs: what those before had is taken back.
  expect(s.board.shared.server.inflight[0]).toBe(6)
  expect(s.lines.filter(({ level }) => level === 'error')).toEqual([])
})

test('it is ready all the time, and the new one is told what the others are', async () => {
  await using s = setUp('drains-late')
  await s.workers.start()
  const renewed = s.workers.renew(1, {}, deadline)
  expect(s.workers.ready).toBe(true)
  s.workers.sendTable(0, new SharedArrayBuffer(8))
  await renewed
  expect(s.workers.ready).toBe(true)
  const told = s.lines.filter(({ message }) => message === 'table').map(({ worker }) => worker)
  expect(new Set(told)).toEqual(new Set([0, 1, 2]))
})

test('one that cannot be started changes nothing, and it can be tried again', async () => {
  await using s = setUp('fine')
  await s.workers.start()
  for (const behaviour of ['dies-at-start', 'listen-fails']) {
    process.env.STAND_IN = behaviour
    await expect(s.workers.renew(0, {}, deadline)).rejects.toThrow(/cannot (begin|listen)/)
    expect(s.numbers()).toEqual([0, 1])
    expect(s.workers.ready).toBe(true)
  }
  process.env.STAND_IN = 'fine'
  expect(await s.workers.renew(0, {}, deadline)).toBe(2)
})

test('a stop in the middle of it ends all of them', async () => {
  await using s = setUp('drains-late')
  await s.workers.start()
  const renewed = s.workers.renew(0, {}, deadline).catch((error: Error) => error)
  expect(await s.workers.drain(deadline)).toBe(0)
  await renewed
  expect(s.workers.threads).toEqual([])
})

test('one after the other, however many ask; one that fails stops those behind it', async () => {
  const { log } = memoryLog()
  const done: number[] = []
  let running = 0
  const workers: Renewable = {
    status: [0, 1, 2].map((worker) => ({ worker, state: 'listening', since: 0, restarts: 0 })),
    socketsOf: () => Promise.resolve({}),
    async renew(worker) {
      expect(++running).toBe(1)
      await new Promise((resolve) => setTimeout(resolve, 5))
      running--
      if (worker === 1 && done.length > 3) throw new Error('no more')
      done.push(worker)
      return worker + 10
    },
  }
  const recycler = new Recycler(workers, () => deadline, log)
  expect(await Promise.all([recycler.recycle(null), recycler.recycle(2)])).toEqual([3, 1])
  expect(done).toEqual([0, 1, 2, 2])
  await expect(recycler.recycle(null)).rejects.toThrow('no more')
  expect(done).toEqual([0, 1, 2, 2, 0])
  expect(await recycler.recycle(2)).toBe(1)
})
