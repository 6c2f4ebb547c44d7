// A connection whose TLS handshake is under way: it has a deadline and no protocol yet. Renegotiation and early data do
// not exist here, so bytes can come only when it is over. What becomes of it, done or not, is the business of its host, of
// which there is one for each kind: client-handshakes.ts and challenge-handshakes.ts.
import type { Millis } from '../../model/units.ts'
import type { FrontendSpec } from '../../messages/snapshot.ts'
import type { Source } from '../clients/source.ts'
import type { Clock, Timed } from '../io/clock.ts'
import { own } from '../io/socket.ts'
import { sharedBuffer, type SocketOwner } from '../io/socket-owner.ts'
import type { Introduced } from '../proxy-protocol/header-reader.ts'
import type { AcceptedSocket } from '../tls/accept.ts'
import type { Refusal } from '../tls/client-refusal.ts'

/** Whose handshakes they are. */
export interface HandshakeHost {
  /** It is done. The connection still ends by the deadline, unless it is released. */
  onSecure(handshake: Handshake): void
  /** The connection is closed, and was not released. Called once. */
  onOver(handshake: Handshake, error: NodeJS.ErrnoException | null): void
}

export class Handshake implements SocketOwner, Timed {
  due = 0
  wheelTick = 0
  wheelNext: Timed | null = null
  wheelPrevious: Timed | null = null
  /** In the list of its bind (listener/connections.ts). */
  listIndex = -1
  readonly socket: AcceptedSocket
  /** As it was when the handshake began. */
  readonly frontend: FrontendSpec
  readonly source: Source | null
  /** Null: it was not asked for a PROXY header. */
  introduced: Introduced | null = null
  isSecure = false
  /** Why the certificate that the client has shown is no good; null: it is, or is not known yet. */
  refusal: Refusal | null = null
  readonly #clock: Clock
  readonly #host: HandshakeHost

  constructor(
    socket: AcceptedSocket,
    frontend: FrontendSpec,
    source: Source | null,
    clock: Clock,
    host: HandshakeHost,
  ) {
    this.socket = socket
    this.frontend = frontend
    this.source = source
    this.#clock = clock
    this.#host = host
    own(socket, this)
    if (socket.clientAuth !== null) void socket.remoteAddress // Node keeps it from now on, for when the connection has ended
    socket.once('secure', () => this.#onSecure())
    clock.arm(this, frontend.timeouts.tlsHandshake)
  }

  #onSecure(): void {
    this.isSecure = true
    this.#host.onSecure(this)
  }

  /** This is all the time that it has from now on. */
  endWithin(timeLeft: Millis): void {
    this.#clock.arm(this, timeLeft)
  }

  /** The connection is somebody else's now. */
  release(): void {
    this.#clock.disarm(this)
  }

  onBytes(): boolean {
    return true
  }

  nextBuffer(): Buffer {
    return sharedBuffer
  }

  onEnd(): void {
    this.socket.destroy()
  }

  onDrain(): void {}

  onClosed(error: NodeJS.ErrnoException | null): void {
    this.#clock.disarm(this)
    this.#host.onOver(this, error)
  }

  onDeadline(): void {
    this.socket.destroy()
  }

  drain(): void {}

  cutOff(): void {
    this.socket.destroy()
  }
}
