// One bind of a frontend on one worker: listens with reusePort, so that the kernel spreads connections over the workers.
// Each new connection is asked for its PROXY header where that is wanted, held against the rules about clients, gets its place
// or waits for one, and is handed to its protocol; what may not come in is turned away. Node accepts one connection of a listener in one turn of the event loop,
// so that a flood of connections to one bind does not keep those of another waiting.
import net from 'node:net'
import { performance } from 'node:perf_hooks'
import { isDeepStrictEqual } from 'node:util'
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
import { beginHandshake, goOnReading } from '../proxy-protocol/early-bytes.ts'
import { HeaderReader, type HeaderHost, type Introduced } from '../proxy-protocol/header-reader.ts'
import { compileProxyRules, type ProxyRules } from '../proxy-protocol/rules.ts'
import { TcpConnection } from '../tcp/connection.ts'
import { wrapServer } from '../tls/accept.ts'
import { createTls, type ServerTls } from '../tls/contexts.ts'
import type { Backend } from '../upstream/backend.ts'
import type { Admission } from './admission.ts'
import { closeListening } from './close-listening.ts'
import { Handshake } from './handshake.ts'
import { Held, type Host } from './held.ts'
import { parkedSince } from './parking.ts'

const BACKLOG = 4096
/** How many turns of the event loop without a connection end a listener that stops, and after how long it is enough, in ms. */
const QUIET_TURNS = 3
const QUEUE_SPAN = 1000
/** Connections that are told why they may not come in, at one time; more of them are reset without a word. */
const MAX_REFUSED = 64

/** What the listener keeps of a connection: enough to end it. */
export interface Connection {
  /** Of the client, once it is known; so for the port. */
  readonly address?: string
  readonly port?: number
  /** Slot of the server that it is on; -1: none. */
  readonly serverSlot?: number
  /** Ends now, whatever is under way. */
  cutOff(): void
  /** The worker stops: end as soon as nothing is lost by it. */
  drain(): void
}

/** What a bind serves; where there is no http frontend it is a tcp one, with a backend. */
export interface Served {
  readonly bind: BindSpec
  readonly frontend: FrontendSpec
  /** Shared by the binds of the frontend. */
  readonly http: HttpFrontend | null
  readonly backend: Backend | null
}

/** One that has a place. */
interface Admitted extends Connection {
  readonly source: Source | null
}

export class Listener implements Host, HeaderHost {
  #served: Served
  /** Set when it listens, in http mode. */
  #httpBind: HttpBind | null = null
  readonly #context: WorkerContext
  readonly #admission: Admission
  /** Null when the frontend has none. */
  #rules: ClientRules | null
  /** Null: no PROXY header is read. */
  #proxy: ProxyRules | null
  readonly #server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true })
  #tls: ServerTls | null
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
  /** Connections whose header is waited for. */
  #unknown = 0
  /** That it listens on; -1: not yet. */
  #port = -1
  /** It takes no connection any more. */
  #drained = false
  /** The listening socket was there before this worker. */
  #inherited = false
  /** Connections so far; it wraps nowhere near. */
  #accepted = 0
  /** Called whenever a connection has ended. */
  onEmpty: () => void = () => {}

  constructor(served: Served, context: WorkerContext, admission: Admission) {
    this.#served = served
    this.#context = context
    this.#admission = admission
    this.#rules = compileClientRules(served.frontend, admission.sources, context)
    this.#proxy = compileProxyRules(served.bind.proxy)
    this.#tls = this.#createTls()
    context.tls.certificates.watch(this.bind.id, () => (this.#tls = this.#createTls()))
  }

  #createTls(): ServerTls | null {
    const { id, tls } = this.bind
    const { certificates, ticketKeys } = this.#context.tls
    return tls && createTls(tls, certificates.of(id).list, ticketKeys)
  }

  get bind(): BindSpec {
    return this.#served.bind
  }

  get #frontend(): FrontendSpec {
    return this.#served.frontend
  }

