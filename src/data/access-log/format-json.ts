// One JSON object per line. Pure, apart from pieces that repeat from line to line and are remembered: joining pieces is
// what a line costs. Keys and units are in docs/access-log.md; a test keeps the two in step.
import type { LogRecord } from './record.ts'
import { decimalMillis, flat, jsonText, remembered, timeText } from './text.ts'

const opening = timeText((time) => `{"time":"${time.toISOString().slice(0, -'000Z'.length)}`, 'Z","client":"')

const namesOf = (tls: boolean) =>
  remembered(
    (frontend, backend, server) =>
      `,"frontend":"${jsonText(frontend)}","tls":${tls},"backend":"${jsonText(backend)}","server":"${jsonText(server)}"`,
  )
const names = namesOf(false)
const tlsNames = namesOf(true)

const outcome = remembered((protocol, status) => `","protocol":"${protocol}","status":${status},"request_id":"`)
const statusText = Array.from({ length: 1000 }, (_, status) => String(status))
const ending = remembered((reason) => `,"retries":0,"reason":"${reason}"}\n`)

/** The timers of a request that came at once on a connection that was open, to a server that had one too: most do. */
const AT_ONCE = flat('","t_request":0.0,"t_queue":0.0,"t_connect":0.0,"t_response":')

/** @returns a line with its end */
export function jsonLine(record: LogRecord): string {
  const { frontend, backend, server, reason } = record
  const who = `${opening(record.time)}${record.clientAddress}","client_port":${record.clientPort}`
  const where = record.tls ? tlsNames(frontend, backend, server) : names(frontend, backend, server)
  const what = record.mode === 'http' ? ofRequest(record) : ofConnection(record)
  const sizes = `,"t_total":${decimalMillis(record.totalTime)},"bytes_in":${record.bytesIn},"bytes_out":${record.bytesOut}`
  const end =
    record.retries === 0 ? ending(reason ?? '-', '', '') : `,"retries":${record.retries},"reason":"${reason ?? '-'}"}\n`
  return who + where + what + sizes + ofTheTierAbove(record) + record.proxied + end
}

/** What only a request through a load balancer before this one has. */
function ofTheTierAbove({ peer, traceId }: LogRecord): string {
  if (peer === '' && traceId === '') return ''
  const first = peer === '' ? '' : `,"peer":"${jsonText(peer)}"`
  return traceId === '' ? first : `${first},"trace_id":"${jsonText(traceId)}"`
}

const ofRequest = (record: LogRecord): string =>
  `,"method":"${jsonText(record.method)}","host":"${jsonText(record.host)}","path":"${jsonText(record.target)}` +
  outcome(record.protocol, statusText[record.status] ?? '0', '') +
  jsonText(record.requestId) +
  timers(record) +
  decimalMillis(record.responseTime)

function timers({ requestTime, queueTime, connectTime }: LogRecord): string {
  if (requestTime === 0 && queueTime === 0 && connectTime === 0) return AT_ONCE
  return (
    `","t_request":${decimalMillis(requestTime)},"t_queue":${decimalMillis(queueTime)}` +
    `,"t_connect":${decimalMillis(connectTime)},"t_response":`
  )
}

const ofConnection = (record: LogRecord): string =>
  `,"t_queue":${decimalMillis(record.queueTime)},"t_connect":${decimalMillis(record.connectTime)}`
