// What has been written to a client and is not taken yet, when there is nothing more to say: the end of a response, or of the
// last one. A client that leaves it lying costs memory as long as it likes, unless it is held against the lowest rate and
// the idle limit as it was before. Looked at by the client's connection, every few seconds.
import type { FrontendSpec } from '../../messages/snapshot.ts'
import type { ReasonCode } from '../../model/reasons.ts'
import type { Clock } from '../io/clock.ts'
import { unsentBytes } from '../io/socket.ts'
import type { OwnedSocket } from '../io/socket-owner.ts'
import { Pace } from './pace.ts'

/** Asks the handle last, because most answers are taken at once. */
export const hasLeftover = (socket: OwnedSocket): boolean =>
  (socket.pendingWrite !== null || socket.writableLength > 0) && unsentBytes(socket) > 0

export class Leftover {
  readonly #socket: OwnedSocket
  readonly #clock: Clock
  readonly #spec: FrontendSpec
  readonly #pace = new Pace()

  /** @param spec with a lowest rate */
  constructor(socket: OwnedSocket, clock: Clock, spec: FrontendSpec) {
    this.#socket = socket
    this.#clock = clock
    this.#spec = spec
  }

  /** From now on it is the client's turn. */
  start(): void {
    const before = -unsentBytes(this.#socket)
    const { limits, timeouts } = this.#spec
    this.#pace.start(limits.bodyRate, timeouts.bodyGrace, this.#clock.time, before, true)
    this.#pace.tooSlow(this.#clock.time, before, true)
  }

  /** @param unsent bytes that are left. @returns why the client is to be cut off, or null */
  complaint(unsent: number): ReasonCode | null {
    const { time } = this.#clock
    if (this.#pace.tooSlow(time, -unsent, true)) return 'client_too_slow'
    return this.#pace.silence(time) >= this.#spec.timeouts.clientIdle ? 'client_stalled' : null
  }
}
