// A connection of a tcp frontend: a server is picked when it is accepted, and joined to it when it is reached. What the
// client says before that waits, which is what makes it possible to go to another server when the first can't be reached.
import { performance } from 'node:perf_hooks'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { hashAddress } from '../../balance/hash.ts'
import type { FrontendSpec } from '../../messages/snapshot.ts'
import type { ReasonCode } from '../../model/reasons.ts'
import type { WorkerContext } from '../context.ts'
import { plainAddress } from '../io/address.ts'
import type { Timed } from '../io/clock.ts'
import { breakOff, own, sharedBuffer, type OwnedSocket, type SocketOwner } from '../io/socket.ts'
import { Relay, type RelayHost } from '../relay/relay.ts'
import type { Backend } from '../upstream/backend.ts'
import type { UpstreamConnection, UpstreamUser } from '../upstream/connection.ts'
import type { Server } from '../upstream/server.ts'
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
  /** 0: never. */
  connectedAt = 0
  readonly #socket: OwnedSocket
  readonly #key: number
  readonly #onClosed: (connection: TcpConnection) => void
  #upstream: UpstreamConnection | null = null
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
    this.#key = hashAddress(this.address)
    this.#socket = own(socket, this)
    this.#connect(backend.pick(this.#key, null))
  }

  #connect(server: Server | null): void {
    if (server === null) return this.#giveUp('no_server')
    this.server = server
    server.begin()
    this.#upstream = server.take(Infinity)
    this.#upstream.user = this
    this.context.clock.arm(this, this.backend.spec.timeouts.connect)
  }

  // While the server is not there yet.

  nextBuffer(): Buffer {
    return sharedBuffer
  }

  onBytes(buffer: Buffer, n: number): boolean {
    if (this.#upstream === null) return false
    const piece = buffer.subarray(0, n)
    this.#early = this.#early === null ? Buffer.from(piece) : Buffer.concat([this.#early, piece])
    return false
  }

  onEnd(): void {
    this.#ended = true
  }

  onDrain(): void {}

  onClosed(): void {
    this.#onClosed(this)
    if (this.#upstream === null) return
    this.context.clock.disarm(this)
    this.#dropUpstream()
    recordConnection(this, null, 'client_gone')
  }

  onUpstreamReady(): void {
    this.connectedAt = performance.now()
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
    this.#unreachable(this.server!.connectReason(error))
  }

  onDeadline(): void {
    this.#unreachable('connect_timeout')
  }

  #unreachable(reason: ReasonCode): void {
    const failed = this.server!
    this.context.row.counters.server.connectErrors[failed.slot]!++
    const tried = (this.#tried ??= [])
    tried.push(failed.slot)
    this.#dropUpstream()
    const next = tried.length > this.backend.spec.retries ? null : this.backend.pick(this.#key, tried)
    if (next === null) return this.#giveUp(reason)
    this.retries++
    this.context.row.counters.backend.redispatches[this.backend.spec.slot]!++
    this.#connect(next)
  }

  #dropUpstream(): void {
    this.#upstream!.destroy()
    this.#upstream = null
    this.server!.end()
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
    this.server!.end()
    recordConnection(this, relay, reason)
  }

  /** When the worker stops, a tcp connection lives on until its own end or that of the worker. */
  drain(): void {}

  cutOff(): void {
    this.#socket.destroy()
  }
}
