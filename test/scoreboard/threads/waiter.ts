// A thread with requests that need one of a few places, which all threads share: it takes places, waits in line when there
// is none, and goes on only when it is told. So whatever wake-up is lost leaves it waiting for ever.
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { QueueBoard, listenForWakes } from '../../../src/scoreboard/queue-board.ts'
import { openScoreboard } from '../../../src/scoreboard/scoreboard.ts'

export interface WaiterData {
  readonly worker: number
  readonly scoreboard: SharedArrayBuffer
  /** Requests to be done, and how many of them want a place at a time. */
  readonly requests: number
  readonly atOnce: number
  /** Places, over all threads. */
  readonly places: number
  /** Takes its first place and never gives it back; it waits with the rest. */
  readonly hangs: boolean
}

export interface WaiterReport {
  readonly done: number
  readonly waited: number
  /** Places that were taken at a time, at most. */
  readonly most: number
}

function run({ worker, scoreboard, requests, atOnce, places, hangs }: WaiterData): void {
  const board = openScoreboard(scoreboard)
  const queue = new QueueBoard(board, 0, worker)
  const { inflight } = board.shared.backend
  const own = board.rows[worker]!.owned.backend.inflight
  const line: number[] = []
  const report = { done: 0, waited: 0, most: 0 }
  let begun = 0
  let held = 0

  const take = (): boolean => {
    for (let count = Atomics.load(inflight, 0); count < places; count = Atomics.load(inflight, 0)) {
      if (Atomics.compareExchange(inflight, 0, count, count + 1) !== count) continue
      own[0]!++
      held++
      report.most = Math.max(report.most, count + 1)
      if (!hangs) setImmediate(give)
      return true
    }
    return false
  }
  const give = (): void => {
    own[0]!--
    held--
    Atomics.sub(inflight, 0, 1)
    if (queue.pass()) serve()
    report.done++
    begin()
    if (report.done === requests) parentPort!.postMessage(report)
  }
  const serve = (): void => {
    while (line.length > 0) {
      if (!queue.isOurTurn) return void queue.pass()
      if (!take()) return
      line.shift()
      queue.publish(0, line[0] ?? 0)
      queue.leave()
    }
    queue.pass()
  }
  const begin = (): void => {
    while (begun < requests && held + line.length < atOnce) {
      begun++
      if (queue.length === 0 && take()) continue
      report.waited++
      line.push(queue.join(1_000_000))
      if (line.length === 1) queue.publish(0, line[0]!)
      setImmediate(serve)
    }
  }
  listenForWakes(board, worker, serve)
  setInterval(() => {}, 60_000) // a wake-up that never comes must not end the thread
  begin()
}

if (!isMainThread) run(workerData as WaiterData)
