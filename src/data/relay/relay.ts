// Two sockets, joined: bytes pass both ways as they are, with backpressure and half-close, until both sides are done.
// Used for tcp frontends and for what an Upgrade turns into. Nothing is parsed; who is on the other end was settled before.
import type { ReasonCode } from '../../model/reasons.ts'
import type { Millis } from '../../model/units.ts'
import type { Clock, Timed } from '../io/clock.ts'
import { Flow } from '../io/flow.ts'
import { breakOff, own, resumeReading } from '../io/socket.ts'
import { READ_BUFFER, type OwnedSocket, type SocketOwner } from '../io/socket-owner.ts'
import type { UpstreamConnection, UpstreamUser } from '../upstream/connection.ts'

export interface RelayHost {
  /** The client's connection is closed. */
  onRelayClientClosed(): void
  /** Both sides are closed. @param reason null: in order */
  onRelayOver(relay: Relay, reason: ReasonCode | null): void
}

export class Relay implements SocketOwner, UpstreamUser, Timed {
  due = 0
  wheelTick = 0
  wheelNext: Timed | null = null
  wheelPrevious: Timed | null = null
  bytesIn = 0
  bytesOut = 0
  readonly #client: OwnedSocket
  readonly #upstream: UpstreamConnection
  readonly #clock: Clock
  /** Longest silence of both sides together. */
  readonly #span: Millis
  readonly #host: RelayHost
  readonly #toServer = new Flow()
  #clientHeld = false
  #serverHeld = false
  #clientClosed = false
  #serverClosed = false
  #reason: ReasonCode | null = null

  /** Takes over both sockets; the server's is connected. */
  constructor(client: OwnedSocket, upstream: UpstreamConnection, clock: Clock, span: Millis, host: RelayHost) {
    this.#client = own(client, this)
    this.#upstream = upstream
    this.#clock = clock
    this.#span = span
    this.#host = host
    upstream.user = this
    clock.arm(this, span)
  }

  /** Passes on what was read from the client before. @param ended the client has closed its side already */
  begin(early: Buffer | null, ended: boolean): void {
    if (early !== null) this.#clientHeld = !this.onBytes(early, early.length)
    if (ended) this.onEnd()
    if (!this.#clientHeld) resumeReading(this.#client)
  }

  // From the client to the server.

  nextBuffer(): Buffer {
    return this.#toServer.nextBuffer()
  }

  onBytes(buffer: Buffer, n: number): boolean {
    if (this.#serverClosed) return false
    this.bytesIn += n
    this.#clock.arm(this, this.#span)
    if (n === READ_BUFFER) this.#toServer.bulk()
    const goOn = this.#toServer.send(this.#upstream.socket, buffer, 0, n)
    this.#clientHeld = !goOn
    return goOn
  }

  onUpstreamDrain(): void {
    if (!this.#clientHeld) return
    this.#clientHeld = false
    this.#clock.arm(this, this.#span)
    resumeReading(this.#client)
  }

  onEnd(): void {
    this.#upstream.socket.end()
  }

  onClosed(error: NodeJS.ErrnoException | null): void {
    this.#clientClosed = true
    this.#host.onRelayClientClosed()
    if (error !== null) this.#reason ??= 'client_gone'
    if (this.#serverClosed) return this.#finish()
    if (this.#reason === null) this.#upstream.socket.destroySoon()
    else breakOff(this.#upstream.socket)
  }

  // From the server to the client.

  onUpstreamReady(): void {}

  onUpstreamBytes(buffer: Buffer, n: number): boolean {
    return this.passToClient(buffer, 0, n)
  }

  /** @returns whether to read on from the server */
  passToClient(buffer: Buffer, at: number, end: number): boolean {
    if (this.#clientClosed) return false
    this.bytesOut += end - at
    this.#clock.arm(this, this.#span)
    const { flow } = this.#upstream
    if (end - at === READ_BUFFER) flow.bulk()
    const goOn = flow.send(this.#client, buffer, at, end)
    this.#serverHeld = !goOn
    return goOn
  }

  onDrain(): void {
    if (!this.#serverHeld) return
    this.#serverHeld = false
    this.#clock.arm(this, this.#span)
    this.#upstream.resume()
  }

  onUpstreamEnd(): void {
    this.#client.end()
  }

  onUpstreamClosed(error: NodeJS.ErrnoException | null): void {
    this.#serverClosed = true
    if (error !== null) this.#reason ??= 'server_aborted'
    if (this.#clientClosed) return this.#finish()
    if (this.#reason === null) this.#client.destroySoon()
    else breakOff(this.#client)
  }

  // The end.

  onDeadline(): void {
    this.#reason ??= 'tunnel_timeout'
    breakOff(this.#client)
    breakOff(this.#upstream.socket)
  }

  #finish(): void {
    this.#clock.disarm(this)
    this.#toServer.rest()
    this.#host.onRelayOver(this, this.#reason)
  }
}
