// Metrics of servers: their state, their load and their answers.
import { performance } from 'node:perf_hooks'
import { failingShare } from '../../balance/learning.ts'
import type { ServerSpec } from '../../messages/snapshot.ts'
import { HEALTH_UP } from '../../model/states.ts'
import { microsOf } from '../../scoreboard/clock.ts'
import { balancingColumns, total } from '../../scoreboard/scoreboard.ts'
import type { View } from '../view.ts'
import { counter, gauge, statusClasses, type DistributionMetric, type Metric } from './metric.ts'

type Column = keyof View['board']['rows'][number]['counters']['server']

const labels = ['backend', 'server'] as const

function each(view: View, visit: (server: ServerSpec, backend: string) => void): void {
  for (const { name, servers } of view.snapshot.backends) for (const server of servers) visit(server, name)
}

/** A counter that is one column of the scoreboard. */
const column = (name: string, help: string, from: Column): Metric =>
  counter(name, help, labels, (view, put) =>
    each(view, ({ slot, name }, backend) =>
      put(
        total(view.board, (row) => row.counters.server[from], slot),
        backend,
        name,
      ),
    ),
  )

const latency: DistributionMetric = {
  type: 'summary',
  name: 'weir_server_latency_seconds',
  help: 'From the end of a request to the head of the response (http); sum and count only.',
  labels,
  read: (view, put) =>
    each(view, ({ slot, name }, backend) => {
      const count = total(view.board, (row) => row.counters.server.latencyCount, slot)
      const sum = total(view.board, (row) => row.counters.server.latencySum, slot) / 1000
      put({ bounds: [], cells: [count], sum }, backend, name)
    }),
}

export const serverMetrics: readonly Metric[] = [
  gauge('weir_server_up', '1 when the server passes its health checks or has none, else 0.', labels, (view, put) =>
    each(view, ({ slot, name }, backend) =>
      put(view.board.shared.server.health[slot] === HEALTH_UP ? 1 : 0, backend, name),
    ),
  ),
  gauge(
    'weir_server_state_since_seconds',
    'When the state of its health began, in seconds since the epoch.',
    labels,
    (view, put) => each(view, ({ slot, name }, backend) => put(view.health(slot).since / 1000, backend, name)),
  ),
  gauge(
    'weir_server_check_duration_seconds',
    'How long the last health check took; absent before the first.',
    labels,
    (view, put) =>
      each(view, ({ slot, name }, backend) => {
        const { lastDuration } = view.health(slot)
        if (lastDuration !== null) put(lastDuration / 1000, backend, name)
      }),
  ),
  gauge('weir_server_ejected', '1 while live traffic has it taken out (ejection), else 0.', labels, (view, put) =>
    each(view, ({ slot, name }, backend) => put(view.board.shared.server.ejected[slot]!, backend, name)),
  ),
  counter('weir_server_ejections_total', 'How often live traffic has had it taken out.', labels, (view, put) =>
    each(view, ({ slot, name }, backend) => put(view.board.shared.server.ejections[slot]!, backend, name)),
  ),
  gauge('weir_server_weight', 'Weight of the server; 0 takes no new traffic.', labels, (view, put) =>
    each(view, ({ slot, name }, backend) => put(view.board.shared.server.weight[slot]!, backend, name)),
  ),
  gauge(
    'weir_server_effective_weight',
    'The weight that counts now: all of it, or less in a slow start.',
    labels,
    (view, put) => {
      const { weight, ramp } = view.board.shared.server
      each(view, ({ slot, name }, backend) => put((weight[slot]! * (ramp[slot]! || 100)) / 100, backend, name))
    },
  ),
  gauge(
    'weir_server_learnt_latency_seconds',
    'Average time to an answer (tcp: to a connection), as balancing knows it; absent while it does not.',
    labels,
    (view, put) =>
      each(view, ({ slot, name }, backend) => {
        const latency = view.board.learnt.server.latency[slot]!
        if (latency > 0) put(latency / 1e6, backend, name)
      }),
  ),
  gauge(
    'weir_server_learnt_failing_ratio',
    'Average share of failed requests, as balancing knows it: 0 to 1.',
    labels,
    (view, put) => {
      const { server } = balancingColumns(view.board)
      const now = microsOf(performance.now())
      each(view, ({ slot, name }, backend) => put(failingShare(server, slot, now), backend, name))
    },
  ),
  gauge(
    'weir_server_learnt_cost_factor',
    'What latency and failures multiply the cost of the server by; 1 is typical, more is worse.',
    labels,
    (view, put) => each(view, ({ slot, name }, backend) => put(view.board.learnt.server.factor[slot]!, backend, name)),
  ),
  gauge(
    'weir_server_in_flight',
    'Requests (http) or connections (tcp) that the server is busy with.',
    labels,
    (view, put) =>
      each(view, ({ slot, name }, backend) => put(view.board.shared.server.inflight[slot]!, backend, name)),
  ),
  gauge(
    'weir_server_in_flight_limit',
    'Limit of what is in flight on the server (max_connections); absent where there is none.',
    labels,
    (view, put) =>
      each(view, ({ name, maxConnections }, backend) => {
        if (maxConnections > 0) put(maxConnections, backend, name)
      }),
  ),
  gauge('weir_server_connections', 'Open connections to the server, idle ones included.', labels, (view, put) =>
    each(view, ({ slot, name }, backend) => put(view.board.shared.server.connections[slot]!, backend, name)),
  ),
  column('weir_server_requests_total', 'Requests (http) or connections (tcp) sent to the server.', 'requests'),
  column('weir_server_connects_total', 'Connections made to the server.', 'connects'),
  column('weir_server_reuses_total', 'Requests that went over a connection that was already there.', 'reuses'),
  column('weir_server_connect_errors_total', 'Connections to the server that failed.', 'connectErrors'),
  column(
    'weir_server_response_errors_total',
    'Requests that the server broke off, left unanswered or answered wrongly.',
    'responseErrors',
  ),
  column('weir_server_retries_total', 'Requests that came here after another server had failed.', 'retries'),
  column('weir_server_received_bytes_total', 'Bytes received from clients for the server.', 'bytesIn'),
  column('weir_server_sent_bytes_total', 'Bytes sent to clients from the server.', 'bytesOut'),
  counter(
    'weir_server_responses_total',
    'Responses of the server, by class of status code.',
    [...labels, 'code'],
    (view, put) =>
      each(view, ({ slot, name }, backend) => {
        for (const [code, from] of statusClasses)
          put(
            total(view.board, (row) => row.counters.server[from], slot),
            backend,
            name,
            code,
          )
      }),
  ),
  latency,
]
