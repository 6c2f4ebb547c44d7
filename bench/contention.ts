// What threads cost each other on one scoreboard: nanoseconds per request and thread, for the whole part that the balancing
// core has in one: pick, start, answer, end.
//   npm run bench:contention [-- --threads 1,2,4 --ms 150 --rounds 5 --json]
// Three layouts, in turns: `dense` is the scoreboard as it is, with the counts of 16 servers on one cache line; `padded` gives
// each server a line of its own in each column, by using every 16th slot only; `apart` gives each thread a scoreboard of its
// own, and so is what the same code costs when nothing is shared. The threads do nothing else, so this is the worst case: a
// request that is really served takes some thirty times as long, and two threads hardly ever want a line at the same moment.
// Timed in batches of some 100 us: the median of those that were not interrupted and in which another thread did at least half
// as much, so that a busy machine, or more threads than cores, does not pass for a lack of contention.
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { balancers } from '../src/balance/balancers.ts'
import { Board } from '../src/balance/board.ts'
import { createDice } from '../src/balance/dice.ts'
import { OUTCOME_OK } from '../src/balance/outcome.ts'
import { buildPool, plainRules } from '../src/balance/pool.ts'
import type { Member } from '../src/balance/types.ts'
import { defaultBalanceOptions } from '../src/model/balancers.ts'
import { HEALTH_UP } from '../src/model/states.ts'
import { createScoreboard, openScoreboard } from '../src/scoreboard/scoreboard.ts'

const SERVERS = 8
/** Requests that each thread keeps in flight. */
const INFLIGHT = 32
/** Requests until a thread is warm. */
const WARM = 100_000
/** A batch, in steps; after each the others are told. */
const BATCH = 200
const STEPS = 8
/** Nanoseconds per request in a batch that cannot be contention: the thread has lost its core for a while. */
const INTERRUPTED = 5000
/** Most batches that a thread remembers. */
const BATCHES = 20_000

const algorithms = ['adaptive', 'leastconn'] as const
const layouts = { dense: 1, padded: 16, apart: 1 } as const
type Layout = keyof typeof layouts

interface Task {
  readonly algorithm: (typeof algorithms)[number]
  readonly stride: number
  readonly worker: number
  readonly memory: SharedArrayBuffer
  /** Int32: threads that are warm; 1: go; 1: stop; then steps done so far, each thread's on a cache line of its own. */
  readonly signals: SharedArrayBuffer
}

const WARM_SIGNAL = 0
const GO_SIGNAL = 1
const STOP_SIGNAL = 2
const progressOf = (worker: number): number => 16 * (worker + 1)

if (isMainThread) await main()
else run(workerData as Task)

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      threads: { type: 'string', default: '1,2,4' },
      ms: { type: 'string', default: '150' },
      rounds: { type: 'string', default: '5' },
      json: { type: 'boolean', default: false },
    },
  })
  const costs: Record<string, Record<string, number[]>> = {}
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const algorithm of algorithms) {
      for (const threads of values.threads.split(',').map(Number)) {
        for (const layout of Object.keys(layouts) as Layout[]) {
          const row = (costs[`${algorithm}, ${layout}`] ??= {})
          ;(row[`${threads} threads`] ??= []).push(...(await measure(algorithm, layout, threads, Number(values.ms))))
        }
      }
    }
  }
  const medians = Object.entries(costs).map(([name, row]) => [
    name,
    Object.fromEntries(Object.entries(row).map(([threads, list]) => [threads, Math.round(median(list))])),
  ])
  if (values.json) return console.log(JSON.stringify(Object.fromEntries(medians)))
  console.log(`${availableParallelism()} cores; nanoseconds per request and thread`)
  console.table(Object.fromEntries(medians))
}

function median(list: readonly number[]): number {
  return list.toSorted((a, b) => a - b)[list.length >> 1] ?? NaN
}

