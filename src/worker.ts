// Entry of a worker thread; wiring only. Starts the data plane and answers the supervisor.
import { parentPort, workerData } from 'node:worker_threads'
import type { Log } from './data/log.ts'
import { loadAlgorithms } from './data/upstream/algorithm.ts'
import { DataPlane, ListenError } from './data/worker.ts'
import type { FromWorker, ToWorker, WorkerData } from './messages/messages.ts'

const port = parentPort!
const say = (message: FromWorker): void => port.postMessage(message)
const data = workerData as WorkerData
const log: Log = (level, message, fields) => say({ type: 'log', level, message, fields })
await loadAlgorithms(data.snapshot.backends, log)
const plane = new DataPlane(data, log)

/** One configuration after the other. */
let applying: Promise<void> = Promise.resolve()

async function apply(message: Extract<ToWorker, { type: 'apply' }>): Promise<void> {
  const { version, backends } = message.snapshot
  try {
    await loadAlgorithms([...plane.staged, ...backends.filter((backend) => typeof backend !== 'number')], log)
    say({ type: 'applied', version, ports: await plane.apply(message) })
  } catch (error) {
    if (!(error instanceof ListenError)) throw error
    say({ type: 'apply-failed', version, bind: error.bind, code: error.code, message: error.message })
  }
}

port.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'shutdown':
      void plane.drain(message.handedOver).then(() => say({ type: 'drained' }))
      return
    case 'stage':
      plane.stage(message.backends)
      return
    case 'apply':
      applying = applying.then(() => apply(message))
      return
    case 'reopen':
      plane.reopenLog()
      return
    case 'table':
      plane.setTable(message.backend, message.table)
      return
    case 'certificates':
      plane.tls.certificates.change(message.change)
      return
    case 'challenges':
      plane.tls.challenges = message.challenges
      say({ type: 'challenges', id: message.id })
      return
    case 'ticket-keys':
      plane.tls.ticketKeys = message.keys
      return
    case 'adopt':
      plane.adopt(message.id, message.fds)
      return
    case 'release':
      plane.release(message.id)
      return
    case 'sockets':
      say({ type: 'sockets', id: message.id, fds: plane.sockets })
      return
    case 'connections':
      say({ type: 'connections', id: message.id, ...plane.connections(message) })
      return
    case 'failures':
      say({ type: 'failures', id: message.id, list: plane.failures })
  }
})

try {
  say({ type: 'listening', ports: await plane.listen(data.ports) })
} catch (error) {
  if (!(error instanceof ListenError)) throw error
  say({ type: 'listen-failed', bind: error.bind, code: error.code, message: error.message })
}
