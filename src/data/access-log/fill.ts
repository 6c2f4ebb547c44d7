// The part of an access line that requests and tcp connections have in common.
import type { ReasonCode } from '../../model/reasons.ts'
import type { WorkerContext } from '../context.ts'
import type { LogRecord } from './record.ts'

/** The peer of a connection. */
export interface LoggedPeer {
  readonly address: string
  readonly port: number
  /** It speaks TLS to us. */
  readonly tls: boolean
  /** The other end of the connection. */
  readonly peer: { readonly logText: string }
}

interface Named {
  readonly slot: number
  readonly name: string
}

/** Fills in who and where, and how much was going on. Times, bytes and what was asked are the caller's. */
export function fillRecord(
  record: LogRecord,
  context: WorkerContext,
  peer: LoggedPeer,
  frontend: Named,
  backend: { readonly spec: Named } | null,
  server: { readonly slot: number; readonly spec: { readonly name: string } } | null,
  reason: ReasonCode | null,
): void {
  const { shared } = context.board
  record.clientAddress = peer.address
  record.clientPort = peer.port
  record.tls = peer.tls
  record.peer = record.traceId = ''
  record.proxied = peer.peer.logText
  record.frontend = frontend.name
  record.backend = backend === null ? '' : backend.spec.name
  record.server = server === null ? '' : server.spec.name
  record.reason = reason
  record.processConnections = shared.process.connections[0]!
  record.frontendConnections = shared.frontend.connections[frontend.slot]!
  record.backendInflight = backend === null ? 0 : shared.backend.inflight[backend.spec.slot]!
  record.serverInflight = server === null ? 0 : shared.server.inflight[server.slot]!
}
