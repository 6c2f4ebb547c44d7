// How fast a peer sends or takes what it is waited for, held against a lowest rate: against the client that keeps a place
// with a byte now and then, which no idle limit ever ends. It is a credit of time. Waiting for the peer uses it up, bytes
// earn it again, and whoever has none left was too slow on average. A pause after good progress is forgiven; time in which
// the peer waits for somebody else costs it nothing, provided that the owner says so. No clock and no timer of its own.
import { ms } from '../../model/units.ts'

/** How often to look while nothing happens. */
export const PACE_LOOK = ms(2000)
/** The longest pause that progress so far makes up for, as a multiple of the credit at first. */
const AT_MOST = 3
/** In bytes: as much may have gone into the system's buffer unseen, or have been taken from it. */
const LUMP = 65_536

export class Pace {
  /** What one byte earns, in ms. */
  #perByte = 0
  #credit = 0
  #lookedAt = 0
  #bytes = 0
  /** performance.now() or the like when bytes had last come further. */
  #movedAt = 0
  /** The time from the last look on is the peer's. */
  #waiting = false
  /** In ms. */
  #most = 0

  /**
   * A transfer begins.
   * @param rate bytes a second, more than 0
   * @param grace credit at first, in ms
   * @param now ms of any clock, the same for all calls
   * @param bytes so far, by the count that `tooSlow` will get
   * @param lumps the system's send buffer stands between: for long it takes nothing, and then much at once. So a lump is
   * granted in advance, as the time that it takes at the lowest rate
   */
  start(rate: number, grace: number, now: number, bytes: number, lumps: boolean): void {
    this.#perByte = 1000 / rate
    const granted = lumps ? LUMP * this.#perByte : 0
    this.#credit = Math.max(grace, granted)
    this.#most = Math.max(AT_MOST * grace, granted)
    this.#lookedAt = this.#movedAt = now
    this.#bytes = bytes
    this.#waiting = false
  }

  /**
   * To be asked whenever bytes have passed, whenever another side is waited for, and every few seconds in between.
   * @param bytes that the peer has sent or taken so far
   * @param waiting from now on the peer is what is waited for
   */
  tooSlow(now: number, bytes: number, waiting: boolean): boolean {
    const moved = bytes - this.#bytes
    if (this.#waiting) this.#credit -= now - this.#lookedAt
    this.#credit = Math.min(this.#credit + moved * this.#perByte, this.#most)
    if (moved !== 0) this.#movedAt = now
    this.#lookedAt = now
    this.#bytes = bytes
    this.#waiting = waiting
    return this.#credit < 0
  }

  /** For how long no byte has passed, in ms. */
  silence(now: number): number {
    return now - this.#movedAt
  }
}
