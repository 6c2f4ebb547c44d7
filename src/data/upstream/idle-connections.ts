// The idle connections of one worker to one server: a stack, so that the one used last is used next, the load decides how
// many stay warm, and the oldest are closed when nobody wants them. How old they may get is learnt (idle-age.ts). Of those
// that have become too old for use one is kept, the lookout: when the server closes that one, its idle age is known anew,
// and no request was put at risk for it.
import { IdleAge } from './idle-age.ts'

/** What is kept here; times are those of performance.now(). */
export interface IdleConnection {
  /** Since when it has been idle. */
  idleSince: number
  /** For how long it had been idle when it was taken last, in ms. */
  idleFor: number
  destroy(): void
}

export class IdleConnections<Connection extends IdleConnection> {
  readonly #age = new IdleAge()
  /** The oldest first. */
  readonly #stack: Connection[] = []
  #lookout: Connection | null = null
  #most: number
  #longest: number

  /** @param most connections that are kept. @param longest how long one is kept, in ms */
  constructor(most: number, longest: number) {
    this.#most = most
    this.#longest = longest
  }

  /** Other limits, from now on; what is over them goes with the next sweep. */
  follow(most: number, longest: number): void {
    this.#most = most
    this.#longest = longest
  }

  /** Since when a connection may have been idle for a request that can't be repeated. */
  sureSince(now: number): number {
    return now - this.#age.sure
  }

  /** @param idleSince not one that has been idle for longer. @returns null when there is none fit for use */
  take(idleSince: number, now: number): Connection | null {
    const stack = this.#stack
    if (stack.length === 0) return null
    const since = stack[stack.length - 1]!.idleSince
    if (since < idleSince || now - since > this.#age.limit) return null // the others are older still: the sweep's
    const connection = stack.pop()!
    connection.idleFor = now - since
    return connection
  }

  keep(connection: Connection, now: number): void {
    if (this.#stack.length >= this.#most) return connection.destroy()
    connection.idleSince = now
    this.#stack.push(connection)
  }

  /** The server has closed it, or spoken on it without being asked: it is no more. */
  forget(connection: Connection, now: number): void {
    const at = this.#stack.lastIndexOf(connection)
    if (at >= 0) this.#stack.splice(at, 1)
    else if (this.#lookout === connection) this.#lookout = null
    else return // it has been forgotten before, or was closed by us
    this.#age.closed(now - connection.idleSince, now)
  }

  /** The server had closed it by the time that a request was sent on it. */
  foundClosed(connection: Connection, now: number): void {
    this.#age.closed(connection.idleFor, now)
  }

  /** Closes what has become too old. */
  sweep(now: number): void {
    this.#age.fade(now)
    const lookout = this.#lookout
    if (lookout !== null && now - lookout.idleSince > this.#longest) {
      this.#lookout = null
      this.#age.lasted(now - lookout.idleSince, now)
      lookout.destroy()
    }
    const stack = this.#stack
    const limit = Math.min(this.#longest, this.#age.limit)
    let old = 0
    while (old < stack.length && now - stack[old]!.idleSince > limit) old++
    if (old > 0) for (const connection of stack.splice(0, old)) this.#retire(connection, now)
  }

  #retire(connection: Connection, now: number): void {
    if (this.#lookout !== null || now - connection.idleSince > this.#longest) return connection.destroy()
    this.#lookout = connection
  }

  close(): void {
    this.#lookout?.destroy()
    this.#lookout = null
    for (const connection of this.#stack.splice(0)) connection.destroy()
  }
}
