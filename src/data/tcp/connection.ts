// A connection of a tcp frontend: a server is picked when it is accepted, and joined to it when it is reached. What the
// client says before that waits, which is what makes it possible to go to another server when the first can't be reached.
// When the choice follows the server name of a TLS handshake that is not ours, the client's first bytes are read before it.
import { performance } from 'node:perf_hooks'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { OUTCOME_FAILED, OUTCOME_OK, OUTCOME_TIMEOUT, type Outcome } from '../../balance/outcome.ts'
import type { FrontendSpec } from '../../messages/snapshot.ts'
import type { ReasonCode } from '../../model/reasons.ts'
import { microsOf } from '../../scoreboard/clock.ts'
import type { WorkerContext } from '../context.ts'
import { plainAddress } from '../io/address.ts'
import type { Timed } from '../io/clock.ts'
import { breakOff, own, sharedBuffer, type OwnedSocket, type SocketOwner } from '../io/socket.ts'
import { Origin, serverNameOf } from '../key/origin.ts'
import { NO_KEY } from '../key/parts.ts'
import { Relay, type RelayHost } from '../relay/relay.ts'
import { parseClientHello } from '../tls/client-hello.ts'
import { Attempt } from '../upstream/attempt.ts'
import type { Backend } from '../upstream/backend.ts'
import type { UpstreamConnection, UpstreamUser } from '../upstream/connection.ts'
import type { Server } from '../upstream/server.ts'
import { connectionKeyOf, type ConnectionKey } from './connection-key.ts'
import { recordConnection } from './record.ts'

export class TcpConnection implements SocketOwner, UpstreamUser, RelayHost, Timed {
  due = 0
  wheelTick = 0
  wheelNext: Timed | null = null
  wheelPrevious: Timed | null = null
  readonly context: WorkerContext
  readonly frontend: FrontendSpec
  readonly backend: Backend
  readonly address: string
  readonly port: number
  readonly tls: boolean
  server: Server | null = null
  retries = 0
  readonly startedAt = performance.now()
  /** When a server was picked, and when one was reached; 0: never. */
  pickedAt = 0
  connectedAt = 0
  readonly #socket: OwnedSocket
  /** The key that still waits for a server name; null: a server has been picked. */
  #keyInWaiting: ConnectionKey | null = null
  #key = NO_KEY
  readonly #onClosed: (connection: TcpConnection) => void
  #upstream: UpstreamConnection | null = null
  readonly #attempt = new Attempt()
  #early: Buffer | null = null
  #ended = false
  #tried: number[] | null = null

  constructor(
    socket: Socket,
    frontend: FrontendSpec,
    backend: Backend,
    context: WorkerContext,
    onClosed: (connection: TcpConnection) => void,
  ) {
    this.context = context
    this.frontend = frontend
    this.backend = backend
    this.#onClosed = onClosed
    this.address = plainAddress(socket.remoteAddress)
    this.port = socket.remotePort ?? 0
    this.tls = socket instanceof TLSSocket
    this.#socket = own(socket, this)
    const key = connectionKeyOf(backend.spec)
    if (key !== null && key.usesServerName && !this.tls) {
      this.#keyInWaiting = key
      context.clock.arm(this, frontend.timeouts.tlsHandshake)
    } else this.#pick(key, key === null ? '' : serverNameOf(socket), this.startedAt)
  }

  /** @param key null: the algorithm follows none. @param at performance.now() */
  #pick(key: ConnectionKey | null, serverName: string, at: number): void {
    const { context, backend } = this
    this.#keyInWaiting = null
    this.pickedAt = at
    if (key !== null) this.#key = key.of(new Origin(this.address, serverName), context.dice)
    this.#connect(backend.pick(this.#key, null, microsOf(at)), at)
  }

  /** Goes on without a name: the client says none, or not in time. */
  #pickUnnamed(): void {
    this.#pick(this.#keyInWaiting, '', performance.now())
  }

  /** @param at performance.now() */
  #connect(server: Server | null, at: number): void {
    if (server === null) return this.#giveUp('no_server')
    this.server = server
    this.#attempt.begin(server, at)
    this.#upstream = server.take(Infinity)
    this.#upstream.user = this
    this.context.clock.arm(this, this.backend.spec.timeouts.connect)
  }

  // While the server is not there yet.

  nextBuffer(): Buffer {
    return sharedBuffer
  }

  onBytes(buffer: Buffer, n: number): boolean {
    const key = this.#keyInWaiting
    if (this.#upstream === null && key === null) return false
    const piece = buffer.subarray(0, n)
    this.#early = this.#early === null ? Buffer.from(piece) : Buffer.concat([this.#early, piece])
    if (key === null) return false
    const hello = parseClientHello(this.#early)
    if (hello === 'incomplete') return true
    this.#pick(key, hello === 'none' ? '' : hello.serverName, performance.now())
    return false
  }

  onEnd(): void {
    this.#ended = true
    if (this.#keyInWaiting !== null) this.#pickUnnamed()
  }

  onDrain(): void {}

  onClosed(): void {
    this.#onClosed(this)
    if (this.#upstream !== null) this.#dropUpstream()
    else if (this.#keyInWaiting === null) return
    this.#keyInWaiting = null
    this.context.clock.disarm(this)
    recordConnection(this, null, 'client_gone')
  }

  onUpstreamReady(): void {
    this.connectedAt = performance.now()
    this.#attempt.answer(OUTCOME_OK, this.connectedAt)
    this.context.clock.disarm(this)
    const relay = new Relay(this.#socket, this.#upstream!, this.context.clock, this.backend.spec.timeouts.tunnel, this)
    const early = this.#early
    this.#early = null
    relay.begin(early, this.#ended)
  }

  onUpstreamBytes(): boolean {
    return false // a server that is not ready says nothing
  }

  onUpstreamEnd(): void {}

  onUpstreamDrain(): void {}

  onUpstreamClosed(error: NodeJS.ErrnoException | null): void {
    this.#unreachable(this.server!.connectReason(error), OUTCOME_FAILED)
  }

  onDeadline(): void {
    if (this.#keyInWaiting !== null) this.#pickUnnamed()
    else this.#unreachable('connect_timeout', OUTCOME_TIMEOUT)
  }

  #unreachable(reason: ReasonCode, outcome: Outcome): void {
    this.#attempt.fail('connectErrors', outcome)
    const tried = (this.#tried ??= [])
    tried.push(this.server!.slot)
    this.#dropUpstream()
    const now = performance.now()
    const next = tried.length > this.backend.spec.retries ? null : this.backend.pick(this.#key, tried, microsOf(now))
    if (next === null) return this.#giveUp(reason)
    this.retries++
    this.context.row.counters.backend.redispatches[this.backend.spec.slot]!++
    this.#connect(next, now)
  }

  #dropUpstream(): void {
    this.#upstream!.destroy()
    this.#upstream = null
    this.#attempt.end()
  }

  #giveUp(reason: ReasonCode): void {
    this.context.clock.disarm(this)
    breakOff(this.#socket)
    recordConnection(this, null, reason)
  }

  // Once joined.

  onRelayClientClosed(): void {
    this.#onClosed(this)
  }

  onRelayOver(relay: Relay, reason: ReasonCode | null): void {
    this.#attempt.end()
    recordConnection(this, relay, reason)
  }

  /** When the worker stops, a tcp connection lives on until its own end or that of the worker. */
  drain(): void {}

  cutOff(): void {
    this.#socket.destroy()
  }
}
