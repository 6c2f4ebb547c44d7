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

  /** All workers have started: what is left of the other process's sockets is still served by it until it ends. */
  closeRest(): void {
    for (const fds of this.#sockets.values()) fds.forEach((fd) => closeSync(fd))
    this.#sockets.clear()
  }

  retain(binds: readonly string[]): void {
    for (const [bind, fd] of this.#activated) {
      if (binds.includes(bind)) continue
      closeSync(fd)
      this.#activated.delete(bind)
    }
  }
}
