// One bind of a frontend on one worker: listens with reusePort, so that the kernel spreads connections over the workers.
// Each new connection is held against the rules about clients, gets its place or waits for one, and is handed to its
// protocol; what may not come in is turned away. Node accepts one connection of a listener in one turn of the event loop,
// so that a flood of connections to one bind does not keep those of another waiting.
import net from 'node:net'
import { performance } from 'node:perf_hooks'
import type { ReasonCode } from '../../model/reasons.ts'
import { reasonCell } from '../../scoreboard/reasons.ts'
import type { BindSpec, FrontendSpec } from '../../messages/snapshot.ts'
import { compileClientRules, type ClientRules } from '../clients/client-rules.ts'
import type { Source } from '../clients/source.ts'
import type { WorkerContext } from '../context.ts'
import { Http1Client } from '../http1/client.ts'
import type { HttpFrontend } from '../http1/frontend.ts'
import { HttpBind } from '../http1/http-bind.ts'
import { breakOff, onConnection, onread, own, peerAddress, plainSocket, type Accepted } from '../io/socket.ts'
import { TcpConnection } from '../tcp/connection.ts'
import { wrapServer } from '../tls/accept.ts'
import { createTls, type ServerTls } from '../tls/contexts.ts'
import type { Backend } from '../upstream/backend.ts'
import type { Admission } from './admission.ts'
import { Handshake } from './handshake.ts'
import { Held, type Host } from './held.ts'
import { parkedSince } from './parking.ts'

const BACKLOG = 4096
/** Connections that are told why they may not come in, at one time; more of them are reset without a word. */
const MAX_REFUSED = 64

/** What the listener keeps of a connection: enough to end it. */
interface Connection {
  /** Ends now, whatever is under way. */
  cutOff(): void
  /** The worker stops: end as soon as nothing is lost by it. */
  drain(): void
}

/** One that has a place. */
interface Admitted extends Connection {
  readonly source: Source | null
}

export class Listener implements Host {
  readonly bind: BindSpec
  readonly #frontend: FrontendSpec
  readonly #http: HttpFrontend | null
  /** Set when it listens, in http mode. */
  #httpBind: HttpBind | null = null
  readonly #backend: Backend | null
  readonly #context: WorkerContext
  readonly #admission: Admission
  /** Null when the frontend has none. */
  readonly #rules: ClientRules | null
  readonly #server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true })
  readonly #tls: ServerTls | null
  readonly #connections = new Set<Connection>()
  readonly #forget = (connection: Admitted): void => {
    this.#connections.delete(connection)
    this.#giveBack(connection.source)
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
    admission: Admission,
  ) {
    this.bind = bind
    this.#frontend = frontend
    this.#http = http
    this.#backend = backends[frontend.backend] ?? null
    this.#context = context
    this.#admission = admission
    this.#rules = compileClientRules(frontend, admission.sources, context)
    this.#tls = bind.tls === null ? null : createTls(bind.tls)
  }

  /** Those that wait and those that are on their way out included. */
  get connections(): number {
    return this.#connections.size
  }

  get slot(): number {
    return this.#frontend.slot
  }

  get most(): number {
    return this.#frontend.maxConnections
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
    const { slot } = this
    this.#context.row.counters.frontend.connects[slot]!++
    let source: Source | null = null
    if (this.#rules !== null) {
      source = this.#rules.admit(peerAddress(accepted), performance.now())
      if (source === null) return this.#notAdmitted(accepted, this.#rules)
    }
    // Over http, it is the requests that are shed.
    if (this.#http === null && this.#context.overload.sheds(source?.exempt ?? false)) {
      source?.close()
      return this.#refuse(accepted, 'overloaded', 0)
    }
    const full = this.#admission.parking.takePlace(slot, this.most)
    if (full === null) return this.#start(accepted, source)
    const held = new Held(accepted, this, { since: parkedSince(), reason: full, retryAfter: 0, source })
    if (!this.#admission.parking.park(held, full)) return this.turnAway(held)
    this.#connections.add(held)
  }

  /** The rules are against it: it is refused, after a while when it came too fast and there is a tarpit. */
  #notAdmitted(accepted: Accepted, { refusal, retryAfter }: ClientRules): void {
    const { tarpit } = this.#frontend.clients
    if (refusal !== 'rate_limited' || tarpit === 0 || this.#context.draining)
      return this.#refuse(accepted, refusal, retryAfter)
    const held = new Held(accepted, this, { since: 0, reason: refusal, retryAfter, source: null })
    this.#connections.add(held)
    this.#admission.tarpit.hold(held, tarpit)
  }

  enter(held: Held): void {
    this.#connections.delete(held)
    this.#start(held.accepted, held.source)
  }

  turnAway(held: Held): void {
    this.#connections.delete(held)
    held.source?.close()
    this.#refuse(held.accepted, held.reason, held.retryAfter)
    this.onEmpty()
  }

  drop(held: Held): void {
    this.#connections.delete(held)
    held.source?.close()
    reset(held.accepted)
    this.onEmpty()
  }

  /** It has its place. */
  #start(accepted: Accepted, source: Source | null): void {
    if (this.#tls === null) return this.#begin(plainSocket(accepted), source)
    const secure = wrapServer(accepted, this.#tls, onread)
    this.#connections.add(new Handshake(secure, this.#frontend, source, this.#context, this.#secured))
  }

  /** A handshake has ended, in a connection or in nothing. */
  readonly #secured = (handshake: Handshake, socket: net.Socket | null): void => {
    this.#connections.delete(handshake)
    if (socket !== null) return this.#begin(socket, handshake.source)
    this.#giveBack(handshake.source)
    this.onEmpty()
  }

  #begin(socket: net.Socket, source: Source | null): void {
    socket.setNoDelay(true)
    const connection =
      this.#httpBind === null
        ? new TcpConnection(socket, this.#frontend, this.#backend!, this.#context, this.#forget)
        : new Http1Client(socket, this.#httpBind, this.#forget)
    connection.source = source
    this.#connections.add(connection)
    if (this.#context.draining) connection.drain()
  }

  #giveBack(source: Source | null): void {
    source?.close()
    this.#admission.parking.givePlace(this.slot)
  }

  /**
   * An http client without TLS is told why; for the others a handshake would cost more than it is worth. It takes no
   * place while it is on its way out. @param retryAfter seconds; 0: not said
   */
  #refuse(accepted: Accepted, reason: ReasonCode, retryAfter: number): void {
    if (this.#httpBind !== null && this.#tls === null && this.#refused < MAX_REFUSED) {
      this.#refused++
      const client = new Http1Client(plainSocket(accepted), this.#httpBind, this.#forgetRefused)
      this.#connections.add(client)
      return client.refuse(reason, retryAfter)
    }
    this.#context.row.tables.frontend.reasons[reasonCell(this.slot, reason)]!++
    reset(accepted)
  }
}

/** Ends a connection that nobody has read. */
function reset(accepted: Accepted): void {
  const socket = plainSocket(accepted)
  own(socket, { onBytes: () => false, nextBuffer: onread.buffer, onEnd() {}, onDrain() {}, onClosed() {} })
  breakOff(socket)
}
