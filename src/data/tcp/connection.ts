// A connection whose bytes are none of our business, of a tcp frontend or passed through by a bind with TLS: a server is
// picked when it is accepted, and joined to it when it is reached. What the client says before that waits, which is what
// makes it possible to go to another server when the first can't be reached. When the choice follows the server name of a
// TLS handshake that is not ours, the client's first bytes are read before it, unless the bind has done so already.
import { performance } from 'node:perf_hooks'
import { TLSSocket } from 'node:tls'
import { OUTCOME_FAILED, OUTCOME_OK, OUTCOME_TIMEOUT, type Outcome } from '../../balance/outcome.ts'
import type { FrontendSpec } from '../../messages/snapshot.ts'
import type { ReasonCode } from '../../model/reasons.ts'
import type { Millis } from '../../model/units.ts'
import type { Source } from '../clients/source.ts'
import type { WorkerContext } from '../context.ts'
import type { Timed } from '../io/clock.ts'
import { breakOff, own } from '../io/socket.ts'
import { sharedBuffer, type OwnedSocket, type SocketOwner, type Wire } from '../io/socket-owner.ts'
import { Origin, serverNameOf } from '../key/origin.ts'
import { NO_KEY } from '../key/parts.ts'
import type { ConnectionSessions } from '../persistence/connection-sessions.ts'
import { connectionSessionsOf } from '../persistence/sessions.ts'
import type { ProxyHeader } from '../proxy-protocol/header.ts'
import { Peer } from '../proxy-protocol/peer.ts'
import { Relay, type RelayHost } from '../relay/relay.ts'
import { HelloBytes } from '../tls/hello-bytes.ts'
import type { Backend } from '../upstream/backend.ts'
import type { UpstreamConnection, UpstreamUser } from '../upstream/connection.ts'
import { Placement, type Placed } from '../upstream/placement.ts'
import type { Server } from '../upstream/server.ts'
import { connectionKeyOf } from './connection-key.ts'
import { recordConnection } from './record.ts'

/** What is known when it begins. */
export interface TcpArrival {
  /** Its name, limits and counters; of any mode. */
  readonly frontend: FrontendSpec
  /** Of mode tcp. */
  readonly backend: Backend
  /** That the connection began with, before anything else; null: none did. */
  readonly header: ProxyHeader | null
  /** That the client asks for in a handshake which is not ours; '': it says none; null: its hello was not read. */
  readonly serverName: string | null
}

export class TcpConnection implements SocketOwner, UpstreamUser, Placed, RelayHost, Timed {
  due = 0
  wheelTick = 0
  wheelNext: Timed | null = null
  wheelPrevious: Timed | null = null
  /** In the list of its bind (listener/connections.ts). */
  listIndex = -1
  readonly context: WorkerContext
  readonly frontend: FrontendSpec
  backend: Backend
  readonly peer: Peer
  readonly address: string
  readonly port: number
  readonly tls: boolean
  /** What its source may ask for; null: all. */
  source: Source | null = null
  readonly startedAt = performance.now()
  /** When a server was picked, and when one was reached; 0: never. */
  pickedAt = 0
  connectedAt = 0
  readonly #socket: OwnedSocket
  readonly #placement = new Placement(this)
  readonly #attempt = this.#placement.attempt
  /** The server name of the client's handshake is waited for, which the choice of a server follows; null: it is not. */
  #hello: HelloBytes | null = null
  #serverName = ''
  readonly #onClosed: (connection: TcpConnection) => void
  #upstream: UpstreamConnection | null = null
  #early: Buffer | null = null
  #ended = false
  /** Its end has been recorded. */
  #over = false

  constructor(
    socket: Wire,
    { frontend, backend, header, serverName }: TcpArrival,
    context: WorkerContext,
    onClosed: (connection: TcpConnection) => void,
  ) {
    this.context = context
    this.frontend = frontend
    this.backend = backend
    this.#onClosed = onClosed
    this.peer = new Peer(socket, header)
    this.address = this.peer.address
    this.port = this.peer.port
    this.tls = socket instanceof TLSSocket
    this.#socket = own(socket, this)
    const named = connectionKeyOf(backend.spec)?.usesServerName === true || this.#sessionsOf(backend)?.usesServerName
    if (named === true && !this.tls && serverName === null) {
      this.#hello = new HelloBytes()
      context.clock.arm(this, frontend.timeouts.tlsHandshake)
    } else this.#place(named === true ? (serverName ?? serverNameOf(socket)) : '', this.startedAt)
  }

  get server(): Server | null {
    return this.#placement.server
  }

  get serverSlot(): number {
    return this.server?.slot ?? -1
  }

  get retries(): number {
    return this.#placement.retries
  }

