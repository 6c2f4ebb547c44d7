// The layout of the shared memory, declared once. Columns are typed arrays over one SharedArrayBuffer, indexed by slot.
// Shared columns hold what all workers must agree on and are changed with Atomics. Counter columns have one row per
// worker, written only by that worker with plain stores and summed by the reader, so that counting never contends.
// The memory is reserved generously and committed by the kernel only where it is touched.
// Slots are not padded to cache lines. Two threads on two cores that do nothing but pick, start, answer and end on 8 servers
// take 1.0 us a request (0.36 on a scoreboard each), and 0.88 with a line for each server and column: an eighth of what is
// itself a few percent of a request, for 16 times the memory (`npm run bench:contention`).
import { reasonCodes } from '../model/reasons.ts'

/** How many rows there are. Fixed for the life of the process; a reload beyond it needs a restart. */
export interface Shape {
  readonly workers: number
  readonly frontends: number
  readonly backends: number
  readonly servers: number
}

/** Upper bounds of the latency histogram's buckets in milliseconds; one more bucket holds what is above. */
export const latencyBuckets = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000] as const

/** Columns of counts and states, Int32, one row: changed with Atomics where they are counts. The names are these keys. */
export const sharedColumns = {
  server: [
    'admin',
    'health',
    'weight',
    'ramp',
    'ejected',
    'ejections',
    'inflight',
    'waiting',
    'consecutive',
    'connections',
    'stamp',
    'progress',
    'outcomeAt',
    'stall',
  ],
  backend: ['generation', 'cursor', 'inflight', 'panic', 'healthPanic', 'queued', 'ticket', 'breaker', 'trials'],
  frontend: ['connections', 'paused'],
  process: ['connections', 'waiting', 'draining', 'shedding'],
} as const

/** What is learnt of the servers (balance/learning.ts), Float64, one row. Written by whoever knows better, plainly. */
export const learntColumns = {
  server: ['latency', 'evidence', 'failing', 'factor'],
  backend: ['latency'],
} as const

/** Counter columns, Float64, one row per worker. */
export const counterColumns = {
  server: [
    'requests',
    'connects',
    'reuses',
    'bytesIn',
    'bytesOut',
    'connectErrors',
    'responseErrors',
    'retries',
    'status1xx',
    'status2xx',
    'status3xx',
    'status4xx',
    'status5xx',
    'latencySum',
    'latencyCount',
  ],
  backend: [
    'requests',
    'bytesIn',
    'bytesOut',
    'redispatches',
    'retriesDenied',
    'queueWaits',
    'queueTime',
    'failures',
    'balancerFaults',
    'status1xx',
    'status2xx',
    'status3xx',
    'status4xx',
    'status5xx',
    'latencySum',
  ],
  frontend: [
    'connects',
    'requests',
    'bytesIn',
    'bytesOut',
    'status1xx',
    'status2xx',
    'status3xx',
    'status4xx',
    'status5xx',
    'handshakes',
    'resumed',
    'passedThrough',
    'certificateRefusals',
    'canaryHandshakes',
    'canaryRefusals',
    'untracked',
  ],
} as const

/** Counters with several cells per slot: cell = slot * width + index. */
export const counterTables = {
  frontend: { reasons: reasonCodes.length },
  backend: { latency: latencyBuckets.length + 1, reasons: reasonCodes.length },
} as const

/** Per-worker in-flight and connection counts, so that a dead worker's share can be taken back: those that are shared too.
 *  `answers` and `failures` only grow, and may wrap. Int32. */
export const ownedColumns = {
  server: ['inflight', 'waiting', 'connections', 'answers', 'failures'],
  backend: ['inflight', 'queued'],
  frontend: ['connections'],
  process: ['connections', 'waiting'],
} as const

/** What a worker tells the others of itself, one row per worker: zeroed when it dies. Int32; queue-board.ts,
 *  data/overload.ts and data/listener/parking.ts say what each is. */
export const markColumns = {
  server: ['first'],
  backend: ['firstHigh', 'firstNormal'],
  frontend: ['parked'],
  process: ['wake', 'loopDelay', 'shedding', 'parked', 'beat'],
} as const
