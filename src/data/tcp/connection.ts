// A connection of a tcp frontend: a server is picked when it is accepted, and then bytes pass both ways as they are, with
// backpressure and half-close. Nothing is parsed. What the client says before the server is there waits, and is what
// makes it possible to go to another server when the first can't be reached.
import type { Socket } from 'node:net'
import { hashAddress } from '../../balance/hash.ts'
import { reasonCodes, reasonIndex, type ReasonCode } from '../../model/reasons.ts'
import type { FrontendSpec } from '../../messages/snapshot.ts'
import type { WorkerContext } from '../context.ts'
import { plainAddress } from '../io/address.ts'
import type { Timed } from '../io/clock.ts'
import { Flow } from '../io/flow.ts'
import { READ_BUFFER, own, resumeReading, type OwnedSocket, type SocketOwner } from '../io/socket.ts'
import type { Backend } from '../upstream/backend.ts'
import type { UpstreamConnection, UpstreamUser } from '../upstream/connection.ts'
import type { Server } from '../upstream/server.ts'

export class TcpConnection implements SocketOwner, UpstreamUser, Timed {
  due = 0
  wheelTick = 0
  wheelNext: Timed | null = null
  wheelPrevious: Timed | null = null
  readonly context: WorkerContext
  readonly frontend: FrontendSpec
  readonly backend: Backend
  readonly address: string
  readonly port: number
  server: Server | null = null
  bytesIn = 0
  bytesOut = 0
  readonly startedAt = performance.now()
  connectedAt = 0
  readonly #socket: OwnedSocket
  readonly #key: number
  readonly #onClosed: (connection: TcpConnection) => void
  #upstream: UpstreamConnection | null = null
  readonly #toServer = new Flow()
  /** What the client said before the server was there. */
  #early: Buffer | null = null
  #ended = false
  #over = false
  #tried: number[] | null = null
  #clientHeld = false
  #serverHeld = false

  constructor(socket: Socket, frontend: FrontendSpec, backend: Backend, context: WorkerContext, onClosed: (c: TcpConnection) => void) {
    this.context = context
    this.frontend = frontend
    this.backend = backend
    this.#onClosed = onClosed
    this.address = plainAddress(socket.remoteAddress)
    this.port = socket.remotePort ?? 0
    this.#key = hashAddress(this.address)
    this.#socket = own(socket, this)
    this.#connect(backend.pick(this.#key, null))
  }

  #connect(server: Server | null): void {
    if (server === null) return this.#end('no_server')
    this.server = server
    server.begin()
    this.#upstream = server.take(true)
    this.#upstream.user = this
    this.context.clock.arm(this, this.backend.spec.timeouts.connect)
  }

  onUpstreamReady(): void {
    this.connectedAt = performance.now()
    this.#progress()
    const early = this.#early
    this.#early = null
    if (early !== null) {
      this.#toServer.send(this.#upstream!.socket, early, 0, early.length)
      resumeReading(this.#socket)
    }
    if (this.#ended) this.#upstream!.socket.end()
  }

  #progress(): void {
    this.context.clock.arm(this, this.backend.spec.timeouts.tunnel)
  }

  // From the client to the server.

  nextBuffer(): Buffer {
    return this.#toServer.nextBuffer()
  }

  onBytes(buffer: Buffer, n: number): boolean {
    const upstream = this.#upstream
    if (upstream === null) return false
    this.bytesIn += n
    if (!upstream.ready) {
      const piece = buffer.subarray(0, n)
      this.#early = this.#early === null ? Buffer.from(piece) : Buffer.concat([this.#early, piece])
      return false
    }
    this.#progress()
    if (n === READ_BUFFER) this.#toServer.bulk()
    const goOn = this.#toServer.send(upstream.socket, buffer, 0, n)
    this.#clientHeld = !goOn
    return goOn
  }

  onUpstreamDrain(): void {
    if (!this.#clientHeld) return
    this.#clientHeld = false
    resumeReading(this.#socket)
  }

  onEnd(): void {
    this.#ended = true
    if (this.#upstream?.ready === true) this.#upstream.socket.end()
  }

  // From the server to the client.

  onUpstreamBytes(buffer: Buffer, n: number): boolean {
    this.bytesOut += n
    this.#progress()
    const { flow } = this.#upstream!
    if (n === READ_BUFFER) flow.bulk()
    const goOn = flow.send(this.#socket, buffer, 0, n)
    this.#serverHeld = !goOn
    return goOn
  }

  onDrain(): void {
    if (!this.#serverHeld) return
    this.#serverHeld = false
    this.#upstream?.resume()
  }

  onUpstreamEnd(): void {
    this.#socket.end()
  }

  // The end.

  onUpstreamClosed(error: NodeJS.ErrnoException | null): void {
    if (this.connectedAt === 0) return this.#unreachable('connect_refused')
    this.#end(error === null ? null : 'server_aborted')
  }

  onClosed(error: NodeJS.ErrnoException | null): void {
    this.#end(error === null ? null : 'client_gone')
    this.#onClosed(this)
  }

  onDeadline(): void {
    if (this.connectedAt === 0) this.#unreachable('connect_timeout')
    else this.#end('tunnel_timeout')
  }

  #unreachable(reason: ReasonCode): void {
    const failed = this.server!
    this.context.row.counters.server.connectErrors[failed.slot]!++
    const tried = (this.#tried ??= [])
    tried.push(failed.slot)
    const next = tried.length > this.backend.spec.retries ? null : this.backend.pick(this.#key, tried)
    if (next === null) return this.#end(reason)
    this.#dropUpstream()
    this.context.row.counters.backend.redispatches[this.backend.spec.slot]!++
    this.#connect(next)
  }

  #dropUpstream(): void {
    if (this.#upstream === null) return
    this.#upstream.destroy()
    this.#upstream = null
    this.server!.end()
  }

  /** @param reason null: both sides are done. Called once for each connection, whatever ends it first */
  #end(reason: ReasonCode | null): void {
    if (this.#over) return
    this.#over = true
    this.context.clock.disarm(this)
    this.#dropUpstream()
    if (reason === null || this.#socket.destroyed) this.#socket.destroySoon()
    else this.#socket.resetAndDestroy()
    this.#record(reason)
  }

  #record(reason: ReasonCode | null): void {
    const { row } = this.context
    const { slot } = this.frontend
    const backend = this.backend.spec.slot
    row.counters.frontend.bytesIn[slot]! += this.bytesIn
    row.counters.frontend.bytesOut[slot]! += this.bytesOut
    row.counters.backend.requests[backend]!++
    row.counters.backend.bytesIn[backend]! += this.bytesIn
    row.counters.backend.bytesOut[backend]! += this.bytesOut
    if (this.server !== null) {
      row.counters.server.requests[this.server.slot]!++
      row.counters.server.bytesIn[this.server.slot]! += this.bytesIn
      row.counters.server.bytesOut[this.server.slot]! += this.bytesOut
    }
    if (reason === null) return
    row.tables.frontend.reasons[slot * reasonCodes.length + reasonIndex[reason]]!++
    row.tables.backend.reasons[backend * reasonCodes.length + reasonIndex[reason]]!++
  }

  /** Called when the worker stops: a tcp connection lives on until its own end or the end of the worker. */
  drain(): void {}
}
