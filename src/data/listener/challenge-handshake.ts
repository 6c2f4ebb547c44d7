// The handshake of an authority that looks for the answer to a challenge (data/tls/challenge-contexts.ts). What it wants to
// know it has seen when the handshake is done; the connection ends then (RFC 8737, section 4). It is no client: nothing of
// it is held against the limits of a client's handshake, or logged.
import type { TLSSocket } from 'node:tls'
import type { FrontendSpec } from '../../messages/snapshot.ts'
import { reasonCell } from '../../scoreboard/reasons.ts'
import type { Source } from '../clients/source.ts'
import type { WorkerContext } from '../context.ts'
import type { Timed } from '../io/clock.ts'
import { own, sharedBuffer, type SocketOwner } from '../io/socket.ts'

export class ChallengeHandshake implements SocketOwner, Timed {
  due = 0
  wheelTick = 0
  wheelNext: Timed | null = null
  wheelPrevious: Timed | null = null
  readonly source: Source | null
  readonly #socket: TLSSocket
  readonly #frontend: FrontendSpec
  readonly #context: WorkerContext
  readonly #onOver: (handshake: ChallengeHandshake) => void
  #succeeded = false

  /** @param onOver called once, when the connection is closed */
  constructor(
    socket: TLSSocket,
    frontend: FrontendSpec,
    source: Source | null,
    context: WorkerContext,
    onOver: (handshake: ChallengeHandshake) => void,
  ) {
    this.#socket = socket
    this.#frontend = frontend
    this.source = source
    this.#context = context
    this.#onOver = onOver
    own(socket, this)
    socket.once('secure', () => this.#succeed())
    context.clock.arm(this, frontend.timeouts.tlsHandshake)
  }

  #succeed(): void {
    this.#succeeded = true
    this.#context.row.counters.frontend.handshakes[this.#frontend.slot]!++
    this.#socket.destroySoon()
  }

  onBytes(): boolean {
    return true
  }

  nextBuffer(): Buffer {
    return sharedBuffer
  }

  onEnd(): void {
    this.#socket.destroy()
  }

  onDrain(): void {}

  onClosed(): void {
    this.#context.clock.disarm(this)
    if (!this.#succeeded) {
      this.#context.row.tables.frontend.reasons[reasonCell(this.#frontend.slot, 'tls_handshake')]!++
    }
    this.#onOver(this)
  }

  onDeadline(): void {
    this.#socket.destroy()
  }

  drain(): void {}

  cutOff(): void {
    this.#socket.destroy()
  }
}
