// A thread that asks a rate limit as often as it is told, together with others.
import { performance } from 'node:perf_hooks'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { RateLimit } from '../../../../src/data/clients/rate-limit.ts'

export interface TakerData {
  readonly perSecond: number
  readonly burst: number
  readonly tries: number
  /** Two int32: the arrival time, and when it was moved. */
  readonly cells: SharedArrayBuffer
}

if (!isMainThread) {
  const { perSecond, burst, tries, cells } = workerData as TakerData
  const limit = new RateLimit({ perSecond, burst }, new Int32Array(cells, 0, 1), new Int32Array(cells, 4, 1))
  let passed = 0
  for (let i = 0; i < tries; i++) if (limit.take(0, performance.now()) === 0) passed++
  parentPort!.postMessage(passed)
}
