// At what idle age a server closes kept-alive connections, learnt from those that it closed. A request that is sent while
// the server closes is lost, or must be sent again where that is allowed; so connections are given up a little earlier than
// the server would. Pure: ages and times come in, limits go out; one object per server and worker.
//
// A server that closes after T idle never lets a connection get older, so no close is seen at an age above T, but for the
// delay with which it is seen. Younger ones are common: a restart closes everything at once, whatever its age. Hence:
// - Closes in one burst, less than 50 ms apart, are one event, at the age of the oldest: at a restart that is the one that
//   says most, and when connections that became idle together reach T together, all say the same.
// - One event may be an accident. Two near each other are believed, and the lowest such age is taken for T.
// - One event alone is a suspicion: requests that can't be repeated keep well below it, others ignore it.
// - Only the last eight events count, and none older than ten minutes. That a connection reached an age is an event too (the
//   pool keeps one out of use to see how old it gets): so the estimate follows a server that waits longer than before.

/** Closes that follow each other within this many ms are one event... */
const BURST_GAP = 50
/** ...which lasts no longer than this: closes may come thick when there is no restart at all. */
const BURST_MAX = 1000
const EVENTS = 8
const MEMORY = 600_000
/** Two ages are near each other when they differ by no more than this part of the older one, or by so many ms. */
const NEAR_PART = 0.25
const NEAR_MS = 20
/** How much earlier than the server we give up: a part of T and at least so many ms, but no more than half of T. */
const MARGIN_PART = 0.1
const MARGIN_MS = 250

/** While nothing is known, requests that can't be repeated use what was idle for so many ms at most: no server is known
 *  that closes so soon. */
export const SURELY_OPEN = 1000

export class IdleAge {
  /** In ms: connections idle for longer are not used any more. Infinity: nothing is known. */
  limit = Infinity
  /** In ms: the same for requests that can't be repeated. */
  sure = SURELY_OPEN
  readonly #ages = new Float64Array(EVENTS)
  readonly #times = new Float64Array(EVENTS).fill(-Infinity)
  /** Place of the latest event. */
  #latest = 0
  #burstFrom = -Infinity
  #lastClose = -Infinity
  /** When an event will be too old. */
  #fadesAt = Infinity

  /**
   * The server has closed a connection that was idle, or one on which a request had just been sent.
   * @param age how long it had been idle, in ms
   * @param now in ms, of any clock that does not go back
   */
  closed(age: number, now: number): void {
    const sameBurst = now - this.#lastClose < BURST_GAP && now - this.#burstFrom < BURST_MAX
    this.#lastClose = now
    if (!sameBurst) {
      this.#burstFrom = now
      return this.#add(age, now)
    }
    if (age <= this.#ages[this.#latest]!) return
    this.#ages[this.#latest] = age
    this.#judge(now)
  }

  /** A connection was idle for so long, and the server has not closed it. */
  lasted(age: number, now: number): void {
    this.#lastClose = -Infinity // the next close does not belong to what was before
    this.#add(age, now)
  }

  /** Forgets what is too old. To be called now and then. */
  fade(now: number): void {
    if (now >= this.#fadesAt) this.#judge(now)
  }

  #add(age: number, now: number): void {
    this.#latest = (this.#latest + 1) % EVENTS
    this.#ages[this.#latest] = age
    this.#times[this.#latest] = now
    this.#judge(now)
  }

  #judge(now: number): void {
    let believed = Infinity
    let suspected = Infinity
    let oldest = Infinity
    for (let i = 0; i < EVENTS; i++) {
      if (now - this.#times[i]! >= MEMORY) continue
      const age = this.#ages[i]!
      if (this.#times[i]! < oldest) oldest = this.#times[i]!
      if (age < suspected) suspected = age
      if (age < believed && this.#isConfirmed(i, now)) believed = age
    }
    this.#fadesAt = oldest + MEMORY
    this.limit = believed - marginOf(believed)
    const known = believed === Infinity ? SURELY_OPEN : this.limit
    this.sure = suspected < believed ? Math.min(known, suspected / 2) : known
  }

  #isConfirmed(event: number, now: number): boolean {
    const age = this.#ages[event]!
    for (let i = 0; i < EVENTS; i++) {
      if (i === event || now - this.#times[i]! >= MEMORY) continue
      const other = this.#ages[i]!
      if (Math.abs(age - other) <= Math.max(NEAR_MS, NEAR_PART * Math.max(age, other))) return true
    }
    return false
  }
}

function marginOf(age: number): number {
  if (age === Infinity) return 0
  return Math.min(age / 2, Math.max(MARGIN_MS, age * MARGIN_PART))
}
