// A connection whose TLS handshake is under way: it has a deadline and no protocol yet. Renegotiation and early data do
// not exist here, so bytes can come only when it is over. A client that had to show a certificate is asked for it here
// (tls/client-auth.ts), and what becomes of a handshake is counted: by what it failed, and apart from that, where a certificate
// is on trial, whether clients take it.
import type { Socket } from 'node:net'
import type { ReasonCode } from '../../model/reasons.ts'
import { reasonCell } from '../../scoreboard/reasons.ts'
import type { FrontendSpec } from '../../messages/snapshot.ts'
import type { Source } from '../clients/source.ts'
import type { WorkerContext } from '../context.ts'
import type { Timed } from '../io/clock.ts'
import { own, sharedBuffer, type SocketOwner } from '../io/socket.ts'
import type { Introduced } from '../proxy-protocol/header-reader.ts'
import type { AcceptedSocket } from '../tls/accept.ts'

/** Alerts by which a client ends a handshake because of our certificate (RFC 8446, section 6.2), as OpenSSL names them. */
const ABOUT_CERTIFICATE = /ALERT_(?:BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_|UNKNOWN_CA|ACCESS_DENIED)/
const NONE_SHOWN = 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE'

export class Handshake implements SocketOwner, Timed {
  due = 0
  wheelTick = 0
  wheelNext: Timed | null = null
  wheelPrevious: Timed | null = null
  readonly source: Source | null
  /** Null: it was not asked for a PROXY header. */
  introduced: Introduced | null = null
  readonly #socket: AcceptedSocket
  readonly #frontend: FrontendSpec
  readonly #context: WorkerContext
  readonly #onDone: (handshake: Handshake, socket: Socket | null) => void
  /** Its certificate was no good. */
  #notAdmitted = false

  /** @param onDone called once, with the socket when the handshake has succeeded */
  constructor(
    socket: AcceptedSocket,
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
    const { clientAuth, choice } = this.#socket
    if (clientAuth !== null && !clientAuth.admits(this.#socket)) {
      this.#notAdmitted = true
      this.#socket.destroy()
      return
    }
    this.#context.clock.disarm(this)
    const { frontend } = this.#context.row.counters
    const { slot } = this.#frontend
    frontend.handshakes[slot]!++
    if (this.#socket.isSessionReused()) frontend.resumed[slot]!++
    else if (choice !== null && choice.onTrial) frontend.canaryHandshakes[slot]!++
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

  onClosed(error: NodeJS.ErrnoException | null): void {
    this.#context.clock.disarm(this)
    if (this.introduced?.header?.local !== true) this.#countFailure(error?.code ?? '')
    this.#onDone(this, null)
  }

  /** Of a client: the tier above may look whether the port is open, and no more. */
  #countFailure(code: string): void {
    const { counters, tables } = this.#context.row
    const { slot } = this.#frontend
    tables.frontend.reasons[reasonCell(slot, this.#reasonFor(code))]!++
    if (!ABOUT_CERTIFICATE.test(code)) return
    if (this.#socket.choice?.onTrial === true) counters.frontend.canaryRefusals[slot]!++
    else counters.frontend.certificateRefusals[slot]!++
  }

  #reasonFor(code: string): ReasonCode {
    if (this.#notAdmitted || code === NONE_SHOWN) return 'client_certificate'
    return this.#socket.choice?.refused === true ? 'no_certificate' : 'tls_handshake'
  }

  onDeadline(): void {
    this.#socket.destroy()
  }

  drain(): void {}

  cutOff(): void {
    this.#socket.destroy()
  }
}
