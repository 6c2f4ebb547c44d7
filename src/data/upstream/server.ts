// One server of a backend and this worker's connections to it. Idle ones are kept in a stack: the one used last is used
// next, so that the load decides how many stay warm, and the oldest are closed when nobody wants them.
import type { Board } from '../../balance/board.ts'
import type { Balancer } from '../../balance/types.ts'
import type { BackendSpec, ServerSpec } from '../../messages/snapshot.ts'
import type { ReasonCode } from '../../model/reasons.ts'
import type { Row } from '../../scoreboard/scoreboard.ts'
import type { WorkerContext } from '../context.ts'
import { connectTo, type ConnectServer } from './connect.ts'
import { UpstreamConnection, type ConnectionHome } from './connection.ts'

/** What counts the attempts on the servers of a backend, and what hears of them. */
export interface Balancing {
  readonly counts: Board
  readonly balancer: Balancer
}

/**
 * A request that can't be repeated goes only to a kept-alive connection that was in use this many ms ago: were it closed at
 * the same moment, the request would be lost. No server is known that closes so soon.
 */
export const SURELY_OPEN = 1000

export class Server implements ConnectionHome, Balancing {
  readonly spec: ServerSpec
  readonly slot: number
  readonly counts: Board
  readonly balancer: Balancer
  /** This worker's counters of all servers, by slot. */
  readonly counters: Row['counters']['server']
  readonly #backend: BackendSpec
  readonly #context: WorkerContext
  readonly #connect: ConnectServer
  readonly #idle: UpstreamConnection[] = []
  #closed = false

  constructor(spec: ServerSpec, backend: BackendSpec, balancing: Balancing, context: WorkerContext) {
    this.spec = spec
    this.slot = spec.slot
    this.#backend = backend
    this.#context = context
    this.counts = balancing.counts
    this.balancer = balancing.balancer
    this.counters = context.row.counters.server
    this.#connect = connectTo(spec, backend.mode)
  }

  /**
   * A connection of its own for the caller, who gets its events from now on: an idle one, or a new one on its way.
   * @param idleSince only one that has not been idle for longer than since then: the longer it is, the likelier has the
   * server closed it by the time that the request arrives. Infinity: a new one.
   */
  take(idleSince: number): UpstreamConnection {
    const last = this.#idle.length - 1
    if (last >= 0 && this.#idle[last]!.idleSince >= idleSince) {
      this.counters.reuses[this.slot]!++
      return this.#idle.pop()!
    }
    this.counters.connects[this.slot]!++
    return new UpstreamConnection(this, this.#connect())
  }

  /** Takes a connection back on which a complete answer has been read and nothing else. */
  keep(connection: UpstreamConnection, now: number): void {
    if (this.#closed || this.#idle.length >= this.#backend.idleConnections) return connection.destroy()
    connection.idleSince = now
    this.#idle.push(connection)
  }

  /** An idle connection was closed by the server, or sent something that nobody asked for. */
  forget(connection: UpstreamConnection): void {
    const at = this.#idle.lastIndexOf(connection)
    if (at >= 0) this.#idle.splice(at, 1)
  }

  /**
   * Why a connection that never was ready is closed.
   * @param error null: the server closed it in order, in the middle of a handshake
   */
  connectReason(error: NodeJS.ErrnoException | null): ReasonCode {
    const unreachable = error?.syscall === 'connect' || error?.syscall === 'getaddrinfo'
    return this.spec.tls !== null && !unreachable ? 'server_tls' : 'connect_refused'
  }

  sweep(now: number): void {
    const limit = now - this.#backend.timeouts.idleConnection
    let old = 0
    while (old < this.#idle.length && this.#idle[old]!.idleSince < limit) old++
    if (old > 0) for (const connection of this.#idle.splice(0, old)) connection.destroy()
  }

  close(): void {
    this.#closed = true
    for (const connection of this.#idle.splice(0)) connection.destroy()
  }

  /** Connections open or being opened to this server; called by the connection itself. */
  count(change: 1 | -1): void {
    const { board, row } = this.#context
    Atomics.add(board.shared.server.connections, this.slot, change)
    row.owned.server.connections[this.slot]! += change
  }
}
