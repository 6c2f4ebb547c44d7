// A connection whose TLS handshake is under way: it has a deadline and no protocol yet. Renegotiation and early data do
// not exist here, so bytes can come only when it is over.
import type { TLSSocket } from 'node:tls'
import type { Socket } from 'node:net'
import { reasonCell } from '../../scoreboard/reasons.ts'
import type { FrontendSpec } from '../../messages/snapshot.ts'
import type { Source } from '../clients/source.ts'
import type { WorkerContext } from '../context.ts'
import type { Timed } from '../io/clock.ts'
import { own, sharedBuffer, type SocketOwner } from '../io/socket.ts'
import type { Introduced } from '../proxy-protocol/header-reader.ts'

export class Handshake implements SocketOwner, Timed {
  due = 0
  wheelTick = 0
  wheelNext: Timed | null = null
  wheelPrevious: Timed | null = null
  readonly source: Source | null
  /** Null: it was not asked for a PROXY header. */
  introduced: Introduced | null = null
  readonly #socket: TLSSocket
  readonly #frontend: FrontendSpec
  readonly #context: WorkerContext
  readonly #onDone: (handshake: Handshake, socket: Socket | null) => void

  /** @param onDone called once, with the socket when the handshake has succeeded */
  constructor(
    socket: TLSSocket,
    frontend: FrontendSpec,
    source: Source | null,
    context: WorkerContext,
    onDone: (handshake: Handshake, socket: Socket | null) => void,
  ) {
    this.#socket = socket
    this.#frontend = frontend
    this.source = source
    this.#context = context
    this.#onDone = onDone
    own(socket, this)
    socket.once('secure', () => this.#succeed())
    context.clock.arm(this, frontend.timeouts.tlsHandshake)
  }

  #succeed(): void {
    this.#context.clock.disarm(this)
    const { counters } = this.#context.row
    counters.frontend.handshakes[this.#frontend.slot]!++
    if (this.#socket.isSessionReused()) counters.frontend.resumed[this.#frontend.slot]!++
    this.#onDone(this, this.#socket)
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
    if (this.introduced?.header?.local !== true) this.#countFailure()
    this.#onDone(this, null)
  }

  /** Of a client: the tier above may look whether the port is open, and no more. */
  #countFailure(): void {
    this.#context.row.tables.frontend.reasons[reasonCell(this.#frontend.slot, 'tls_handshake')]!++
  }

  onDeadline(): void {
    this.#socket.destroy()
  }

  drain(): void {}

  cutOff(): void {
    this.#socket.destroy()
  }
}
