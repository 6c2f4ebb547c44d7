// The connections that one bind has on one worker, from accept to close and whatever they are about: those that wait for a
// place, for a header or for a handshake, those that are served, and those on their way out. What is done with all of them
// at once is done here: a stop, and an end by force.

/** What is known of any connection: enough to show it and to end it. */
export interface Connection {
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

export class Connections {
  readonly #open = new Set<Connection>()
  #draining = false
  /** Called whenever a connection has ended. */
  onEnd: () => void = () => {}

  get open(): ReadonlySet<Connection> {
    return this.#open
  }

  /** The bind takes no new ones any more, or only those that the kernel has taken already. */
  get draining(): boolean {
    return this.#draining
  }

  add(connection: Connection): void {
    this.#open.add(connection)
  }

  /** It goes on as another, which is added in the same turn. */
  remove(connection: Connection): void {
    this.#open.delete(connection)
  }

  /** It is over. */
  end(connection: Connection): void {
    this.#open.delete(connection)
    this.onEnd()
  }

  drain(): void {
    this.#draining = true
    for (const connection of this.#open) connection.drain()
  }

  cutOff(): void {
    for (const connection of this.#open) connection.cutOff()
  }
}
