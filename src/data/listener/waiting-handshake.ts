// A connection that has its place and whose TLS handshake has to wait for others (handshake-gate.ts). It is not read; what
// was read before it came here waits with it.
import type { Source } from '../clients/source.ts'
import type { Begun } from '../tls/hello-reader.ts'
import type { Arrival } from './arrival.ts'
import type { Connection } from './connections.ts'
import type { Entrant } from './handshake-gate.ts'

/** Whose connection it is. */
export interface WaitingHost {
  onTurn(waiting: WaitingHandshake): void
  /** It has waited for as long as it may. */
  onNoTurn(waiting: WaitingHandshake): void
  /** It is to end without a turn. */
  onCutOff(waiting: WaitingHandshake): void
}

export class WaitingHandshake implements Entrant, Connection {
  listIndex = -1
  readonly arrival: Arrival
  /** Null: nothing was read of it yet. */
  readonly begun: Begun | null
  readonly #host: WaitingHost

  constructor(arrival: Arrival, begun: Begun | null, host: WaitingHost) {
    this.arrival = arrival
    this.begun = begun
    this.#host = host
  }

  get source(): Source | null {
    return this.arrival.source
  }

  start(): void {
    this.#host.onTurn(this)
  }

  refuse(): void {
    this.#host.onNoTurn(this)
  }

  drain(): void {} // its turn may still come, or its time is soon over

  cutOff(): void {
    this.#host.onCutOff(this)
  }
}
