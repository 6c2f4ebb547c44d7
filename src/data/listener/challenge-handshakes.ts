// The handshakes of authorities that look for the answer to a challenge (data/tls/challenge-contexts.ts). What one wants to know
// it has seen when the handshake is done; the connection ends then (RFC 8737, section 4). It is no client: nothing of
// it is held against the limits of a client's handshake, or logged.
import { reasonCell } from '../../scoreboard/reasons.ts'
import type { WorkerContext } from '../context.ts'
import type { Handshake, HandshakeHost } from './handshake.ts'

export class ChallengeHandshakes implements HandshakeHost {
  readonly #context: WorkerContext
  readonly #onClosed: (handshake: Handshake) => void

  constructor(context: WorkerContext, onClosed: (handshake: Handshake) => void) {
    this.#context = context
    this.#onClosed = onClosed
  }

  onSecure({ socket, frontend }: Handshake): void {
    this.#context.row.counters.frontend.handshakes[frontend.slot]!++
    socket.destroySoon()
  }

  onOver(handshake: Handshake): void {
    const { isSecure, frontend } = handshake
    if (!isSecure) this.#context.row.tables.frontend.reasons[reasonCell(frontend.slot, 'tls_handshake')]!++
    this.#onClosed(handshake)
  }
}
