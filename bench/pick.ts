// What the balancing core costs: nanoseconds of CPU time and heap growth per pick, for every algorithm and several sizes of
// pool, and per request for what the board counts and learns around it (start, answer, end).
//   npm run bench:pick [-- --picks 200000 --sizes 2,8,1024 --json]
// One thread, no traffic; the best of many short slices, because other work on the machine only ever adds; the clock is CPU
// time for the same reason. All rows run in one process, as in a worker with many backends; with `--sizes` of a single number
// the code is compiled for the one pool and up to a third faster. Several threads at once: bench/contention.ts.
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { balancers } from '../src/balance/balancers.ts'
import { createBoard } from '../src/balance/board.ts'
import { createColumns, type Columns } from '../src/balance/columns.ts'
import { createDice } from '../src/balance/dice.ts'
import { learn, refresh } from '../src/balance/learning.ts'
import { buildPool, plainRules } from '../src/balance/pool.ts'
import { OUTCOME_OK } from '../src/balance/outcome.ts'
import type { Algorithm, Member } from '../src/balance/types.ts'
import { defaultBalanceOptions } from '../src/model/balancers.ts'
import { HEALTH_UP } from '../src/model/states.ts'

interface Cost {
  readonly algorithm: string
  readonly servers: number
  readonly nanoseconds: number
  readonly bytes: number
}

const ROUNDS = 5
/** Parts of a round that are timed each for itself: short ones find the moments in which nothing disturbs. */
const SLICES = 20
/** µs; all servers gave a sign of life then, but for one in eight. */
const NOW = 1_000_000
const BOARD_ROW = 'board: start, answer, end'

const { values } = parseArgs({
  options: {
    picks: { type: 'string', default: '200000' },
    sizes: { type: 'string', default: '2,8,16,64,256,1024' },
    json: { type: 'boolean', default: false },
  },
})
setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const picks = Number(values.picks)
const sizes = values.sizes.split(',').map(Number)
const costs = [
  ...Object.entries(balancers).flatMap(([name, algorithm]) => sizes.map((n) => costOfPick(name, algorithm, n))),
  ...sizes.map((n) => costOfBoard(n)),
]

if (values.json) console.log(JSON.stringify(costs))
else {
  const table: Record<string, Record<string, string>> = {}
  for (const { algorithm, servers, nanoseconds, bytes } of costs) {
    const row = (table[algorithm] ??= {})
    row[`n = ${servers}`] = `${nanoseconds.toFixed(nanoseconds < 100 ? 1 : 0)} ns, ${bytes.toFixed(2)} B`
  }
  console.table(table)
}

function costOfPick(name: string, algorithm: Algorithm, servers: number): Cost {
  const { columns, members, pool, board } = busyWorld(servers)
  const options = defaultBalanceOptions
  const balancer = algorithm.create({ board, dice: createDice(1), options })
  balancer.update?.(pool, algorithm.table?.(members, options) ?? null)
  for (const { slot } of members) balancer.onEnd?.(slot, 0, columns.server.latency[slot]!, OUTCOME_OK)
  const cost = measure((from, to) => {
    let checksum = 0
    for (let key = from; key < to; key++) checksum ^= balancer.pick(pool, key, NOW, -1)
    return checksum
  })
  return { algorithm: name, servers, ...cost }
}

function costOfBoard(servers: number): Cost {
  const { board } = busyWorld(servers)
  const cost = measure((from, to) => {
    for (let at = from, slot = 0; at < to; at++) {
      board.start(slot, at)
      board.answer(slot, at, at & 8191, OUTCOME_OK)
      board.end(slot)
      if (++slot === servers) slot = 0
    }
    return 0
  })
  return { algorithm: BOARD_ROW, servers, ...cost }
}

/** Servers of weights 1 to 3 and latencies of 5 to 11 ms, all busy and one in eight stalled, on shared memory as in a worker. */
function busyWorld(servers: number) {
  const members = Array.from({ length: servers }, (_, slot): Member => {
    return { slot, name: `server-${slot}`, weight: 1 + (slot % 3), tier: 0, zone: null }
  })
  const columns = share(createColumns(servers))
  for (const { slot } of members) {
    columns.server.inflight[slot] = columns.server.waiting[slot] = 1 + (slot % 7)
    for (let i = 0; i < 100; i++) learn(columns, 0, slot, NOW, 5000 + 1000 * (slot % 7), OUTCOME_OK)
    columns.server.progress[slot] = slot % 8 === 5 ? NOW - 100_000 : NOW
  }
  const slots = Int32Array.from(members, ({ slot }) => slot)
  refresh(columns, 0, slots, NOW)
  const ints = () => new Int32Array(servers)
  const health = ints().fill(HEALTH_UP)
  const weight = Int32Array.from(members, (member) => member.weight)
  const states = { admin: ints(), health, weight, ramp: ints(), ejected: ints() }
  const pool = buildPool({ backend: 0, members, rules: plainRules, states })
  return { columns, members, pool, board: createBoard(columns) }
}

/** The same columns on a SharedArrayBuffer each. */
function share({ server, backend }: Columns): Columns {
  const copy = <Columns extends object>(columns: Columns): Columns =>
    Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, shared(column)])) as Columns
  return { server: copy(server), backend: copy(backend) }
}

function shared(column: Int32Array | Float64Array): Int32Array | Float64Array {
  const memory = new SharedArrayBuffer(column.byteLength)
  const result = column instanceof Int32Array ? new Int32Array(memory) : new Float64Array(memory)
  result.set(column)
  return result
}

/** @param run does what is measured for each number in [from, to) */
function measure(run: (from: number, to: number) => number): { nanoseconds: number; bytes: number } {
  const slice = Math.ceil(picks / SLICES)
  let nanoseconds = Infinity
  let bytes = Infinity
  for (let round = 0; round < ROUNDS; round++) {
    collectGarbage()
    const heap = process.memoryUsage().heapUsed
    for (let from = 0; from < picks; from += slice) {
      const start = process.cpuUsage()
      const checksum = run(from, from + slice)
      const { user, system } = process.cpuUsage(start)
      if (checksum < 0) throw new Error('no server was found')
      nanoseconds = Math.min(nanoseconds, ((user + system) * 1000) / slice)
    }
    bytes = Math.min(bytes, Math.max(0, process.memoryUsage().heapUsed - heap) / picks)
  }
  return { nanoseconds, bytes }
}