/** @returns nanoseconds per request, of each batch of each thread */
async function measure(algorithm: Task['algorithm'], layout: Layout, threads: number, ms: number): Promise<number[]> {
  const stride = layouts[layout]
  const memory = () => {
    const { memory, learnt } = createScoreboard({
      workers: threads,
      frontends: 1,
      backends: 1,
      servers: SERVERS * stride,
    })
    learnt.server.factor.fill(1)
    return memory
  }
  const shared = memory()
  const signals = new SharedArrayBuffer(64 * (threads + 1))
  const signal = new Int32Array(signals)
  const results = Array.from({ length: threads }, (_, worker) => {
    const task: Task = { algorithm, stride, worker, memory: layout === 'apart' ? memory() : shared, signals }
    const thread = new Worker(new URL(import.meta.url), { workerData: task })
    return new Promise<number[]>((resolve, reject) => thread.once('message', resolve).once('error', reject))
  })
  for (let seen = 0; seen < threads; seen = Atomics.load(signal, WARM_SIGNAL))
    await Atomics.waitAsync(signal, WARM_SIGNAL, seen).value
  Atomics.store(signal, GO_SIGNAL, 1)
  Atomics.notify(signal, GO_SIGNAL)
  await new Promise((resolve) => setTimeout(resolve, ms))
  Atomics.store(signal, STOP_SIGNAL, 1)
  return (await Promise.all(results)).flat()
}

/** A thread: warms up, waits for the others, and times batches until it is told to stop. */
function run({ algorithm, stride, worker, memory, signals }: Task): void {
  const { shared, learnt, rows } = openScoreboard(memory)
  const columns = {
    server: { ...shared.server, ...learnt.server },
    backend: { ...shared.backend, ...learnt.backend },
  }
  const board = new Board(columns, rows[worker]!.owned, 0)
  const members = Array.from({ length: SERVERS }, (_, i): Member => {
    return { slot: i * stride, name: `server-${i}`, weight: 1, tier: 0, zone: null }
  })
  const ints = (value: number) => new Int32Array(SERVERS * stride).fill(value)
  const states = { admin: ints(0), health: ints(HEALTH_UP), weight: ints(1), ramp: ints(0), ejected: ints(0) }
  const pool = buildPool({ backend: 0, members, rules: plainRules, states })
  const balancer = balancers[algorithm].create({ board, dice: createDice(worker), options: defaultBalanceOptions })
  balancer.update?.(pool, null)

  const flying = new Int32Array(INFLIGHT).fill(-1)
  let now = 0
  const request = () => {
    now = (now + 10) | 0
    const slot = balancer.pick(pool, 0, now, -1)
    board.start(slot, now)
    const place = (now / 10) % INFLIGHT
    const done = flying[place]!
    flying[place] = slot
    if (done < 0) return
    board.answer(done, now, 5000 + (now & 1023), OUTCOME_OK)
    board.end(done)
  }
  for (let i = 0; i < WARM; i++) request()

  const signal = new Int32Array(signals)
  Atomics.add(signal, WARM_SIGNAL, 1)
  Atomics.notify(signal, WARM_SIGNAL)
  Atomics.wait(signal, GO_SIGNAL, 0)

  const threads = signal.length / 16 - 1
  const others = () => {
    let steps = 0
    for (let i = 0; i < threads; i++) if (i !== worker) steps += Atomics.load(signal, progressOf(i))
    return steps
  }
  const times = new Float64Array(BATCHES)
  let kept = 0
  while (Atomics.load(signal, STOP_SIGNAL) === 0) {
    const before = others()
    const start = performance.now()
    for (let step = 0; step < STEPS; step++) {
      for (let i = 0; i < BATCH / STEPS; i++) request()
      Atomics.add(signal, progressOf(worker), 1)
    }
    const nanoseconds = ((performance.now() - start) * 1e6) / BATCH
    const alone = threads > 1 && others() - before < STEPS / 2
    if (kept === BATCHES || nanoseconds > INTERRUPTED || alone) continue
    times[kept++] = nanoseconds
  }
  parentPort!.postMessage([...times.subarray(0, kept)])
}
