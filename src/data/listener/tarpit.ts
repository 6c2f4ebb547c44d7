// Where connections of a source that is over its rate wait for their refusal: the answer to a client that comes back at
// once is what it is slowed down by. So many at a time, and the oldest go first when more come: an attacker can make it
// useless, but not make it costly.
import type { Millis } from '../../model/units.ts'
import type { Clock } from '../io/clock.ts'
import type { Held, Room } from './held.ts'

/** Connections that one worker holds back at a time. */
const MAX_HELD_BACK = 1024

export class Tarpit implements Room {
  readonly #clock: Clock
  readonly #most: number
  readonly #held = new Set<Held>()

  constructor(clock: Clock, most = MAX_HELD_BACK) {
    this.#clock = clock
    this.#most = most
  }

  hold(held: Held, span: Millis): void {
    if (this.#held.size >= this.#most) {
      for (const oldest of this.#held) {
        this.onTimeOver(oldest)
        break
      }
    }
    held.room = this
    this.#held.add(held)
    this.#clock.arm(held, span)
  }

  leave(held: Held): void {
    this.#clock.disarm(held)
    this.#held.delete(held)
    held.room = null
  }

  onTimeOver(held: Held): void {
    this.leave(held)
    held.host.turnAway(held)
  }

  onDrain(held: Held): void {
    this.onTimeOver(held)
  }
}