  /**
   * Goes by another configuration of the same bind: new connections do at once, those that are there with their next
   * request. Nothing is closed.
   */
  follow(served: Served): void {
    const { bind, frontend } = this.#served
    this.#served = served
    if (!isDeepStrictEqual(served.bind.tls, bind.tls)) this.#tls = this.#createTls()
    const rules = ({ clients, trust, mode }: FrontendSpec) => ({ clients, trust, mode })
    if (!isDeepStrictEqual(rules(served.frontend), rules(frontend))) {
      this.#rules = compileClientRules(served.frontend, this.#admission.sources, this.#context)
    }
    this.#proxy = compileProxyRules(served.bind.proxy)
    if (this.#port >= 0) this.#serve()
  }

  /** Http connections ask their bind what to go by. */
  #serve(): void {
    const { http, bind } = this.#served
    if (http === null) this.#httpBind = null
    else if (this.#httpBind === null) this.#httpBind = new HttpBind(http, bind, this.#port)
    else this.#httpBind.follow(http, bind)
  }

  /** Those that wait and those that are on their way out included. */
  get connections(): number {
    return this.#connections.size
  }

  get open(): ReadonlySet<Connection> {
    return this.#connections
  }

  get name(): string {
    return this.#frontend.name
  }

  get slot(): number {
    return this.#frontend.slot
  }

  get most(): number {
    return this.#frontend.maxConnections
  }

  /** Of the listening socket; -1: none. */
  get fd(): number {
    return (this.#server as unknown as { _handle: { fd: number } | null })._handle?.fd ?? -1
  }

  /** Listens no more, and has no connection left. */
  get isOver(): boolean {
    return this.#connections.size === 0 && !this.#server.listening
  }

  /**
   * @param port overrides the one of the bind, when that was 0
   * @param fd a socket that listens already
   * @returns the port that it listens on
   */
  listen(port: number, fd?: number): Promise<number> {
    const { host, path } = this.bind
    const own = path === null ? { host: host!, port, reusePort: true } : { path }
    const where = fd === undefined ? own : { fd }
    this.#inherited = fd !== undefined
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
        this.#port = found
        this.#serve()
        resolve(found)
      })
    })
  }

  /**
   * Connections go on until they can end without loss; those that the kernel has accepted for us are taken yet, then no more.
   * @param handedOver somebody else accepts from the same socket: what the kernel has is left to him
   */
  drain(handedOver = false): void {
    if (!this.#drained) {
      this.#drained = true
      if (handedOver) this.#close(true)
      else if (this.#server.listening) this.#takeQueued(0, performance.now() + QUEUE_SPAN)
      else this.#server.close()
    }
    for (const connection of this.#connections) connection.drain()
  }

  /**
   * A listening socket that is closed resets what is in its queue. Node accepts one connection in one turn of the event loop,
   * so a few turns without any mean that the queue is empty.
   */
  #takeQueued(quiet: number, until: number): void {
    const before = this.#accepted
    setImmediate(() => {
      const turns = this.#accepted === before ? quiet + 1 : 0
      if (turns === QUIET_TURNS || performance.now() > until) this.#close(false)
      else this.#takeQueued(turns, until)
    })
  }

  #close(handedOver: boolean): void {
    this.#context.tls.certificates.watch(this.bind.id, null)
    closeListening(this.#server, { path: this.bind.path, inherited: this.#inherited, handedOver })
    this.onEmpty()
  }

  /** Ends the connections that have not ended by themselves. */
  cutOff(): void {
    for (const connection of this.#connections) connection.cutOff()
  }

  #accept(accepted: Accepted): void {
    this.#accepted++
    this.#context.row.counters.frontend.connects[this.slot]!++
    if (this.#proxy === null) return this.#admit(accepted, null)
    const from = peerAddress(accepted)
    if (from === '') return reset(accepted) // gone already
    if (this.#proxy.trusts(from)) this.#awaitHeader(accepted, from, this.#proxy)
    else if (this.#proxy.required) this.#reset(accepted, 'bad_proxy_header')
    else this.#admit(accepted, null) // a header is no more than bytes of its protocol then
  }

  /** No more of them than there may be connections: they have no place yet. */
  #awaitHeader(accepted: Accepted, from: string | null, rules: ProxyRules): void {
    if (this.#unknown >= this.most) return this.#reset(accepted, 'frontend_full')
    this.#unknown++
    this.#connections.add(new HeaderReader(accepted, from, rules, this.#context, this))
  }

  onIntroduced(reader: HeaderReader, introduced: Introduced): void {
    this.#connections.delete(reader)
    this.#unknown--
    this.#admit(introduced.socket, introduced)
    this.onEmpty()
  }

  onNoHeader(reader: HeaderReader, silent: boolean): void {
    this.#connections.delete(reader)
    this.#unknown--
    if (!silent) this.#count('bad_proxy_header')
    this.onEmpty()
  }

  /** @param introduced null: it was not asked for a header */
  #admit(accepted: Accepted, introduced: Introduced | null): void {
    const { slot } = this
    let source: Source | null = null
    if (this.#rules !== null) {
      const address = introduced === null ? peerAddress(accepted) : introduced.address
      source = this.#rules.admit(address, performance.now())
      if (source === null) return this.#notAdmitted(accepted, introduced, this.#rules)
    }
    // Over http, it is the requests that are shed.
    if (this.#served.http === null && this.#context.overload.sheds(source?.exempt ?? false)) {
      source?.close()
      return this.#refuse(accepted, introduced, 'overloaded', 0)
    }
    const full = this.#admission.parking.takePlace(slot, this.most)
    if (full === null) return this.#start(accepted, introduced, source)
    const held = new Held(accepted, this, { since: parkedSince(), reason: full, retryAfter: 0, source })
    held.introduced = introduced
    if (!this.#admission.parking.park(held, full)) return this.turnAway(held)
    this.#connections.add(held)
  }

  /** The rules are against it: it is refused, after a while when it came too fast and there is a tarpit. */
  #notAdmitted(accepted: Accepted, introduced: Introduced | null, { refusal, retryAfter }: ClientRules): void {
    const { tarpit } = this.#frontend.clients
    if (refusal !== 'rate_limited' || tarpit === 0 || this.#context.draining)
      return this.#refuse(accepted, introduced, refusal, retryAfter)
    const held = new Held(accepted, this, { since: 0, reason: refusal, retryAfter, source: null })
    held.introduced = introduced
    this.#connections.add(held)
    this.#admission.tarpit.hold(held, tarpit)
  }

  enter(held: Held): void {
    this.#connections.delete(held)
    this.#start(held.accepted, held.introduced, held.source)
  }

  turnAway(held: Held): void {
    this.#connections.delete(held)
    held.source?.close()
    this.#refuse(held.accepted, held.introduced, held.reason, held.retryAfter)
    this.onEmpty()
  }

  drop(held: Held): void {
    this.#connections.delete(held)
    held.source?.close()
    reset(held.accepted)
    this.onEmpty()
  }

  /** It has its place. */
  #start(accepted: Accepted, introduced: Introduced | null, source: Source | null): void {
    if (this.#tls === null) {
      this.#begin(plainSocket(accepted), introduced, source)
      if (introduced !== null) goOnReading(introduced)
      return
    }
    const secure = wrapServer(accepted, this.#tls, onread)
    const handshake = new Handshake(secure, this.#frontend, source, this.#context, this.#secured)
    handshake.introduced = introduced
    this.#connections.add(handshake)
    if (introduced !== null) beginHandshake(secure, introduced)
  }

  /** A handshake has ended, in a connection or in nothing. */
  readonly #secured = (handshake: Handshake, socket: net.Socket | null): void => {
    this.#connections.delete(handshake)
    if (socket !== null) return this.#begin(socket, handshake.introduced, handshake.source)
    this.#giveBack(handshake.source)
    this.onEmpty()
  }

  #begin(socket: net.Socket, introduced: Introduced | null, source: Source | null): void {
    const header = introduced === null ? null : introduced.header
    socket.setNoDelay(true)
    const connection =
      this.#httpBind === null
        ? new TcpConnection(socket, this.#frontend, this.#served.backend!, this.#context, this.#forget, header)
        : new Http1Client(socket, this.#httpBind, this.#forget, header)
    connection.source = source
    this.#connections.add(connection)
    if (this.#drained) connection.drain()
  }

  #giveBack(source: Source | null): void {
    source?.close()
    this.#admission.parking.givePlace(this.slot)
  }

  /**
   * An http client without TLS is told why; for the others a handshake would cost more than it is worth. It takes no
   * place while it is on its way out. @param retryAfter seconds; 0: not said
   */
  #refuse(accepted: Accepted, introduced: Introduced | null, reason: ReasonCode, retryAfter: number): void {
    if (this.#httpBind !== null && this.#tls === null && this.#refused < MAX_REFUSED) {
      this.#refused++
      const header = introduced === null ? null : introduced.header
      const client = new Http1Client(plainSocket(accepted), this.#httpBind, this.#forgetRefused, header)
      this.#connections.add(client)
      client.refuse(reason, retryAfter)
      if (introduced !== null) goOnReading(introduced)
      return
    }
    this.#reset(accepted, reason)
  }

  #reset(accepted: Accepted, reason: ReasonCode): void {
    this.#count(reason)
    reset(accepted)
  }

  /** Of a connection that no protocol has heard of. */
  #count(reason: ReasonCode): void {
    this.#context.row.tables.frontend.reasons[reasonCell(this.slot, reason)]!++
  }
}

/** Ends a connection that nobody has read. */
function reset(accepted: Accepted): void {
  const socket = plainSocket(accepted)
  own(socket, { onBytes: () => false, nextBuffer: onread.buffer, onEnd() {}, onDrain() {}, onClosed() {} })
  breakOff(socket)
}
