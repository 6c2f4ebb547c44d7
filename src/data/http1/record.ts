// What is counted and logged of a finished request, in one place. Runs once per request; writes to this worker's own rows
// of the scoreboard only.
import { performance } from 'node:perf_hooks'
import { reasons, type ReasonCode } from '../../model/reasons.ts'
import { latencyBuckets } from '../../scoreboard/layout.ts'
import { reasonCell } from '../../scoreboard/reasons.ts'
import type { WorkerContext } from '../context.ts'
import { OUTCOME_FAILED } from '../../balance/outcome.ts'
import { fillRecord, type LoggedPeer } from '../access-log/fill.ts'
import { requestText } from '../recent-failures.ts'
import { outcomeOfStatus } from '../upstream/attempt.ts'
import type { RequestHead } from './request-head.ts'

interface Row {
  readonly slot: number
  readonly name: string
}

/** The client's connection, as counters and log know it. */
export interface RecordedClient extends LoggedPeer {
  /** The other end of the connection, where the request is that of another client, for whom it speaks. */
  readonly peer: { readonly address: string; readonly logText: string }
  readonly frontend: { readonly spec: Row & { readonly accessLog: boolean } }
  /** From the first byte of a head that came in pieces to its end, in ms. */
  readonly headTime: number
}

/** What an exchange tells of itself when it is over. */
export interface FinishedExchange {
  readonly context: WorkerContext
  readonly client: RecordedClient
  readonly backend: { readonly spec: Row } | null
  readonly placement: {
    /** The last that it was on, or null. */
    readonly server: { readonly slot: number; readonly spec: { readonly name: string } } | null
    readonly retries: number
    /** ms in the queue. */
    readonly queueTime: number
  }
  /** Of the response, or of an answer of Weir's own. */
  readonly status: number
  readonly bytesIn: number
  /** performance.now() of the final head, or 0: it never came. */
  readonly response: { readonly bytesOut: number; readonly answeredAt: number }
  /** performance.now(); 0: not reached. */
  readonly startedAt: number
  readonly sentAt: number
  readonly request: LoggedRequest
}

/** What the client asked for; empty where it was not written down. */
export interface LoggedRequest {
  readonly logMethod: string
  readonly logTarget: string
  readonly logHost: string
  readonly logMinor: number
  readonly id: string
  readonly traceId: string
}

/** @param reason null when the request succeeded from end to end */
export function recordExchange(exchange: FinishedExchange, reason: ReasonCode | null): void {
  const { row } = exchange.context
  const frontend = exchange.client.frontend.spec.slot
  const ofFrontend = row.counters.frontend
  ofFrontend.requests[frontend]!++
  ofFrontend.bytesIn[frontend]! += exchange.bytesIn
  ofFrontend.bytesOut[frontend]! += exchange.response.bytesOut
  countStatus(ofFrontend, frontend, exchange.status)
  if (reason !== null) row.tables.frontend.reasons[reasonCell(frontend, reason)]!++

  if (reason !== null) noteFailure(exchange, reason)
  if (exchange.backend !== null) recordBackend(exchange, reason)
  if (exchange.context.accessLog !== null && exchange.client.frontend.spec.accessLog) logExchange(exchange, reason)
}

function noteFailure({ context, client, backend, placement, request, status }: FinishedExchange, reason: ReasonCode) {
  context.failures.note({
    at: Date.now(),
    reason,
    frontend: client.frontend.spec.name,
    backend: backend === null ? '' : backend.spec.name,
    server: placement.server === null ? '' : placement.server.spec.name,
    address: client.address,
    request: requestText(request.logMethod, request.logHost, request.logTarget),
    status,
  })
}

type StatusColumns = Readonly<Record<'status1xx' | 'status2xx' | 'status3xx' | 'status4xx' | 'status5xx', Float64Array>>

/** A switch, because a column looked up by a computed name would cost more than all else here. */
function countStatus(columns: StatusColumns, slot: number, status: number): void {
  switch ((status / 100) | 0) {
    case 1:
      columns.status1xx[slot]!++
      return
    case 2:
      columns.status2xx[slot]!++
      return
    case 3:
      columns.status3xx[slot]!++
      return
    case 4:
      columns.status4xx[slot]!++
      return
    case 5:
      columns.status5xx[slot]!++
  }
}

function recordBackend(exchange: FinishedExchange, reason: ReasonCode | null): void {
  const { row } = exchange.context
  const backend = exchange.backend!.spec.slot
  const ofBackend = row.counters.backend
  if (reason !== null) row.tables.backend.reasons[reasonCell(backend, reason)]!++
  if (reason === 'circuit_open') return // it never was a request of that backend, and must not count for its recovery
  ofBackend.requests[backend]!++
  if (isFailure(exchange.status, reason)) ofBackend.failures[backend]!++
  ofBackend.bytesIn[backend]! += exchange.bytesIn
  ofBackend.bytesOut[backend]! += exchange.response.bytesOut
  countStatus(ofBackend, backend, exchange.status)
  if (exchange.placement.server === null) return

  const server = exchange.placement.server.slot
  const ofServer = row.counters.server
  ofServer.requests[server]!++
  ofServer.bytesIn[server]! += exchange.bytesIn
  ofServer.bytesOut[server]! += exchange.response.bytesOut
  if (exchange.response.answeredAt === 0) return
  countStatus(ofServer, server, exchange.status)
  const latency = exchange.response.answeredAt - exchange.sentAt
  ofServer.latencySum[server]! += latency
  ofServer.latencyCount[server]!++
  ofBackend.latencySum[backend]! += latency
  row.tables.backend.latency[backend * (latencyBuckets.length + 1) + bucketOf(latency)]!++
}

