// One bind of a frontend on one worker: listens with reusePort, so that the kernel spreads connections over the workers;
// counts each connection, turns away what is over a limit, and hands it to its protocol.
import net from 'node:net'
import type { ReasonCode } from '../../model/reasons.ts'
import { reasonCell } from '../../scoreboard/reasons.ts'
import type { BindSpec, FrontendSpec } from '../../messages/snapshot.ts'
import type { WorkerContext } from '../context.ts'
import { Http1Client } from '../http1/client.ts'
import type { HttpFrontend } from '../http1/frontend.ts'
import { HttpBind } from '../http1/http-bind.ts'
import { breakOff, onConnection, onread, own, plainSocket, type Accepted } from '../io/socket.ts'
import { TcpConnection } from '../tcp/connection.ts'
import { wrapServer } from '../tls/accept.ts'
import { createTls, type ServerTls } from '../tls/contexts.ts'
import type { Backend } from '../upstream/backend.ts'
import { Handshake } from './handshake.ts'

const BACKLOG = 4096
/** Connections over a limit that are told so at one time; more of them are reset without a word. */
const MAX_REFUSED = 64

/** What the listener keeps of a connection: enough to end it. */
interface Connection {
  /** Ends now, whatever is under way. */
  cutOff(): void
  /** The worker stops: end as soon as nothing is lost by it. */
  drain(): void
}

export class Listener {
  readonly bind: BindSpec
  readonly #frontend: FrontendSpec
  readonly #http: HttpFrontend | null
  /** Set when it listens, in http mode. */
  #httpBind: HttpBind | null = null
  readonly #backend: Backend | null
  readonly #context: WorkerContext
  readonly #maxConnections: number
  readonly #server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true })
  readonly #tls: ServerTls | null
  readonly #connections = new Set<Connection>()
  readonly #forget = (connection: Connection): void => {
    this.#connections.delete(connection)
    this.#count(-1)
    this.onEmpty()
  }
  readonly #forgetRefused = (connection: Connection): void => {
    this.#connections.delete(connection)
    this.#refused--
    this.onEmpty()
  }
  #refused = 0
  /** Called whenever a connection has ended. */
  onEmpty: () => void = () => {}

  /** @param http the frontend in http mode, shared by its binds; null in tcp mode */
  constructor(
    bind: BindSpec,
    frontend: FrontendSpec,
    http: HttpFrontend | null,
    backends: readonly Backend[],
    context: WorkerContext,
    maxConnections: number,
  ) {
    this.bind = bind
    this.#frontend = frontend
    this.#http = http
    this.#backend = backends[frontend.backend] ?? null
    this.#context = context
    this.#maxConnections = maxConnections
    this.#tls = bind.tls === null ? null : createTls(bind.tls)
  }

  get connections(): number {
    return this.#connections.size
  }

  /** @param port overrides the one of the bind, when that was 0. @returns the port that it listens on */
  listen(port: number): Promise<number> {
    const { host, path } = this.bind
    const where = path === null ? { host: host!, port, reusePort: true } : { path }
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ ...where, backlog: BACKLOG }, () => {
        this.#server.off('error', reject)
        this.#server.on('error', (error) =>
          this.#context.log('error', 'accept failed', { bind: this.bind.id, error: error.message }),
        )
        onConnection(this.#server, (accepted) => this.#accept(accepted))
        const address = this.#server.address()
        const found = address !== null && typeof address === 'object' ? address.port : 0
        if (this.#http !== null) this.#httpBind = new HttpBind(this.#http, this.bind, found)
        resolve(found)
      })
    })
  }

  /** Accepts nothing more; connections go on until they can end without loss. */
  drain(): void {
    this.#server.close()
    for (const connection of this.#connections) connection.drain()
  }

  /** Ends the connections that have not ended by themselves. */
  cutOff(): void {
    for (const connection of this.#connections) connection.cutOff()
  }

  #accept(accepted: Accepted): void {
    this.#count(1)
    const { board, row } = this.#context
    row.counters.frontend.connects[this.#frontend.slot]!++
    const full = board.shared.frontend.connections[this.#frontend.slot]! > this.#frontend.maxConnections
    const reason = full
      ? 'frontend_full'
      : board.shared.process.connections[0]! > this.#maxConnections
        ? 'process_full'
        : null
    if (reason !== null) return this.#refuse(accepted, reason)
    if (this.#tls === null) return this.#begin(plainSocket(accepted))
    const secure = wrapServer(accepted, this.#tls, onread)
    this.#connections.add(new Handshake(secure, this.#frontend, this.#context, this.#secured))
  }

  /** A handshake has ended, in a connection or in nothing. */
  readonly #secured = (handshake: Handshake, socket: net.Socket | null): void => {
    this.#connections.delete(handshake)
    if (socket !== null) return this.#begin(socket)
    this.#count(-1)
    this.onEmpty()
  }

  #begin(socket: net.Socket): void {
    socket.setNoDelay(true)
    const connection =
      this.#httpBind === null
        ? new TcpConnection(socket, this.#frontend, this.#backend!, this.#context, this.#forget)
        : new Http1Client(socket, this.#httpBind, this.#forget)
    this.#connections.add(connection)
    if (this.#context.draining) connection.drain()
  }

  /**
   * Over a limit: an http client without TLS is told so; for the others a handshake would cost more than it is worth. It
   * takes no place while it is on its way out.
   */
  #refuse(accepted: Accepted, reason: ReasonCode): void {
    this.#count(-1)
    const socket = plainSocket(accepted)
    if (this.#httpBind !== null && this.#tls === null && this.#refused < MAX_REFUSED) {
      this.#refused++
      const client = new Http1Client(socket, this.#httpBind, this.#forgetRefused)
      this.#connections.add(client)
      return client.refuse(reason)
    }
    this.#context.row.tables.frontend.reasons[reasonCell(this.#frontend.slot, reason)]!++
    own(socket, { onBytes: () => false, nextBuffer: onread.buffer, onEnd() {}, onDrain() {}, onClosed() {} })
    breakOff(socket)
  }

  #count(change: 1 | -1): void {
    const { board, row } = this.#context
    Atomics.add(board.shared.frontend.connections, this.#frontend.slot, change)
    row.owned.frontend.connections[this.#frontend.slot]! += change
    Atomics.add(board.shared.process.connections, 0, change)
    row.owned.process.connections[0]! += change
  }
}
