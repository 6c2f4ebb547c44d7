// The order of those that wait at several workers, and that whoever waits is told, with real threads.
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { QueueBoard, listenForWakes, wake, wakeWaiting } from '../../src/scoreboard/queue-board.ts'
import { createScoreboard, releaseRow, type Scoreboard } from '../../src/scoreboard/scoreboard.ts'
import type { WaiterData, WaiterReport } from './threads/waiter.ts'

const boardOf = (workers: number): Scoreboard => createScoreboard({ workers, frontends: 1, backends: 2, servers: 2 })

function queues(workers: number) {
  const board = boardOf(workers)
  return { board, of: Array.from({ length: workers }, (_, worker) => new QueueBoard(board, 0, worker)) }
}
const wakes = (board: Scoreboard, worker: number): number => board.rows[worker]!.marks.process.wake[0]!

test('the line has an end: no ticket beyond it, and one again when somebody has left', () => {
  const { of } = queues(2)
  expect(of[0]!.join(2)).not.toBe(0)
  expect(of[1]!.join(2)).not.toBe(0)
  expect(of[0]!.join(2)).toBe(0)
  expect(of[0]!.length).toBe(2)
  of[1]!.leave()
  expect(of[0]!.join(2)).not.toBe(0)
  expect(of[0]!.join(0)).toBe(0)
})

test('the oldest ticket is next, whichever worker has it; high priority goes before normal', () => {
  const { board, of } = queues(3)
  const [a, b, c] = of as [QueueBoard, QueueBoard, QueueBoard]
  expect(a.next()).toBe(-1)
  const tickets = [b.join(9), c.join(9), a.join(9)] as const
  a.publish(0, tickets[2])
  b.publish(0, tickets[0])
  expect([a.next(), b.isOurTurn, b.hasHigh]).toEqual([1, true, false])
  c.publish(tickets[1], 0)
  expect([a.next(), c.isOurTurn, a.hasHigh]).toEqual([2, true, true])
  expect([c.pass(), a.pass(), wakes(board, 2)]).toEqual([true, false, 1])
  c.publish(0, 0)
  b.publish(0, 0)
  expect(a.pass()).toBe(true)
})

test('tickets that wrap keep their order, and none is 0', () => {
  const { board, of } = queues(2)
  board.shared.backend.ticket[0] = 2 ** 31 - 2
  const old = of[1]!.join(9)
  const young = of[0]!.join(9)
  expect([old, young]).toEqual([2 ** 31 - 1, -(2 ** 31)])
  of[0]!.publish(0, young)
  of[1]!.publish(0, old)
  expect(of[0]!.next()).toBe(1)
  board.shared.backend.ticket[0] = -1
  expect(of[0]!.join(9)).not.toBe(0)
})

test('who waits for one server is in a line of its own', () => {
  const { board, of } = queues(2)
  const [a, b] = of as [QueueBoard, QueueBoard]
  const tickets = [a.join(9), b.join(9)] as const
  b.publishFor(1, tickets[1])
  expect([a.nextFor(1), a.nextFor(0), a.next()]).toEqual([1, -1, -1])
  a.publishFor(1, tickets[0])
  expect([b.nextFor(1), b.passTo(b.nextFor(1)), wakes(board, 0)]).toEqual([0, false, 1])
})

test('a dead worker waits for nothing any more, and the next one is told', () => {
  const { board, of } = queues(2)
  of[0]!.publish(0, of[0]!.join(9))
  of[1]!.publish(0, of[1]!.join(9))
  releaseRow(board, 0)
  expect([of[1]!.length, of[1]!.isOurTurn]).toEqual([1, true])
  wakeWaiting(board, 0)
  wakeWaiting(board, 1)
  expect([wakes(board, 0), wakes(board, 1)]).toEqual([0, 1])
})

test('every wake-up is heard: one before it is waited for, one while it is worked on, many at once', async () => {
  const board = boardOf(1)
  let heard = 0
  let again = 3
  listenForWakes(board, 0, () => {
    heard++
    if (again-- > 0) wake(board, 0) // while the last one is worked on
  })
  wake(board, 0)
  wake(board, 0)
  while (again >= 0) await new Promise(setImmediate)
  expect(heard).toBe(4)
  let others = 0
  listenForWakes(board, 0, () => others++)
  wake(board, 0)
  while (heard < 5 || others < 1) await new Promise(setImmediate)
})

/** Threads that share a few places. */
function start(threads: number, data: Omit<WaiterData, 'worker' | 'scoreboard' | 'hangs'>, hanging = -1) {
  const board = boardOf(threads)
  const workers = Array.from({ length: threads }, (_, worker) => {
    const workerData: WaiterData = { ...data, worker, scoreboard: board.memory, hangs: worker === hanging }
    const thread = new Worker(new URL('./threads/waiter.ts', import.meta.url), { workerData })
    onTestFinished(() => void thread.terminate())
    const report = new Promise<WaiterReport>((resolve, reject) => {
      thread.on('error', reject)
      thread.on('message', resolve)
    })
    return { thread, report }
  })
  return { board, workers }
}

test.each([
  { threads: 4, atOnce: 6, places: 1 },
  { threads: 3, atOnce: 10, places: 4 },
])(
  'threads at once: $threads of them with $atOnce requests each for $places places, and all are done',
  async (setup) => {
    const { board, workers } = start(setup.threads, { ...setup, requests: 1500 })
    const reports = await Promise.all(workers.map(({ report }) => report))
    for (const { done, waited, most } of reports) {
      expect(done).toBe(1500)
      expect(waited).toBeGreaterThan(0)
      expect(most).toBeLessThanOrEqual(setup.places)
    }
    expect([board.shared.backend.queued[0], board.shared.backend.inflight[0]]).toEqual([0, 0])
  },
)

test('a thread that dies with a place and others in line takes nothing with it', async () => {
  const { board, workers } = start(3, { requests: 300, atOnce: 4, places: 2 }, 1)
  const hanging = board.rows[1]!.owned.backend
  while (hanging.inflight[0] === 0 || hanging.queued[0] === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  await workers[1]!.thread.terminate()
  releaseRow(board, 1)
  wakeWaiting(board, 0)
  const reports = await Promise.all([workers[0]!.report, workers[2]!.report])
  expect(reports.map(({ done }) => done)).toEqual([300, 300])
  expect([board.shared.backend.queued[0], board.shared.backend.inflight[0]]).toEqual([0, 0])
})
