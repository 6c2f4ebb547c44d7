// One server of a backend and this worker's connections to it: where they come from and where they go back to. How idle
// ones are kept, and for how long, is idle-connections.ts.
import { performance } from 'node:perf_hooks'
import { isDeepStrictEqual } from 'node:util'
import type { Board } from '../../balance/board.ts'
import type { Balancer } from '../../balance/types.ts'
import type { BackendSpec, SendProxySpec, ServerSpec } from '../../messages/snapshot.ts'
import type { ReasonCode } from '../../model/reasons.ts'
import type { Row } from '../../scoreboard/scoreboard.ts'
import type { WorkerContext } from '../context.ts'
import { encodeProxyHeader } from '../proxy-protocol/encode.ts'
import type { Peer } from '../proxy-protocol/peer.ts'
import { connectTo, type ConnectServer } from './connect.ts'
import { UpstreamConnection, type ConnectionHome } from './connection.ts'
import { IdleConnections } from './idle-connections.ts'
import type { Queue } from './queue.ts'

/** What counts the attempts on the servers of a backend, and what hears of them. */
export interface Balancing {
  readonly counts: Board
  readonly balancer: Balancer
  /** Where requests wait for a place; null: there are no limits. */
  readonly queue: Queue | null
}

export class Server implements ConnectionHome, Balancing {
  spec: ServerSpec
  readonly slot: number
  readonly counts: Board
  balancer: Balancer
  queue: Queue | null
  /** This worker's counters of all servers, by slot. */
  readonly counters: Row['counters']['server']
  readonly #context: WorkerContext
  readonly #connect: ConnectServer
  readonly #idle: IdleConnections<UpstreamConnection>
  /** How connections begin; null: with what their user sends. */
  #sendProxy: SendProxySpec | null
  #closed = false

  constructor(spec: ServerSpec, backend: BackendSpec, balancing: Balancing, context: WorkerContext) {
    this.spec = spec
    this.slot = spec.slot
    this.#context = context
    this.#idle = new IdleConnections(backend.idleConnections, backend.timeouts.idleConnection)
    this.counts = balancing.counts
    this.balancer = balancing.balancer
    this.queue = balancing.queue
    this.counters = context.row.counters.server
    this.#connect = connectTo(spec, backend.mode)
    this.#sendProxy = backend.sendProxy
  }

  /** Whether its connections would lead elsewhere, or be others, by this configuration: then it is another server. */
  isAnother({ host, port, path, tls }: ServerSpec): boolean {
    const { spec } = this
    return host !== spec.host || port !== spec.port || path !== spec.path || !isDeepStrictEqual(tls, spec.tls)
  }

  /** Goes by a new configuration of the same server; its connections stay. */
  follow(spec: ServerSpec, backend: BackendSpec, { balancer, queue }: Omit<Balancing, 'counts'>): void {
    this.spec = spec
    this.balancer = balancer
    this.queue = queue
    this.#sendProxy = backend.sendProxy
    this.#idle.follow(backend.idleConnections, backend.timeouts.idleConnection)
  }

  /**
   * The `idleSince` of take() for a request that can't be repeated: were the connection closed just as the request is sent,
   * it would be lost. @param now performance.now()
   */
  sureSince(now: number): number {
    return this.#idle.sureSince(now)
  }

  /**
   * A connection of its own for the caller, who gets its events from now on: an idle one, or a new one on its way.
   * @param idleSince only one that has not been idle for longer than since then, by performance.now(): the longer it is,
   * the likelier has the server closed it by the time that the request arrives. 0: any; Infinity: a new one.
   * @param peer whom a PROXY header is to speak for, if the backend sends one
   */
  take(idleSince: number, peer: Peer): UpstreamConnection {
    const proxy = this.#sendProxy
    const kept = idleSince === Infinity || proxy !== null ? null : this.#idle.take(idleSince, performance.now())
    if (kept !== null) {
      this.counters.reuses[this.slot]!++
      return kept
    }
    this.counters.connects[this.slot]!++
    const header = proxy === null ? null : encodeProxyHeader(proxy, peer)
    const connection = new UpstreamConnection(this, this.#connect(header))
    connection.ofOneClient = header !== null
    return connection
  }

  /** Takes a connection back on which a complete answer has been read and nothing else. */
  keep(connection: UpstreamConnection, now: number): void {
    if (this.#closed || connection.ofOneClient) connection.destroy()
    else this.#idle.keep(connection, now)
  }

  /** An idle connection was closed by the server, or sent something that nobody asked for. */
  forget(connection: UpstreamConnection): void {
    this.#idle.forget(connection, performance.now())
  }

  /** A kept-alive connection was closed by the server, and not a byte of an answer came to the request sent on it. */
  foundClosed(connection: UpstreamConnection): void {
    this.#idle.foundClosed(connection, performance.now())
  }

  /**
   * Why a connection that never was ready is closed.
   * @param error null: the server closed it in order, in the middle of a handshake
   */
  connectReason(error: NodeJS.ErrnoException | null): ReasonCode {
    const unreachable = error?.syscall === 'connect' || error?.syscall === 'getaddrinfo'
    return this.spec.tls !== null && !unreachable ? 'server_tls' : 'connect_refused'
  }

  /** Closes connections that have been idle for too long. @param now performance.now() */
  sweep(now: number): void {
    this.#idle.sweep(now)
  }

  close(): void {
    this.#closed = true
    this.#idle.close()
  }

  /** Connections open or being opened to this server; called by the connection itself. */
  count(change: 1 | -1): void {
    const { board, row } = this.#context
    Atomics.add(board.shared.server.connections, this.slot, change)
    row.owned.server.connections[this.slot]! += change
  }
}
