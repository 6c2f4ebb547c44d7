// What is counted and logged of a finished request, in one place. Runs once per request; touches this worker's own rows
// of the scoreboard only.
import { reasonCodes, reasonIndex, reasons, type ReasonCode } from '../../model/reasons.ts'
import { latencyBuckets } from '../../scoreboard/layout.ts'
import type { WorkerContext } from '../context.ts'

/** What an exchange tells of itself when it is over. */
export interface FinishedExchange {
  readonly context: WorkerContext
  readonly client: { readonly frontend: { readonly spec: { readonly slot: number; readonly name: string } } }
  readonly backend: { readonly spec: { readonly slot: number; readonly name: string } } | null
  readonly server: { readonly slot: number; readonly spec: { readonly name: string } } | null
  readonly status: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly sentAt: number
  readonly answeredAt: number
}

/** @param reason null when the request succeeded from end to end */
export function recordExchange(exchange: FinishedExchange, reason: ReasonCode | null): void {
  const { row } = exchange.context
  const frontend = exchange.client.frontend.spec.slot
  const column = statusColumn(exchange.status)
  const ofFrontend = row.counters.frontend
  ofFrontend.requests[frontend]!++
  ofFrontend.bytesIn[frontend]! += exchange.bytesIn
  ofFrontend.bytesOut[frontend]! += exchange.bytesOut
  if (column !== null) ofFrontend[column][frontend]!++
  if (reason !== null) row.tables.frontend.reasons[frontend * reasonCodes.length + reasonIndex[reason]]!++

  if (exchange.backend !== null) recordBackend(exchange, column, reason)
}

type StatusColumn = 'status1xx' | 'status2xx' | 'status3xx' | 'status4xx' | 'status5xx'
const columns: readonly StatusColumn[] = ['status1xx', 'status2xx', 'status3xx', 'status4xx', 'status5xx']
const statusColumn = (status: number): StatusColumn | null => columns[((status / 100) | 0) - 1] ?? null

function recordBackend(exchange: FinishedExchange, column: StatusColumn | null, reason: ReasonCode | null): void {
  const { row } = exchange.context
  const backend = exchange.backend!.spec.slot
  const ofBackend = row.counters.backend
  ofBackend.requests[backend]!++
  ofBackend.bytesIn[backend]! += exchange.bytesIn
  ofBackend.bytesOut[backend]! += exchange.bytesOut
  if (column !== null) ofBackend[column][backend]!++
  if (reason !== null) row.tables.backend.reasons[backend * reasonCodes.length + reasonIndex[reason]]!++
  if (exchange.server === null) return

  const server = exchange.server.slot
  const ofServer = row.counters.server
  ofServer.requests[server]!++
  ofServer.bytesIn[server]! += exchange.bytesIn
  ofServer.bytesOut[server]! += exchange.bytesOut
  if (exchange.answeredAt === 0) return
  if (column !== null) ofServer[column][server]!++
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

/** A request that no exchange was made for, because its head could not be understood or the connection was refused. */
export function recordRefusal(context: WorkerContext, frontend: { slot: number; name: string }, reason: ReasonCode): void {
  const { row } = context
  const { slot } = frontend
  row.counters.frontend.requests[slot]!++
  const column = statusColumn(reasons[reason].status)
  if (column !== null) row.counters.frontend[column][slot]!++
  row.tables.frontend.reasons[slot * reasonCodes.length + reasonIndex[reason]]!++
}
