// Metrics of backends: what the pools of servers are asked for and how they answer.
import { reasonCodes } from '../../model/reasons.ts'
import { reasonCell } from '../../scoreboard/reasons.ts'
import { HEALTH_UP } from '../../model/states.ts'
import { latencyBuckets } from '../../scoreboard/layout.ts'
import { total } from '../../scoreboard/scoreboard.ts'
import type { View } from '../view.ts'
import { counter, gauge, statusClasses, type DistributionMetric, type Metric } from './metric.ts'

type Column = keyof View['board']['rows'][number]['counters']['backend']

/** A counter that is one column of the scoreboard. */
const column = (name: string, help: string, from: Column, unit = 1): Metric =>
  counter(name, help, ['backend'], ({ snapshot, board }, put) => {
    for (const { name, slot } of snapshot.backends)
      put(unit * total(board, (row) => row.counters.backend[from], slot), name)
  })

/** A value that is the same for all workers. */
const shared = (name: string, help: string, from: keyof View['board']['shared']['backend']): Metric =>
  gauge(name, help, ['backend'], ({ snapshot, board }, put) => {
    for (const { name, slot } of snapshot.backends) put(board.shared.backend[from][slot]!, name)
  })

const latency: DistributionMetric = {
  type: 'histogram',
  name: 'weir_backend_latency_seconds',
  help: 'From the end of a request to the head of the response (http).',
  labels: ['backend'],
  read: ({ snapshot, board }, put) => {
    const width = latencyBuckets.length + 1
    for (const { name, slot } of snapshot.backends) {
      const cells = Array.from({ length: width }, (_, i) =>
        total(board, (row) => row.tables.backend.latency, slot * width + i),
      )
      const sum = total(board, (row) => row.counters.backend.latencySum, slot) / 1000
      put({ bounds: latencyBuckets.map((bound) => bound / 1000), cells, sum }, name)
    }
  },
}

export const backendMetrics: readonly Metric[] = [
  gauge('weir_backend_servers', 'Servers of the backend.', ['backend'], ({ snapshot }, put) => {
    for (const { name, servers } of snapshot.backends) put(servers.length, name)
  }),
  gauge(
    'weir_backend_servers_up',
    'Servers that pass their health checks.',
    ['backend'],
    ({ snapshot, board }, put) => {
      for (const { name, servers } of snapshot.backends) {
        put(servers.filter(({ slot }) => board.shared.server.health[slot] === HEALTH_UP).length, name)
      }
    },
  ),
  shared('weir_backend_in_flight', 'Requests (http) or connections (tcp) that servers are busy with.', 'inflight'),
  shared(
    'weir_backend_panic',
    '1 while fewer than half of the servers answer well, so that a failure says little about a single one; else 0.',
    'panic',
  ),
  gauge(
    'weir_backend_in_flight_limit',
    'Limit of what is in flight on all servers together (max_connections); absent where there is none.',
    ['backend'],
    ({ snapshot }, put) => {
      for (const { name, maxConnections } of snapshot.backends) if (maxConnections > 0) put(maxConnections, name)
    },
  ),
  shared('weir_backend_queued', 'Requests (tcp: connections) that wait for a place on a server.', 'queued'),
  gauge('weir_backend_queue_limit', 'How many may wait at a time (queue.max).', ['backend'], ({ snapshot }, put) => {
    for (const { name, queue } of snapshot.backends) put(queue.max, name)
  }),
  shared(
    'weir_backend_health_panic',
    '1 while so few servers are healthy that all are used (panic); else 0.',
    'healthPanic',
  ),
  shared('weir_backend_breaker_state', 'Circuit breaker: 0 closed, 1 open, 2 half-open.', 'breaker'),
  column('weir_backend_requests_total', 'Requests (http) or connections (tcp) sent to the backend.', 'requests'),
  column('weir_backend_received_bytes_total', 'Bytes received from clients for the backend.', 'bytesIn'),
  column('weir_backend_sent_bytes_total', 'Bytes sent to clients from the backend.', 'bytesOut'),
  column(
    'weir_backend_redispatches_total',
    'Requests that went on to another server after a failed connection.',
    'redispatches',
  ),
  column(
    'weir_backend_retries_denied_total',
    'Further tries that were not made because the retry budget was spent.',
    'retriesDenied',
  ),
  column('weir_backend_queue_waits_total', 'Requests (tcp: connections) that had to wait in the queue.', 'queueWaits'),
  column('weir_backend_queue_wait_seconds_total', 'Time that they waited, all together.', 'queueTime', 1 / 1000),
  column(
    'weir_backend_failures_total',
    'Requests and connections that failed by the fault of the servers, whatever was tried: what the circuit breaker goes by.',
    'failures',
  ),
  column(
    'weir_backend_balancer_faults_total',
    'Times that the balancer of a file of your own threw or answered wrongly, so that leastconn picked.',
    'balancerFaults',
  ),
  counter(
    'weir_backend_responses_total',
    'Responses of the servers, by class of status code.',
    ['backend', 'code'],
    ({ snapshot, board }, put) => {
      for (const { name, slot } of snapshot.backends) {
        for (const [code, from] of statusClasses)
          put(
            total(board, (row) => row.counters.backend[from], slot),
            name,
            code,
          )
      }
    },
  ),
  counter(
    'weir_backend_errors_total',
    'Requests and connections that failed, by reason code (docs/reasons.md); a reason is listed once it has occurred.',
    ['backend', 'reason'],
    ({ snapshot, board }, put) => {
      for (const { name, slot } of snapshot.backends) {
        reasonCodes.forEach((reason) => {
          const n = total(board, (row) => row.tables.backend.reasons, reasonCell(slot, reason))
          if (n > 0) put(n, name, reason)
        })
      }
    },
  ),
  latency,
]
