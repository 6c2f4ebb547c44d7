// A worker that carries no traffic: it speaks the messages and owns counts on the scoreboard, for tests of what the
// supervisor does with workers. The environment says how it behaves.
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import type { FromWorker, ToWorker, WorkerData } from '../../../src/messages/messages.ts'
import { openScoreboard } from '../../../src/scoreboard/scoreboard.ts'

type Behaviour = 'fine' | 'dies-at-start' | 'listen-fails' | 'never-drains' | 'drains-late' | 'replacement-fails'

if (!isMainThread) {
  const { worker, scoreboard, snapshot, tables, ports } = workerData as WorkerData
  const behaviour = (process.env.STAND_IN ?? 'fine') as Behaviour
  const board = openScoreboard(scoreboard)
  const post = (message: FromWorker): void => parentPort!.postMessage(message)
  const replaced = board.rows[worker]!.counters.server.requests[0]! > 0

  if (behaviour === 'dies-at-start' || (behaviour === 'replacement-fails' && replaced)) throw new Error('cannot begin')
  board.rows[worker]!.counters.server.requests[0]! += 1 // counters outlive the thread
  board.rows[worker]!.owned.server.inflight[0]! += 3 // what is owned is taken back
  board.rows[worker]!.owned.server.waiting[0]! += 2
  board.rows[worker]!.owned.backend.inflight[0]! += 3
  Atomics.add(board.shared.server.inflight, 0, 3)
  Atomics.add(board.shared.server.waiting, 0, 2)
  Atomics.add(board.shared.backend.inflight, 0, 3)
  const tellOf = ({ byteLength: size }: SharedArrayBuffer): void =>
    post({ type: 'log', level: 'info', message: 'table', fields: { size } })

  parentPort!.on('message', (message: ToWorker) => {
    if (message.type === 'shutdown' && behaviour !== 'never-drains') {
      setTimeout(() => post({ type: 'drained' }), behaviour === 'drains-late' ? 50 : 0)
    }
    if (message.type === 'table') tellOf(message.table)
    if (message.type === 'reopen') post({ type: 'log', level: 'info', message: 'reopened', fields: {} })
  })
  for (const table of Object.values(tables)) tellOf(table)
  const binds = snapshot.frontends.flatMap((frontend) => frontend.binds)
  if (behaviour === 'listen-fails') {
    post({ type: 'listen-failed', bind: binds[0]!.id, code: 'EADDRINUSE', message: 'address in use' })
  } else {
    post({ type: 'log', level: 'info', message: 'hello', fields: { given: ports } })
    post({
      type: 'listening',
      ports: Object.fromEntries(binds.map(({ id, port }) => [id, port || (ports[id] ?? 40_000 + worker)])),
    })
  }
}
