// More workers, or fewer, while they serve. One that is added starts with what runs now and opens sockets of its own, or gets those
// of one that was there before. One that is removed leaves its sockets to the others (spare-sockets.ts) and finishes what it has,
// as a recycled one does. There are as many rows on the scoreboard as there can be workers.
import type { Logger } from 'pino'
import type { Millis } from '../../model/units.ts'
import type { WorkerStatus } from '../workers-types.ts'

/** As much of control/workers.ts as it takes. */
export interface Resizable {
  readonly status: readonly WorkerStatus[]
  /** @returns the number of one more @throws Error when it cannot be started: nothing has changed then */
  add(): Promise<number>
  /** Resolves when others accept from its sockets; it ends by and by, at the latest at the deadline. */
  remove(worker: number, deadline: Millis): Promise<void>
}

export interface ResizerOptions {
  readonly workers: Resizable
  /** For connections of workers that are removed. */
  readonly deadline: () => Millis
  /** Nobody else replaces workers at the same time. */
  readonly exclusively: <T>(task: () => Promise<T>) => Promise<T>
  readonly log: Logger
}

export class Resizer {
  readonly #options: ResizerOptions

  constructor(options: ResizerOptions) {
    this.#options = options
  }

  get count(): number {
    return this.#options.workers.status.length
  }

  /** @returns null, or why there can't be so many: there are as many as before then */
  resize(count: number): Promise<string | null> {
    const { workers, exclusively, log } = this.#options
    if (count === this.count) return Promise.resolve(null)
    return exclusively(async () => {
      const before = this.count
      const added = await Promise.allSettled(Array.from({ length: Math.max(0, count - before) }, () => workers.add()))
      const failed = added.find((each) => each.status === 'rejected')
      const wanted = failed === undefined ? count : before
      try {
        while (this.count > wanted) await this.#removeLast()
        if (failed !== undefined) return (failed.reason as Error).message
      } catch (error) {
        log.warn({ workers: this.count }, `there are still ${this.count} workers: ${(error as Error).message}`)
        return null // what serves, serves
      }
      log.info({ workers: count, before }, `${count} ${count === 1 ? 'worker' : 'workers'} in place of ${before}`)
      return null
    })
  }

  /** The first one stays: it alone opens unix sockets. */
  async #removeLast(): Promise<void> {
    const { workers, deadline } = this.#options
    await workers.remove(workers.status.at(-1)!.worker, deadline())
  }
}
