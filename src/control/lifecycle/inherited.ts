// Listening sockets that this process did not open itself. They come from the Weir that this one takes over from (one
// socket for each of its workers and binds, see upgrade.ts), or from the system's supervisor by socket activation
// (activation.ts). The former are handed out, one to each worker; of the latter each worker gets a duplicate, for there is
// only one of it, and a worker that dies must not take it along.
import { closeSync } from 'node:fs'
import { duplicate } from './duplicate.ts'

/** Descriptors by bind id, as they stand in the environment of the process that takes over. */
export interface Handover {
  /** Of workers, one for each. */
  readonly sockets: Readonly<Record<string, readonly number[]>>
  /** Of the system's supervisor. */
  readonly activated: Readonly<Record<string, number>>
}

/** Where workers get the sockets from that they do not open themselves. */
export interface SocketSource {
  /** For a worker that starts now, by bind id; they are its own. */
  take(): Promise<Readonly<Record<string, number>>>
  /** Every worker has a duplicate of the same one: who ends takes nothing along. */
  isShared(bind: string): boolean
  /** Other binds than these are gone. */
  retain(binds: readonly string[]): void
}

export class InheritedSockets implements SocketSource {
  readonly #sockets: Map<string, number[]>
  readonly #activated: Map<string, number>

  constructor({ sockets, activated }: Handover) {
    this.#sockets = new Map(Object.entries(sockets).map(([bind, fds]) => [bind, [...fds]]))
    this.#activated = new Map(Object.entries(activated))
  }

  /** Has a socket for this bind, which therefore need not be free. */
  has(bind: string): boolean {
    return this.#sockets.has(bind) || this.#activated.has(bind)
  }

  get activated(): Handover['activated'] {
    return Object.fromEntries(this.#activated)
  }

  async take(): Promise<Readonly<Record<string, number>>> {
    const binds = [...this.#activated.keys()]
    const copies = await duplicate([...this.#activated.values()])
    const taken = Object.fromEntries(binds.map((bind, i) => [bind, copies[i]!]))
    for (const [bind, fds] of this.#sockets) {
      const fd = fds.shift()
      if (fd !== undefined) taken[bind] = fd
    }
    return taken
  }

  isShared(bind: string): boolean {
    return this.#activated.has(bind)
  }

  /**
   * All workers have started, and this is left, because the other process had more of them. It must not be closed, for
   * connections may wait in it.
   * @returns sets of one socket for a bind
   */
  takeRest(): Readonly<Record<string, number>>[] {
    const sets: Record<string, number>[] = []
    for (const [bind, fds] of this.#sockets) for (const [i, fd] of fds.entries()) (sets[i] ??= {})[bind] = fd
    this.#sockets.clear()
    return sets
  }

  retain(binds: readonly string[]): void {
    for (const [bind, fd] of this.#activated) {
      if (binds.includes(bind)) continue
      closeSync(fd)
      this.#activated.delete(bind)
    }
  }
}
