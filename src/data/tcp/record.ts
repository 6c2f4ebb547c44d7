// What is counted and logged of a tcp connection when it is over.
import { performance } from 'node:perf_hooks'
import { reasons, type ReasonCode } from '../../model/reasons.ts'
import { reasonCell } from '../../scoreboard/reasons.ts'
import { fillRecord, type LoggedPeer } from '../access-log/fill.ts'
import type { WorkerContext } from '../context.ts'

interface Named {
  readonly slot: number
  readonly name: string
}

export interface RecordedConnection extends LoggedPeer {
  readonly context: WorkerContext
  readonly frontend: Named & { readonly accessLog: boolean }
  readonly backend: { readonly spec: Named }
  readonly server: { readonly slot: number; readonly spec: { readonly name: string } } | null
  readonly retries: number
  /** ms in the queue. */
  readonly queueTime: number
  /** performance.now(); 0: not reached. */
  readonly startedAt: number
  readonly pickedAt: number
  readonly connectedAt: number
}

interface Passed {
  readonly bytesIn: number
  readonly bytesOut: number
}
const nothing: Passed = { bytesIn: 0, bytesOut: 0 }

/** @param passed null when it never was joined to a server. @param reason null when it ended in order */
export function recordConnection(
  connection: RecordedConnection,
  passed: Passed | null,
  reason: ReasonCode | null,
): void {
  const { context, frontend, server } = connection
  const { counters, tables } = context.row
  const { bytesIn, bytesOut } = passed ?? nothing
  const backend = connection.backend.spec.slot
  counters.frontend.bytesIn[frontend.slot]! += bytesIn
  counters.frontend.bytesOut[frontend.slot]! += bytesOut
  if (reason !== 'circuit_open') counters.backend.requests[backend]!++ // nor is it one that could show a recovery
  if (reason !== null && isFailure(reason)) counters.backend.failures[backend]!++
  counters.backend.bytesIn[backend]! += bytesIn
  counters.backend.bytesOut[backend]! += bytesOut
  if (server !== null) {
    counters.server.requests[server.slot]!++
    counters.server.bytesIn[server.slot]! += bytesIn
    counters.server.bytesOut[server.slot]! += bytesOut
  }
  if (reason !== null) {
    tables.frontend.reasons[reasonCell(frontend.slot, reason)]!++
    tables.backend.reasons[reasonCell(backend, reason)]!++
    context.failures.note({
      at: Date.now(),
      reason,
      frontend: frontend.name,
      backend: connection.backend.spec.name,
      server: server === null ? '' : server.spec.name,
      address: connection.address,
      request: '',
      status: 0,
    })
  }
  if (context.accessLog !== null && frontend.accessLog) logConnection(connection, bytesIn, bytesOut, reason)
}

/** The servers could not be reached: what the circuit breaker judges by. */
const isFailure = (reason: ReasonCode): boolean => reasons[reason].side === 'server' && reason !== 'circuit_open'

function logConnection(
  connection: RecordedConnection,
  bytesIn: number,
  bytesOut: number,
  reason: ReasonCode | null,
): void {
  const log = connection.context.accessLog!
  const { record } = log
  const { startedAt, pickedAt, connectedAt } = connection
  fillRecord(record, connection.context, connection, connection.frontend, connection.backend, connection.server, reason)
  record.mode = 'tcp'
  record.totalTime = performance.now() - startedAt
  record.time = Math.round(Date.now() - record.totalTime)
  record.bytesIn = bytesIn
  record.bytesOut = bytesOut
  record.queueTime = connection.server === null && connection.queueTime === 0 ? -1 : connection.queueTime
  record.connectTime = connectedAt === 0 ? -1 : connectedAt - pickedAt - connection.queueTime
  record.retries = connection.retries
  log.write(record)
}
