// Listening sockets that have no worker of their own any more, because there are fewer workers than before. A listening socket
// that is closed resets the connections in its queue, and those whose handshake is under way; so it stays open, and all workers
// that are left accept from it too, besides from their own. The next worker that is added gets it for its own.
import { closeSync } from 'node:fs'
import type { ToWorker } from '../../messages/messages.ts'
import { duplicate } from './duplicate.ts'

type Fds = Readonly<Record<string, number>>

/** The sockets of one worker that was; the descriptors are this process's own, kept until there is a worker for them. */
export interface SpareSet {
  readonly id: number
  /** By bind id. */
  readonly fds: Map<string, number>
}

/** Who accepts from them meanwhile. */
export type Adopter = (message: Extract<ToWorker, { type: 'adopt' | 'release' }>) => void

export class SpareSockets {
  readonly #sets: SpareSet[] = []
  #lastId = 0

  /** Of all sets, by bind id. */
  get all(): Readonly<Record<string, readonly number[]>> {
    const found: Record<string, number[]> = {}
    for (const [bind, fd] of this.#sets.flatMap(({ fds }) => [...fds])) (found[bind] ??= []).push(fd)
    return found
  }

  /**
   * Keeps the sockets of a worker that is about to go, before it closes its own.
   * @param fds its own @throws Error when they cannot be duplicated
   */
  async keep(fds: Fds, adopters: readonly Adopter[]): Promise<void> {
    const copies = await copiesOf(fds)
    await this.put({ id: ++this.#lastId, fds: new Map(Object.entries(copies)) }, adopters)
  }

  /** Descriptors that are this process's own already. */
  async own(fds: Fds, adopters: readonly Adopter[]): Promise<void> {
    await this.put({ id: ++this.#lastId, fds: new Map(Object.entries(fds)) }, adopters)
  }

  async put(set: SpareSet, adopters: readonly Adopter[]): Promise<void> {
    if (set.fds.size === 0) return
    this.#sets.push(set)
    for (const adopter of adopters) await this.#adopt(set, adopter)
  }

  /** A worker that has begun accepts from all of them. */
  async introduce(adopter: Adopter): Promise<void> {
    for (const set of this.#sets.slice()) await this.#adopt(set, adopter)
  }

  async #adopt(set: SpareSet, adopter: Adopter): Promise<void> {
    const fds = await copiesOf(Object.fromEntries(set.fds))
    if (this.#sets.includes(set)) adopter({ type: 'adopt', id: set.id, fds })
    else for (const fd of Object.values(fds)) closeSync(fd) // it has got a worker meanwhile
  }

  /** A set for a worker that is about to start; null: there is none. */
  take(): SpareSet | null {
    return this.#sets.pop() ?? null
  }

  /** It has a worker of its own now. */
  give({ id, fds }: SpareSet, adopters: readonly Adopter[]): void {
    for (const adopter of adopters) adopter({ type: 'release', id })
    for (const fd of fds.values()) closeSync(fd)
  }

  /** Other binds than these are gone. */
  retain(binds: readonly string[]): void {
    for (const { fds } of this.#sets) {
      for (const [bind, fd] of fds) {
        if (binds.includes(bind)) continue
        closeSync(fd)
        fds.delete(bind)
      }
    }
  }
}

/** The same sockets once more. */
export async function copiesOf(fds: Fds): Promise<Fds> {
  const copies = await duplicate(Object.values(fds))
  return Object.fromEntries(Object.keys(fds).map((bind, i) => [bind, copies[i]!]))
}