  get queueTime(): number {
    return this.#placement.queueTime
  }

  /** Looks for a server. @param at performance.now() */
  #place(serverName: string, at: number): void {
    this.#serverName = serverName
    this.pickedAt = at
    const backend = this.backend.inService
    if (backend === null) return this.#giveUp('circuit_open')
    this.backend = backend
    const home = this.#homeIn(backend, at)
    if (home >= 0 && backend.isStrict && backend.home(home) === null) return this.#giveUp('session_server_down')
    const key = connectionKeyOf(backend.spec)
    const hash = key === null ? NO_KEY : key.of(new Origin(this.address, serverName), this.context.dice)
    const high = this.frontend.priority === 'high'
    const server = this.#placement.begin(backend, hash, home, high, at)
    if (server !== null) this.#connect(server)
    else if (!this.#placement.waits) this.#giveUp(this.#placement.refusal)
  }

  /** Slot of the server that the client belongs to; -1: none. */
  #homeIn(backend: Backend, at: number): number {
    return this.#sessionsOf(backend)?.find(this.address, this.#serverName, at) ?? -1
  }

  #sessionsOf({ spec }: Backend): ConnectionSessions | null {
    return spec.persistence === null ? null : connectionSessionsOf(spec, this.context.sessions[spec.slot] ?? null)
  }

  onWait(span: Millis): void {
    this.context.clock.arm(this, span)
  }

  onPlace(server: Server): void {
    this.#connect(server)
  }

  onNoPlace(reason: ReasonCode): void {
    this.#giveUp(reason)
  }

  #connect(server: Server): void {
    this.#upstream = server.take(Infinity, this.peer)
    this.#upstream.user = this
    this.context.clock.arm(this, this.backend.spec.timeouts.connect)
  }

  // While the server is not there yet.

  nextBuffer(): Buffer {
    return sharedBuffer
  }

  onBytes(buffer: Buffer, n: number): boolean {
    if (this.#over) return false
    const piece = buffer.subarray(0, n)
    if (this.#hello === null) {
      this.#early = this.#early === null ? Buffer.from(piece) : Buffer.concat([this.#early, piece])
      return false
    }
    const hello = this.#hello.add(piece)
    if (hello === 'incomplete') return true
    this.#goOn(hello === 'none' ? '' : hello.serverName)
    return false
  }

  /** @param serverName '': the client says none, or not in time */
  #goOn(serverName: string): void {
    const { all } = this.#hello!
    this.#hello = null
    if (all.length > 0) this.#early = all
    this.#place(serverName, performance.now())
  }

  onEnd(): void {
    this.#ended = true
    if (this.#hello !== null) this.#goOn('')
  }

  onDrain(): void {}

  onClosed(): void {
    this.#onClosed(this)
    if (this.#over) return
    this.#leave()
    this.#record(null, 'client_gone')
  }

  onUpstreamReady(): void {
    this.connectedAt = performance.now()
    this.#attempt.answer(OUTCOME_OK, this.connectedAt)
    this.context.clock.disarm(this)
    const { slot } = this.server!
    this.#sessionsOf(this.backend)?.remember(this.address, this.#serverName, slot, this.connectedAt)
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
    if (this.#hello !== null) this.#goOn('')
    else if (this.#placement.waits) this.#placement.onDeadline()
    else this.#unreachable('connect_timeout', OUTCOME_TIMEOUT)
  }

  #unreachable(reason: ReasonCode, outcome: Outcome): void {
    this.#attempt.fail('connectErrors', outcome)
    this.#dropUpstream()
    if (!this.#placement.again(this.context.dice)) this.#giveUp(reason)
  }

  #dropUpstream(): void {
    this.#upstream?.destroy()
    this.#upstream = null
    this.#attempt.end()
  }

  #giveUp(reason: ReasonCode): void {
    this.#leave()
    breakOff(this.#socket)
    this.#record(null, reason)
  }

  /** Neither waits for a server any more nor has anything on one. */
  #leave(): void {
    this.#hello = null
    this.context.clock.disarm(this)
    this.#placement.leave()
    this.#dropUpstream()
  }

  #record(relay: Relay | null, reason: ReasonCode | null): void {
    this.#over = true
    if (this.peer.isLocal && (relay === null || relay.bytesIn === 0)) return // a tier above has looked whether we are here
    recordConnection(this, relay, reason)
  }

  // Once joined.

  onRelayClientClosed(): void {
    this.#onClosed(this)
  }

  onRelayOver(relay: Relay, reason: ReasonCode | null): void {
    this.#attempt.end()
    this.#record(relay, reason)
  }

  /** When the worker stops, a tcp connection lives on until its own end or that of the worker. */
  drain(): void {}

  cutOff(): void {
    this.#socket.destroy()
  }
}
