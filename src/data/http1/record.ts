// What is counted and logged of a finished request, in one place. Runs once per request; writes to this worker's own rows
// of the scoreboard only.
import { performance } from 'node:perf_hooks'
import { reasons, type ReasonCode } from '../../model/reasons.ts'
import { latencyBuckets } from '../../scoreboard/layout.ts'
import { reasonCell } from '../../scoreboard/reasons.ts'
import type { WorkerContext } from '../context.ts'
import { fillRecord, type LoggedPeer } from '../access-log/fill.ts'

interface Row {
  readonly slot: number
  readonly name: string
}

/** The client's connection, as counters and log know it. */
export interface RecordedClient extends LoggedPeer {
  readonly frontend: { readonly spec: Row & { readonly accessLog: boolean } }
  /** From the first byte of a head that came in pieces to its end, in ms. */
  readonly headTime: number
}

/** What an exchange tells of itself when it is over. */
export interface FinishedExchange {
  readonly context: WorkerContext
  readonly client: RecordedClient
  readonly backend: { readonly spec: Row } | null
  readonly server: { readonly slot: number; readonly spec: { readonly name: string } } | null
  readonly status: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly retries: number
  /** performance.now(); 0: not reached. */
  readonly startedAt: number
  readonly connectedAt: number
  readonly sentAt: number
  readonly answeredAt: number
  readonly logMethod: string
  readonly logTarget: string
  readonly logHost: string
  readonly logMinor: number
  readonly requestId: string
}

/** @param reason null when the request succeeded from end to end */
export function recordExchange(exchange: FinishedExchange, reason: ReasonCode | null): void {
  const { row } = exchange.context
  const frontend = exchange.client.frontend.spec.slot
  const ofFrontend = row.counters.frontend
  ofFrontend.requests[frontend]!++
  ofFrontend.bytesIn[frontend]! += exchange.bytesIn
  ofFrontend.bytesOut[frontend]! += exchange.bytesOut
  countStatus(ofFrontend, frontend, exchange.status)
  if (reason !== null) row.tables.frontend.reasons[reasonCell(frontend, reason)]!++

  if (exchange.backend !== null) recordBackend(exchange, reason)
  if (exchange.context.accessLog !== null && exchange.client.frontend.spec.accessLog) logExchange(exchange, reason)
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
  ofBackend.requests[backend]!++
  ofBackend.bytesIn[backend]! += exchange.bytesIn
  ofBackend.bytesOut[backend]! += exchange.bytesOut
  countStatus(ofBackend, backend, exchange.status)
  if (reason !== null) row.tables.backend.reasons[reasonCell(backend, reason)]!++
  if (exchange.server === null) return

  const server = exchange.server.slot
  const ofServer = row.counters.server
  ofServer.requests[server]!++
  ofServer.bytesIn[server]! += exchange.bytesIn
  ofServer.bytesOut[server]! += exchange.bytesOut
  if (exchange.answeredAt === 0) return
  countStatus(ofServer, server, exchange.status)
  const latency = exchange.answeredAt - exchange.sentAt
  ofServer.latencySum[server]! += latency
  ofServer.latencyCount[server]!++
  ofBackend.latencySum[backend]! += latency
  row.tables.backend.latency[backend * (latencyBuckets.length + 1) + bucketOf(latency)]!++
}

function bucketOf(latency: number): number {
  let bucket = 0
  while (bucket < latencyBuckets.length && latency > latencyBuckets[bucket]!) bucket++
  return bucket
}

function logExchange(exchange: FinishedExchange, reason: ReasonCode | null): void {
  const log = exchange.context.accessLog!
  const { record } = log
  const { client } = exchange
  const ended = performance.now()
  const connected = exchange.connectedAt === 0 ? exchange.startedAt : exchange.connectedAt
  fillRecord(record, exchange.context, client, client.frontend.spec, exchange.backend, exchange.server, reason)
  record.mode = 'http'
  record.time = Math.round(Date.now() - (ended - exchange.startedAt) - client.headTime)
  record.method = exchange.logMethod
  record.host = exchange.logHost
  record.target = exchange.logTarget
  record.protocol = exchange.logMinor === 1 ? 'HTTP/1.1' : 'HTTP/1.0'
  record.status = exchange.status
  record.bytesIn = exchange.bytesIn
  record.bytesOut = exchange.bytesOut
  record.requestTime = client.headTime
  record.queueTime = exchange.server === null ? -1 : 0
  record.connectTime = exchange.sentAt === 0 ? -1 : connected - exchange.startedAt
  record.responseTime = exchange.answeredAt === 0 ? -1 : exchange.answeredAt - exchange.sentAt
  record.totalTime = client.headTime + ended - exchange.startedAt
  record.requestId = exchange.requestId
  record.retries = exchange.retries
  log.write(record)
}

/** A request that no exchange was made for: its head could not be understood, or the connection was turned away. */
export function recordRefusal(context: WorkerContext, client: RecordedClient, reason: ReasonCode): void {
  const { row, accessLog } = context
  const { slot, accessLog: logged } = client.frontend.spec
  row.counters.frontend.requests[slot]!++
  countStatus(row.counters.frontend, slot, reasons[reason].status)
  row.tables.frontend.reasons[reasonCell(slot, reason)]!++
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
