// How many TLS handshakes a bind has under way at a time on this worker. A handshake is the dearest thing that a client can
// ask for before anybody knows who it is; past the limit connections wait, accepted but not read, and begin in the order in
// which they came. As many may wait as may be under way; one that finds no room, or has waited for as long as a handshake
// may take, is refused. Without a limit nothing is kept and nothing waits. The gate knows no sockets: what waits says
// itself how it begins and how it is refused.
import type { Clock, Timed } from '../io/clock.ts'
import type { Millis } from '../../model/units.ts'

/** A connection whose handshake may have to wait. One of the two is called, once, unless it withdraws. */
export interface Entrant {
  /** Its turn: it counts as being under way from now on. */
  start(): void
  /** It has waited in vain. */
  refuse(): void
}

/** `go`: at once. `waits`: start() or refuse() follows. `full`: there is no room to wait in either. */
export type Entry = 'go' | 'waits' | 'full'

export class HandshakeGate implements Timed {
  due = 0
  wheelTick = 0
  wheelNext: Timed | null = null
  wheelPrevious: Timed | null = null
  readonly #clock: Clock
  /** 0: any number. */
  #most: number
  #patience: Millis
  #underWay = 0
  /** In the order in which they came, with the time until which they wait, in ms of the clock. */
  readonly #line = new Map<Entrant, number>()

  /** @param most handshakes under way; 0: any number. @param patience how long one waits */
  constructor(clock: Clock, most: number, patience: Millis) {
    this.#clock = clock
    this.#most = most
    this.#patience = patience
  }

  /** Goes by other limits. Those that wait keep the time that they were given. */
  follow(most: number, patience: Millis): void {
    this.#most = most
    this.#patience = patience
    this.#admit()
  }

  get underWay(): number {
    return this.#underWay
  }

  get waiting(): number {
    return this.#line.size
  }

  /** At once or not at all, which spares it an entrant. @returns whether it may go, as after `go` */
  pass(): boolean {
    if (this.#most !== 0 && (this.#underWay >= this.#most || this.#line.size > 0)) return false
    this.#underWay++
    return true
  }

  /** Who may go calls leave() when its handshake is over, whatever came of it. */
  enter(entrant: Entrant): Entry {
    if (this.pass()) return 'go'
    if (this.#line.size >= this.#most) return 'full'
    this.#line.set(entrant, this.#clock.time + this.#patience)
    if (this.#line.size === 1) this.#clock.arm(this, this.#patience)
    return 'waits'
  }

  /** A handshake is over. */
  leave(): void {
    this.#underWay--
    if (this.#line.size > 0) this.#admit()
  }

  /** Its connection is gone, or to be ended; nothing is called any more. */
  withdraw(entrant: Entrant): void {
    this.#line.delete(entrant)
  }

  #admit(): void {
    for (const entrant of this.#line.keys()) {
      if (this.#most !== 0 && this.#underWay >= this.#most) break
      this.#line.delete(entrant)
      this.#underWay++
      entrant.start()
    }
    if (this.#line.size === 0) this.#clock.disarm(this)
  }

  /** All have about the same patience, so that those whose time is over are at the head. */
  onDeadline(): void {
    for (const [entrant, until] of this.#line) {
      const left = until - this.#clock.time
      if (left > 0) {
        this.#clock.arm(this, left as Millis)
        return
      }
      this.#line.delete(entrant)
      entrant.refuse()
    }
  }
}
