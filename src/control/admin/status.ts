// The state of a running Weir as one object: what /v1/status on the control socket answers and `weir status` shows.
// Names here are an interface: add to them, don't rename them.
import { performance } from 'node:perf_hooks'
import { failingShare } from '../../balance/learning.ts'
import type { ServerSpec } from '../../messages/snapshot.ts'
import {
  adminStates,
  breakerStates,
  healthStates,
  type AdminState,
  type BreakerState,
  type HealthState,
  type Mode,
} from '../../model/states.ts'
import { microsOf } from '../../scoreboard/clock.ts'
import { balancingColumns, total, type Row } from '../../scoreboard/scoreboard.ts'
import { placeOf } from '../binds.ts'
import type { CertificateSummary } from '../certificates/types.ts'
import { isDraining, isReady, type View } from '../view.ts'
import type { WorkerStatus } from '../workers-types.ts'

export interface Status {
  readonly version: string
  readonly pid: number
  readonly node: string
  /** Whole seconds since the process started. */
  readonly uptime: number
  readonly ready: boolean
  readonly draining: boolean
  /** When the counters here were cleared, as ISO 8601; null: never. */
  readonly countersSince: string | null
  /** Open connections from clients, and past how many new ones are refused. */
  readonly connections: number
  readonly maxConnections: number
  /** Percent of the requests that are turned away because of overload: of the worker that sheds most. */
  readonly shedding: number
  readonly workers: readonly WorkerStatus[]
  /** What somebody should see to. */
  readonly certificates: CertificateSummary
  /** How much operators have changed against the configuration. */
  readonly drift: number
  readonly frontends: readonly FrontendStatus[]
  readonly backends: readonly BackendStatus[]
}

export interface FrontendStatus {
  readonly name: string
  readonly mode: Mode
  readonly binds: readonly { readonly id: string; readonly address: string; readonly tls: boolean }[]
  /** By its operator: it takes no new connection. */
  readonly paused: boolean
  readonly connections: number
  readonly connectionsTotal: number
  readonly requests: number
  readonly bytesIn: number
  readonly bytesOut: number
}

export interface BackendStatus {
  readonly name: string
  readonly mode: Mode
  readonly balance: string
  readonly serversUp: number
  readonly inflight: number
  /** Limit of what is in flight on all servers together; 0: none. */
  readonly maxConnections: number
  /** Requests (http) or connections (tcp) that wait, and how many may. */
  readonly queued: number
  readonly queueMax: number
  /** Null: the backend has none. */
  readonly breaker: BreakerState | null
  /** So few servers are healthy that all are used. */
  readonly panic: boolean
  readonly requests: number
  /** Further tries that were not made because the retry budget was spent. */
  readonly retriesDenied: number
  readonly servers: readonly ServerStatus[]
}

export interface ServerStatus {
  readonly name: string
  readonly address: string
  readonly state: HealthState
  readonly admin: AdminState
  /** Live traffic has it taken out for a while, and how often it has been. */
  readonly ejected: boolean
  readonly ejections: number
  /** When the state began, as ISO 8601. */
  readonly since: string
  /** Words of the last check; null: none was made. */
  readonly lastResult: string | null
  /** As ISO 8601; null: none was made. */
  readonly lastCheckAt: string | null
  /** In milliseconds; null: none was made. */
  readonly lastDuration: number | null
  readonly weight: number
  /** Percent of the weight that counts: less than 100 in a slow start. */
  readonly ramp: number
  /** Average time to an answer in milliseconds, as balancing knows it; null: not known. */
  readonly latency: number | null
  /** Average share of failed requests, as balancing knows it: 0 to 1. */
  readonly failing: number
  /** Of a tier above 0. */
  readonly backup: boolean
  /** 0: primary. */
  readonly tier: number
  /** Where it stands; null: not said. */
  readonly zone: string | null
  /** Requests (http) or connections (tcp) that it is busy with. */
  readonly inflight: number
  /** Limit of these; 0: none. */
  readonly maxConnections: number
  /** Open connections to it, idle ones included. */
  readonly connections: number
  readonly requests: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Failed connections and failed answers. */
  readonly errors: number
}

