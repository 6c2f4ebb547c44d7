// Every metric of the process, in one table: its name, kind, labels, words, and where its numbers are on the scoreboard.
// docs/metrics.md lists the same; a test keeps the two in step. Label values are names from the configuration and words
// from fixed lists, or those of a bounded number of certificates. Certificates, frontends and backends are in their own files.
import { residentMemory } from '../memory.ts'
import { isDraining, type View } from '../view.ts'
import { backendMetrics } from './backend.ts'
import { certificateMetrics } from './certificates.ts'
import { frontendMetrics } from './frontend.ts'
import { counter, gauge, type Metric } from './metric.ts'
import { serverMetrics } from './server.ts'

const workerStates = ['starting', 'listening', 'draining', 'ended'] as const

const processMetrics: readonly Metric[] = [
  gauge('weir_build_info', 'The version that runs; the value is always 1.', ['version'], ({ version }, put) =>
    put(1, version),
  ),
  gauge('weir_start_time_seconds', 'When the process started, in seconds since the epoch.', [], ({ startedAt }, put) =>
    put(startedAt / 1000),
  ),
  gauge('weir_draining', '1 while the process is stopping, else 0.', [], (view, put) => put(isDraining(view) ? 1 : 0)),
  gauge('weir_workers', 'Worker threads by what they are doing.', ['state'], (view, put) => {
    for (const state of workerStates) put(view.workers().filter((worker) => worker.state === state).length, state)
  }),
  counter('weir_worker_restarts_total', 'Worker threads that died and were replaced.', [], (view, put) =>
    put(view.workers().reduce((sum, { restarts }) => sum + restarts, 0)),
  ),
  gauge('weir_connections', 'Open connections from clients, over all frontends.', [], ({ board }, put) =>
    put(board.shared.process.connections[0]!),
  ),
  gauge(
    'weir_connections_limit',
    'Connections from clients past which new ones are refused.',
    [],
    ({ snapshot }, put) => put(snapshot.maxConnections),
  ),
  gauge(
    'weir_worker_loop_delay_seconds',
    'How late the event loop of a worker is with its work: the highest of late.',
    ['worker'],
    ({ board }, put) => board.rows.forEach(({ marks }, i) => put(marks.process.loopDelay[0]! / 1e6, String(i))),
  ),
  gauge(
    'weir_worker_shed_ratio',
    'Share of the requests that a worker turns away because it is late, or because memory is short: 0 to 1.',
    ['worker'],
    ({ board }, put) => {
      const forAll = board.shared.process.shedding[0]!
      board.rows.forEach(({ marks }, i) => put(Math.max(forAll, marks.process.shedding[0]!) / 100, String(i)))
    },
  ),
  gauge(
    'weir_config_last_reload_successful',
    'Whether the configuration was good when it was read last: 1 or 0.',
    [],
    ({ reloads }, put) => put(reloads().lastOk ? 1 : 0),
  ),
  counter(
    'weir_config_reloads_total',
    'Changes of the configuration while running, by result.',
    ['result'],
    ({ reloads }, put) => {
      put(reloads().succeeded, 'succeeded')
      put(reloads().failed, 'failed')
    },
  ),
  counter('weir_cpu_seconds_total', 'Processor time of all threads, in user and kernel mode.', [], (_: View, put) => {
    const { user, system } = process.cpuUsage()
    put((user + system) / 1e6)
  }),
  gauge('weir_resident_memory_bytes', 'Memory of the process that is in RAM.', [], (_: View, put) => {
    const used = residentMemory()
    if (used !== null) put(used)
  }),
]

export const metrics: readonly Metric[] = [
  ...processMetrics,
  ...certificateMetrics,
  ...frontendMetrics,
  ...backendMetrics,
  ...serverMetrics,
]
