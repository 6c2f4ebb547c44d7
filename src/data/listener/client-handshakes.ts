// The handshakes of clients on one bind. A client that had to show a certificate is asked for it here (tls/client-auth.ts) and
// told what is wrong with it, and what becomes of a handshake is counted: by what it failed, and apart from that, where a
// certificate is on trial, whether clients take it.
import type { ReasonCode } from '../../model/reasons.ts'
import { ms } from '../../model/units.ts'
import { reasonCell } from '../../scoreboard/reasons.ts'
import type { WorkerContext } from '../context.ts'
import { Peer } from '../proxy-protocol/peer.ts'
import { forgetAlert, sendAlert } from '../tls/alert.ts'
import { MISSING, type Refusal } from '../tls/client-refusal.ts'
import { headerOf } from './arrival.ts'
import type { Handshake, HandshakeHost } from './handshake.ts'

/** Alerts by which a client ends a handshake because of our certificate (RFC 8446, section 6.2), as OpenSSL names them. */
const ABOUT_CERTIFICATE = /ALERT_(?:BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_|UNKNOWN_CA|ACCESS_DENIED)/
/** For a client that is refused, to read the alert and go away. */
const ALERT_TIME = ms(1000)
const NONE_SHOWN = 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE'

export class ClientHandshakes implements HandshakeHost {
  readonly #context: WorkerContext
  readonly #onDone: (handshake: Handshake, succeeded: boolean) => void

  /** @param onDone called once for each: released and ready for its protocol, or closed */
  constructor(context: WorkerContext, onDone: (handshake: Handshake, succeeded: boolean) => void) {
    this.#context = context
    this.#onDone = onDone
  }

  onSecure(handshake: Handshake): void {
    const { socket } = handshake
    const { clientAuth, choice } = socket
    if (clientAuth !== null) {
      const refusal = clientAuth.refusalOf(socket)
      if (refusal !== null) return refuse(handshake, refusal)
      forgetAlert(socket)
    }
    handshake.release()
    const { frontend } = this.#context.row.counters
    const { slot } = handshake.frontend
    frontend.handshakes[slot]!++
    if (socket.isSessionReused()) frontend.resumed[slot]!++
    else if (choice !== null && choice.onTrial) frontend.canaryHandshakes[slot]!++
    this.#onDone(handshake, true)
  }

  /** The tier above may look whether the port is open, and no more: it is no client. */
  onOver(handshake: Handshake, error: NodeJS.ErrnoException | null): void {
    if (handshake.introduced?.header?.local !== true) this.#countFailure(handshake, error?.code ?? '')
    this.#onDone(handshake, false)
  }

  #countFailure(handshake: Handshake, code: string): void {
    const { counters, tables } = this.#context.row
    const { slot } = handshake.frontend
    const reason = reasonFor(handshake, code)
    tables.frontend.reasons[reasonCell(slot, reason)]!++
    if (handshake.refusal !== null || reason === MISSING.reason) this.#note(handshake, reason)
    if (!ABOUT_CERTIFICATE.test(code)) return
    if (handshake.socket.choice?.onTrial === true) counters.frontend.canaryRefusals[slot]!++
    else counters.frontend.certificateRefusals[slot]!++
  }

  /** Where clients are known by name, whoever is not let in is looked for. */
  #note(handshake: Handshake, reason: ReasonCode): void {
    this.#context.failures.note({
      at: Date.now(),
      reason,
      frontend: handshake.frontend.name,
      backend: '',
      server: '',
      address: new Peer(handshake.socket, headerOf(handshake)).address,
      request: '',
      status: 0,
    })
  }
}

/** It is told why, and has a moment to read it, while what it still sends is dropped. */
function refuse(handshake: Handshake, refusal: Refusal): void {
  handshake.refusal = refusal
  if (sendAlert(handshake.socket, refusal.alert)) handshake.endWithin(ALERT_TIME)
  else handshake.socket.destroy()
}

function reasonFor({ refusal, socket }: Handshake, code: string): ReasonCode {
  if (refusal !== null) return refusal.reason
  if (code === NONE_SHOWN) return MISSING.reason
  return socket.choice?.refused === true ? 'no_certificate' : 'tls_handshake'
}