export function readStatus(view: View): Status {
  const { board, snapshot } = view
  return {
    version: view.version,
    pid: process.pid,
    node: process.version,
    uptime: Math.floor((Date.now() - view.startedAt) / 1000),
    ready: isReady(view),
    draining: isDraining(view),
    countersSince: null,
    connections: board.shared.process.connections[0]!,
    maxConnections: snapshot.maxConnections,
    shedding: Math.max(board.shared.process.shedding[0]!, ...board.rows.map(({ marks }) => marks.process.shedding[0]!)),
    workers: view.workers(),
    certificates: view.certificates(),
    drift: view.drift(),
    frontends: snapshot.frontends.map((frontend) => frontendStatus(view, frontend)),
    backends: snapshot.backends.map((backend) => backendStatus(view, backend)),
  }
}

function frontendStatus(
  view: View,
  { slot, name, mode, binds }: View['snapshot']['frontends'][number],
): FrontendStatus {
  const { board } = view
  const sum = (read: (row: Row['counters']['frontend']) => Float64Array) =>
    total(board, (row) => read(row.counters.frontend), slot)
  const ports = view.ports()
  return {
    name,
    mode,
    binds: binds.map((bind) => ({
      id: bind.id,
      address: placeOf({ ...bind, port: ports[bind.id] ?? bind.port }),
      tls: bind.tls !== null,
    })),
    paused: board.shared.frontend.paused[slot] === 1,
    connections: board.shared.frontend.connections[slot]!,
    connectionsTotal: sum((counters) => counters.connects),
    requests: sum((counters) => counters.requests),
    bytesIn: sum((counters) => counters.bytesIn),
    bytesOut: sum((counters) => counters.bytesOut),
  }
}

function backendStatus(
  view: View,
  { slot, name, mode, balance, maxConnections, queue, breaker, servers }: View['snapshot']['backends'][number],
): BackendStatus {
  const { board } = view
  const { inflight, queued, healthPanic, breaker: circuit } = board.shared.backend
  const all = servers.map((server) => serverStatus(view, server))
  return {
    name,
    mode,
    balance: balance.algorithm,
    serversUp: all.filter(({ state }) => state === 'up').length,
    inflight: inflight[slot]!,
    maxConnections,
    queued: queued[slot]!,
    queueMax: queue.max,
    breaker: breaker === null ? null : breakerStates[circuit[slot]!]!,
    panic: healthPanic[slot] === 1,
    requests: total(board, (row) => row.counters.backend.requests, slot),
    retriesDenied: total(board, (row) => row.counters.backend.retriesDenied, slot),
    servers: all,
  }
}

function serverStatus(view: View, server: ServerSpec): ServerStatus {
  const { slot, name, tier, zone, maxConnections } = server
  const { shared } = view.board
  const { server: learnt } = balancingColumns(view.board)
  const sum = (read: (row: Row['counters']['server']) => Float64Array) =>
    total(view.board, (row) => read(row.counters.server), slot)
  const { since, lastResult, lastCheckAt, lastDuration } = view.health(slot)
  return {
    name,
    address: placeOf(server),
    state: healthStates[shared.server.health[slot]!]!,
    admin: adminStates[shared.server.admin[slot]!]!,
    ejected: shared.server.ejected[slot] === 1,
    ejections: shared.server.ejections[slot]!,
    since: new Date(since).toISOString(),
    lastResult,
    lastCheckAt: lastCheckAt === null ? null : new Date(lastCheckAt).toISOString(),
    lastDuration: lastDuration === null ? null : Math.round(lastDuration * 10) / 10,
    weight: shared.server.weight[slot]!,
    ramp: shared.server.ramp[slot]! || 100,
    latency: learnt.latency[slot]! > 0 ? Math.round(learnt.latency[slot]! / 10) / 100 : null,
    failing: Math.round(failingShare(learnt, slot, microsOf(performance.now())) * 1000) / 1000,
    backup: tier > 0,
    tier,
    zone,
    inflight: shared.server.inflight[slot]!,
    maxConnections,
    connections: shared.server.connections[slot]!,
    requests: sum((counters) => counters.requests),
    bytesIn: sum((counters) => counters.bytesIn),
    bytesOut: sum((counters) => counters.bytesOut),
    errors: sum((counters) => counters.connectErrors) + sum((counters) => counters.responseErrors),
  }
}