/** The servers are at fault, whatever was tried: what the circuit breaker judges by. */
const isFailure = (status: number, reason: ReasonCode | null): boolean =>
  reason === null ? outcomeOfStatus(status) === OUTCOME_FAILED : reasons[reason].side === 'server'

function bucketOf(latency: number): number {
  let bucket = 0
  while (bucket < latencyBuckets.length && latency > latencyBuckets[bucket]!) bucket++
  return bucket
}

function logExchange(exchange: FinishedExchange, reason: ReasonCode | null): void {
  const log = exchange.context.accessLog!
  const { record } = log
  const { client, request } = exchange
  const ended = performance.now()
  fillRecord(
    record,
    exchange.context,
    client,
    client.frontend.spec,
    exchange.backend,
    exchange.placement.server,
    reason,
  )
  record.mode = 'http'
  record.peer = client.peer.address === client.address ? '' : client.peer.address
  record.time = Math.round(Date.now() - (ended - exchange.startedAt) - client.headTime)
  record.method = request.logMethod
  record.host = request.logHost
  record.target = request.logTarget
  record.protocol = request.logMinor === 1 ? 'HTTP/1.1' : 'HTTP/1.0'
  record.status = exchange.status
  record.bytesIn = exchange.bytesIn
  record.bytesOut = exchange.response.bytesOut
  record.requestTime = client.headTime
  record.queueTime =
    exchange.placement.server === null && exchange.placement.queueTime === 0 ? -1 : exchange.placement.queueTime
  record.connectTime = exchange.sentAt === 0 ? -1 : exchange.sentAt - exchange.startedAt - exchange.placement.queueTime
  record.responseTime = exchange.response.answeredAt === 0 ? -1 : exchange.response.answeredAt - exchange.sentAt
  record.totalTime = client.headTime + ended - exchange.startedAt
  record.requestId = request.id
  record.traceId = request.traceId
  record.retries = exchange.placement.retries
  log.write(record)
}

/** What Weir has answered to a request that never was to go to a server. */
export interface OwnAnswer {
  readonly status: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** performance.now(). */
  readonly startedAt: number
}

/** A request that Weir has answered itself, because it was meant for Weir. */
export function recordOwnAnswer(
  context: WorkerContext,
  client: RecordedClient,
  head: RequestHead,
  buffer: Buffer,
  answer: OwnAnswer,
): void {
  const { row, accessLog } = context
  const { slot, accessLog: logged } = client.frontend.spec
  const { counters } = row
  counters.frontend.requests[slot]!++
  counters.frontend.bytesIn[slot]! += answer.bytesIn
  counters.frontend.bytesOut[slot]! += answer.bytesOut
  countStatus(counters.frontend, slot, answer.status)
  if (accessLog === null || !logged) return
  const { record } = accessLog
  fillRecord(record, context, client, client.frontend.spec, null, null, null)
  record.mode = 'http'
  record.totalTime = client.headTime + performance.now() - answer.startedAt
  record.time = Math.round(Date.now() - record.totalTime)
  record.method = buffer.latin1Slice(head.start, head.methodEnd)
  record.host = buffer.latin1Slice(head.hostStart, head.hostEnd)
  record.target = buffer.latin1Slice(head.targetStart, head.targetEnd)
  record.protocol = head.minor === 1 ? 'HTTP/1.1' : 'HTTP/1.0'
  record.status = answer.status
  record.bytesIn = answer.bytesIn
  record.bytesOut = answer.bytesOut
  record.requestTime = client.headTime
  record.queueTime = record.connectTime = record.responseTime = -1
  record.requestId = ''
  record.retries = 0
  accessLog.write(record)
}

/** A request that no exchange was made for: its head could not be understood, or the connection was turned away. */
export function recordRefusal(context: WorkerContext, client: RecordedClient, reason: ReasonCode): void {
  const { row, accessLog } = context
  const { slot, accessLog: logged } = client.frontend.spec
  row.counters.frontend.requests[slot]!++
  countStatus(row.counters.frontend, slot, reasons[reason].status)
  row.tables.frontend.reasons[reasonCell(slot, reason)]!++
  const { address } = client
  const nowhere = { backend: '', server: '', request: '', status: reasons[reason].status }
  context.failures.note({ at: Date.now(), reason, frontend: client.frontend.spec.name, address, ...nowhere })
  if (accessLog === null || !logged) return
  const { record } = accessLog
  fillRecord(record, context, client, client.frontend.spec, null, null, reason)
  record.mode = 'http'
  record.time = Math.round(Date.now() - client.headTime)
  record.method = record.host = record.target = record.requestId = ''
  record.protocol = 'HTTP/1.1'
  record.status = reasons[reason].status
  record.bytesIn = record.bytesOut = record.retries = 0
  record.requestTime = record.queueTime = record.connectTime = record.responseTime = -1
  record.totalTime = client.headTime
  accessLog.write(record)
}
