// The lines that HAProxy writes with `option httplog` and `option tcplog`, for the tools that read them. Order of the
// fields: HAProxy configuration manual, section 8.2. What Weir does not have (cookies, captures, queue lengths) has the
// sign for "none". Without a syslog prefix, as HAProxy does with `format raw`.
import type { ReasonCode } from '../../model/reasons.ts'
import type { LogRecord } from './record.ts'
import { haproxyText, remembered, timeText, wholeMillis } from './text.ts'

/**
 * How a session ended: who ended it (C client, S server, P proxy, lower-case by timeout, I internal), and in which
 * phase (R request, C connect, H response head, D data). Manual, section 8.5.
 */
const terminations = {
  bad_request_line: 'PR',
  bad_target: 'PR',
  bad_version: 'PR',
  bad_field: 'PR',
  bad_host: 'PR',
  bad_framing: 'PR',
  bad_chunk: 'PD',
  incomplete_request: 'CR',
  uri_too_long: 'PR',
  head_too_large: 'PR',
  too_many_fields: 'PR',
  bad_expectation: 'PR',
  connect_method: 'PR',
  request_timeout: 'cR',
  client_gone: 'CD',
  client_stalled: 'cD',
  tls_handshake: 'PR',
  no_route: 'PR',
  frontend_full: 'PR',
  frontend_paused: 'PR',
  process_full: 'PR',
  shutting_down: 'PR',
  no_server: 'SC',
  connect_refused: 'SC',
  connect_timeout: 'sC',
  server_tls: 'SC',
  server_closed: 'SH',
  server_aborted: 'SD',
  bad_response: 'PH',
  response_timeout: 'sH',
  server_stalled: 'sD',
  tunnel_timeout: 'sD',
  internal: 'IR',
  queue_full: 'SQ',
  queue_timeout: 'sQ',
  request_deadline: 'sH',
  circuit_open: 'PQ',
  session_server_down: 'SC',
  overloaded: 'RC',
  source_denied: 'PR',
  source_full: 'PR',
  rate_limited: 'PR',
  method_not_allowed: 'PR',
  bad_path: 'PR',
  body_too_large: 'PR',
  body_too_slow: 'cD',
  client_too_slow: 'cD',
  bad_proxy_header: 'PR',
  no_certificate: 'PR',
  client_certificate: 'PR',
  client_certificate_missing: 'PR',
  client_certificate_expired: 'PR',
  client_certificate_unknown: 'PR',
  client_certificate_revoked: 'PR',
  client_certificate_depth: 'PR',
  client_certificate_unchecked: 'PR',
  handshakes_full: 'PR',
} as const satisfies Record<ReasonCode, string>

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const two = (n: number): string => String(n).padStart(2, '0')

/** '06/Feb/2026:12:14:14.' in the local time zone. */
const localTime = timeText(
  (time) =>
    ` [${two(time.getDate())}/${months[time.getMonth()]}/${time.getFullYear()}` +
    `:${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.`,
  '] ',
)

const namesWith = (mark: string) =>
  remembered((frontend, backend, server) => `${frontend}${mark} ${backend || frontend}/${server || '<NOSRV>'} `)
const names = namesWith('')
const tlsNames = namesWith('~')

/** @returns a line with its end: httplog for a request, tcplog for a connection */
export function haproxyLine(record: LogRecord): string {
  const { reason, frontend, backend, server } = record
  const how = reason === null ? '--' : terminations[reason]
  const where = record.tls ? tlsNames(frontend, backend, server) : names(frontend, backend, server)
  const head = `${record.clientAddress}:${record.clientPort}${localTime(record.time)}${where}`
  const counts =
    `${record.processConnections}/${record.frontendConnections}/${record.backendInflight}/${record.serverInflight}` +
    `/${record.retries} 0/0`
  return record.mode === 'http'
    ? `${head}${timersOfRequest(record)} ${record.status || -1} ${record.bytesOut} - - ${how}-- ${counts} "${requestLine(record)}"\n`
    : `${head}${timersOfConnection(record)} ${record.bytesOut} ${how} ${counts}\n`
}

const timersOfRequest = (record: LogRecord): string =>
  `${wholeMillis(record.requestTime)}/${wholeMillis(record.queueTime)}/${wholeMillis(record.connectTime)}` +
  `/${wholeMillis(record.responseTime)}/${wholeMillis(record.totalTime)}`

const timersOfConnection = (record: LogRecord): string =>
  `${wholeMillis(record.queueTime)}/${wholeMillis(record.connectTime)}/${wholeMillis(record.totalTime)}`

const requestLine = (record: LogRecord): string =>
  record.method === '' ? '<BADREQ>' : haproxyText(`${record.method} ${record.target} ${record.protocol}`)
