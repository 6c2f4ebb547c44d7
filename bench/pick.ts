// What a pick costs: nanoseconds of CPU time and heap growth per pick, for every algorithm and several sizes of pool.
//   npm run bench:pick [-- --picks 200000 --sizes 2,8,1024 --json]
// One thread, no traffic; the best of several rounds, because other work on the machine only ever adds; the
// clock is CPU time for the same reason.
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { balancers } from '../src/balance/balancers.ts'
import { createDice } from '../src/balance/dice.ts'
import { buildPool } from '../src/balance/pool.ts'
import type { BalancerFactory, Board, Member } from '../src/balance/types.ts'
import { HEALTH_UP } from '../src/model/states.ts'

interface Cost {
  readonly algorithm: string
  readonly servers: number
  readonly nanoseconds: number
  readonly bytes: number
}

const ROUNDS = 5

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
const costs = Object.entries(balancers).flatMap(([name, create]) => sizes.map((n) => measure(name, create, n)))

if (values.json) console.log(JSON.stringify(costs))
else {
  const table = Object.keys(balancers).map((algorithm) => [
    algorithm,
    Object.fromEntries(
      costs
        .filter((cost) => cost.algorithm === algorithm)
        .map(({ servers, nanoseconds, bytes }) => [
          `n = ${servers}`,
          `${nanoseconds.toFixed(nanoseconds < 100 ? 1 : 0)} ns, ${bytes.toFixed(2)} B`,
        ]),
    ),
  ])
  console.table(Object.fromEntries(table))
}

function measure(algorithm: string, create: BalancerFactory, servers: number): Cost {
  const members = Array.from({ length: servers }, (_, slot): Member => {
    return { slot, name: `server-${slot}`, weight: 1 + (slot % 3), backup: false }
  })
  const shared = () => new Int32Array(new SharedArrayBuffer(servers * 4))
  const board: Board = { inflight: shared(), cursor: shared() }
  for (const { slot } of members) board.inflight[slot] = slot % 7
  const pool = buildPool({
    backend: 0,
    members,
    admin: shared(),
    health: shared().fill(HEALTH_UP),
    weight: Int32Array.from(members, (m) => m.weight),
  })
  const balancer = create({ board, dice: createDice(1) })
  balancer.update?.(pool)

  let nanoseconds = Infinity
  let bytes = Infinity
  let checksum = 0
  for (let round = 0; round < ROUNDS; round++) {
    collectGarbage()
    const heap = process.memoryUsage().heapUsed
    const start = process.cpuUsage()
    for (let key = 0; key < picks; key++) checksum ^= balancer.pick(pool, key, -1)
    const { user, system } = process.cpuUsage(start)
    bytes = Math.min(bytes, Math.max(0, process.memoryUsage().heapUsed - heap) / picks)
    nanoseconds = Math.min(nanoseconds, ((user + system) * 1000) / picks)
  }
  if (checksum < 0) throw new Error(`${algorithm} found no server in a pool of ${servers}`)
  return { algorithm, servers, nanoseconds, bytes }
}
