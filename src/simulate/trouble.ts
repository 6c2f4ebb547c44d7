// What a fault does to one server over time: a little clock that says when it changes next, and what it makes of the
// server until then. Several troubles of one server multiply (speeds) or add up (absent while any of them says so).
// It changes nothing itself: the engine reads `speed`, `share` and `absent` after each step.
import type { Random } from './random.ts'
import type { Fault } from './types.ts'

/** A ramp rises in so many steps: one per 0.5 % of its length. */
const RAMP_STEPS = 200

export class Trouble {
  readonly server: number
  /** When step() is due, in ms since the start of the simulation; Infinity: never again. */
  next: number
  /** Factor on the server's speed. */
  speed = 1
  /** This share of requests fails, `after` ms after they reached the server. */
  share = 0
  readonly after: number
  absent = false
  readonly #fault: Fault
  readonly #from: number
  readonly #to: number
  readonly #random: Random
  #steps = 0

  /** @param origin ms that the times of the fault count from: the end of the warm-up */
  constructor(fault: Fault, server: number, origin: number, random: Random) {
    this.server = server
    this.after = fault.kind === 'fail' ? fault.after : 0
    this.#fault = fault
    this.#from = Math.max(0, origin + fault.from)
    this.#to = Math.max(0, origin + fault.to)
    this.#random = random
    const first = fault.kind === 'stall' ? this.#from + random.exponential(fault.every) : this.#from
    this.next = first < this.#to ? first : Infinity
  }

  /** Time is `next`. */
  step(): void {
    const now = this.next
    this.next = now < this.#to ? Math.min(this.#begin(this.#fault, now), this.#to) : this.#end()
  }

  /** @returns when it changes again, if it is not over before */
  #begin(fault: Fault, now: number): number {
    switch (fault.kind) {
      case 'speed':
        this.speed = fault.speed
        return Infinity
      case 'ramp':
        this.speed = fault.speed + ((1 - fault.speed) * this.#steps++) / RAMP_STEPS
        return this.#from + ((this.#to - this.#from) * this.#steps) / RAMP_STEPS
      case 'stall':
        this.speed = this.#steps++ % 2 === 0 ? 0 : 1
        return now + (this.speed === 0 ? fault.pause : this.#random.exponential(fault.every))
      case 'fail':
        this.share = fault.share
        return Infinity
      case 'hang':
        this.speed = 0
        return Infinity
      case 'absent':
        this.absent = true
        return Infinity
    }
  }

  #end(): number {
    this.speed = 1
    this.share = 0
    this.absent = false
    return Infinity
  }
}
