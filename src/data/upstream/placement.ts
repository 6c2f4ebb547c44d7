// How one request (http) or connection (tcp) comes to a server: at once, after a wait in the queue, or, when an attempt has
// failed, on another server, or on the same one after a pause. One object per client connection, used again; what happens
// on the server then is the owner's business, and is told here by `attempt`.
//
//   begin --room--> placed --again()--> placed on another server | pausing --> placed | waiting
//         --none--> waiting --turn--> placed;  waiting --deadline--> refused;  any --leave()--> over
import { performance } from 'node:perf_hooks'
import type { ReasonCode } from '../../model/reasons.ts'
import { ms, type Millis } from '../../model/units.ts'
import type { Dice } from '../../balance/types.ts'
import { Attempt } from './attempt.ts'
import type { Backend } from './backend.ts'
import type { Line, Waiting } from './queue.ts'
import type { Server } from './server.ts'

/** Whose way to a server it is. */
export interface Placed {
  /** After a wait: a server is there, and an attempt on it has begun. @param at performance.now() */
  onPlace(server: Server, at: number): void
  /** After a wait: there is no place for it. */
  onNoPlace(reason: ReasonCode): void
  /** It waits: `onDeadline` of the placement is to be called after this span. */
  onWait(span: Millis): void
}

/** A pause doubles with each try on the same server, up to this. */
const LONGEST_PAUSE = 2000

const IDLE = 0
const WAITING = 1
const PAUSING = 2

export class Placement implements Waiting {
  readonly attempt = new Attempt()
  backend: Backend | null = null
  /** The present one, or the last. */
  server: Server | null = null
  /** Further tries so far. */
  retries = 0
  /** ms in the queue, over all tries. */
  queueTime = 0
  /** Why there is no server, when begin() had none and nothing waits. */
  refusal: ReasonCode = 'no_server'
  ticket = 0
  line: Line | null = null
  queueNext: Waiting | null = null
  queuePrevious: Waiting | null = null
  high = false
  home = -1
  readonly #owner: Placed
  #state = IDLE
  #key = 0
  /** Slots on which it has failed. */
  #tried: number[] | null = null
  #since = 0
  #pauses = 0

  constructor(owner: Placed) {
    this.#owner = owner
  }

  /** Begun, and neither over nor on a server: it is in the queue, or pauses. */
  get waits(): boolean {
    return this.#state === WAITING || this.#state === PAUSING
  }

  /** Nothing has been tried yet. */
  reset(): void {
    this.backend = this.server = null
    this.#tried = null
    this.#state = IDLE
    this.retries = this.queueTime = this.#pauses = 0
  }

  /**
   * Looks for a server.
   * @param key what the choice sticks to
   * @param home slot of the server that the client belongs to; -1: any will do
   * @param at performance.now()
   * @returns a server on which an attempt has begun; null: it `waits`, or there is none: `refusal`
   */
  begin(backend: Backend, key: number, home: number, high: boolean, at: number): Server | null {
    this.backend = backend
    this.#key = key
    this.home = home
    this.high = high
    backend.budget.request(at)
    if (backend.queue?.hasBefore(high, home) !== true) {
      const server = this.#place(at)
      if (server !== null) return server
    }
    this.#wait(at)
    return null
  }

  /** @returns a server on which an attempt has begun, or null */
  #place(at: number): Server | null {
    const backend = this.backend!
    const home = this.home < 0 ? null : backend.home(this.home)
    if (home === null) {
      this.home = -1 // none, or no more
      this.server = backend.place(this.attempt, this.#key, this.#tried, at)
    } else this.server = this.attempt.begin(home, at) ? home : null
    if (this.server !== null) this.#state = IDLE
    return this.server
  }

  /** Into the queue, if there is one, and servers that may become free. */
  #wait(at: number): void {
    const backend = this.backend!
    this.#state = IDLE
    this.refusal = 'no_server'
    if (backend.queue === null || (this.home < 0 && !backend.hasServers(this.#tried))) return
    this.refusal = 'queue_full'
    if (!backend.queue.join(this)) return
    this.#state = WAITING
    this.#since = at
    this.#owner.onWait(backend.spec.queue.timeout)
  }

  onTurn(): boolean {
    const at = performance.now()
    if (this.#hasLostHome) {
      this.#refuse('session_server_down')
      return true
    }
    const { server: before, home } = this
    const server = this.#place(at)
    if (server === null) {
      this.server = before
      if (this.home !== home) this.backend!.queue!.move(this)
      return false
    }
    this.#leaveQueue(at)
    if (before === null) this.#owner.onPlace(server, at)
    else this.#placedAgain(server, server !== before, at)
    return true
  }

  #leaveQueue(at: number): void {
    const backend = this.backend!
    backend.queue!.leave(this)
    const waited = at - this.#since
    this.queueTime += waited
    backend.countWait(waited)
  }

  /** The client's own server or none. */
  get #isBound(): boolean {
    return this.home >= 0 && this.backend!.isStrict
  }

  get #hasLostHome(): boolean {
    return this.#isBound && this.backend!.home(this.home) === null
  }

  get triesLeft(): boolean {
    return this.retries < this.backend!.spec.retries
  }

  /** There is a server that this request has not failed on, besides the present one. */
  get hasOthers(): boolean {
    if (this.#isBound) return false
    const slot = this.server!.slot
    return this.backend!.hasServers(this.#tried === null ? [slot] : [...this.#tried, slot])
  }

  /**
   * The attempt has failed and is over: another one, if any is left. The owner hears of it by onPlace, perhaps before this
   * returns, or by onNoPlace.
   * @returns false when there is no further try: nothing is changed then
   */
  again(dice: Dice): boolean {
    const backend = this.backend!
    if (!this.triesLeft) return false
    const tried = (this.#tried ??= [])
    const { slot } = this.server!
    if (!tried.includes(slot)) tried.push(slot)
    if (!this.#isBound) this.home = -1
    this.high = true // it has waited before
    if (!this.#isBound && backend.hasServers(tried)) this.#tryNow()
    else this.#pause(dice)
    return true
  }

  #tryNow(): void {
    if (this.#hasLostHome) return this.#refuse('session_server_down')
    const at = performance.now()
    const before = this.server!
    const server = this.#place(at)
    if (server !== null) return this.#placedAgain(server, server !== before, at)
    this.server = before
    this.#wait(at)
    if (this.#state === IDLE) this.#owner.onNoPlace(this.refusal)
  }

  #placedAgain(server: Server, elsewhere: boolean, at: number): void {
    this.retries++
    this.attempt.count('retries')
    if (elsewhere) this.backend!.countRedispatch()
    this.#owner.onPlace(server, at)
  }

  /** All that there is has failed: after a while one of them may do better. Half of it by dice, lest all come at once. */
  #pause(dice: Dice): void {
    const span = Math.min(LONGEST_PAUSE, this.backend!.spec.retry.backoff * 2 ** this.#pauses++)
    this.#state = PAUSING
    this.#owner.onWait(ms(Math.ceil(span / 2) + dice.below(Math.ceil(span / 2) + 1)))
  }

  /** The span of onWait is over. */
  onDeadline(): void {
    if (this.#state === PAUSING) {
      this.#tried = null
      return this.#tryNow()
    }
    if (this.#state === WAITING) this.#refuse('queue_timeout')
  }

  #refuse(reason: ReasonCode): void {
    this.leave()
    this.#owner.onNoPlace(reason)
  }

  /** Nobody waits for a server any more. */
  leave(): void {
    if (this.#state === WAITING) this.#leaveQueue(performance.now())
    this.#state = IDLE
  }
}
