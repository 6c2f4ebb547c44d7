// Metrics of frontends: what arrives from clients and what they get.
import { reasonCodes } from '../../model/reasons.ts'
import { reasonCell } from '../../scoreboard/reasons.ts'
import { total } from '../../scoreboard/scoreboard.ts'
import type { View } from '../view.ts'
import { counter, gauge, statusClasses, type Metric } from './metric.ts'

type Column = keyof View['board']['rows'][number]['counters']['frontend']

/** A counter that is one column of the scoreboard. */
const column = (name: string, help: string, from: Column): Metric =>
  counter(name, help, ['frontend'], ({ snapshot, board }, put) => {
    for (const { name, slot } of snapshot.frontends)
      put(
        total(board, (row) => row.counters.frontend[from], slot),
        name,
      )
  })

export const frontendMetrics: readonly Metric[] = [
  gauge('weir_frontend_connections', 'Open connections from clients.', ['frontend'], ({ snapshot, board }, put) => {
    for (const { name, slot } of snapshot.frontends) put(board.shared.frontend.connections[slot]!, name)
  }),
  gauge(
    'weir_frontend_connections_limit',
    'Connections past which the frontend refuses new ones.',
    ['frontend'],
    ({ snapshot }, put) => {
      for (const { name, maxConnections } of snapshot.frontends) put(maxConnections, name)
    },
  ),
  column('weir_frontend_connections_total', 'Connections accepted from clients.', 'connects'),
  column('weir_frontend_requests_total', 'Requests received (http).', 'requests'),
  column('weir_frontend_received_bytes_total', 'Bytes received from clients, without TLS.', 'bytesIn'),
  column('weir_frontend_sent_bytes_total', 'Bytes sent to clients, without TLS.', 'bytesOut'),
  counter(
    'weir_frontend_responses_total',
    'Responses sent to clients, by class of status code.',
    ['frontend', 'code'],
    ({ snapshot, board }, put) => {
      for (const { name, slot } of snapshot.frontends) {
        for (const [code, from] of statusClasses)
          put(
            total(board, (row) => row.counters.frontend[from], slot),
            name,
            code,
          )
      }
    },
  ),
  column('weir_frontend_tls_handshakes_total', 'TLS handshakes completed, resumed ones included.', 'handshakes'),
  column('weir_frontend_tls_resumed_total', 'TLS handshakes that resumed an earlier session.', 'resumed'),
  column(
    'weir_frontend_tls_passed_through_total',
    'TLS connections that went on to a backend as they came.',
    'passedThrough',
  ),
  column(
    'weir_frontend_tls_certificate_refusals_total',
    'TLS handshakes that the client ended because of the certificate; those of one on trial do not count here.',
    'certificateRefusals',
  ),
  column(
    'weir_frontend_tls_trial_handshakes_total',
    'TLS handshakes completed with a certificate on trial (weir cert put --canary).',
    'canaryHandshakes',
  ),
  column(
    'weir_frontend_tls_trial_refusals_total',
    'TLS handshakes that the client ended because of a certificate on trial.',
    'canaryRefusals',
  ),
  counter(
    'weir_frontend_errors_total',
    'Requests and connections that failed, by reason code (docs/reasons.md); a reason is listed once it has occurred.',
    ['frontend', 'reason'],
    ({ snapshot, board }, put) => {
      for (const { name, slot } of snapshot.frontends) {
        reasonCodes.forEach((reason) => {
          const n = total(board, (row) => row.tables.frontend.reasons, reasonCell(slot, reason))
          if (n > 0) put(n, name, reason)
        })
      }
    },
  ),
]
