// Workers replaced one by one while they serve: for memory that has grown over months, or because an operator has his doubts. A
// new thread gets duplicates of the listening sockets of the old one, so both accept from the same queues; then the old one
// closes its own and finishes what it has. No socket is closed in between, and no connection is lost.
import type { Logger } from 'pino'
import type { Millis } from '../../model/units.ts'
import type { WorkerStatus } from '../workers-types.ts'
import { duplicate } from './duplicate.ts'

/** As much of control/workers.ts as it takes. */
export interface Renewable {
  readonly status: readonly WorkerStatus[]
  /** Listening sockets of a worker, by bind id. */
  socketsOf(worker: number): Promise<Readonly<Record<string, number>>>
  /**
   * Starts a worker in the place of another and has that one end.
   * @param fds the new one's own, by bind id
   * @returns the new one's number, when it has taken over and the old one has ended
   */
  renew(worker: number, fds: Readonly<Record<string, number>>, deadline: Millis): Promise<number>
}

/** One at a time, however many ask. */
export class Recycler {
  readonly #workers: Renewable
  readonly #deadline: () => Millis
  readonly #log: Logger
  #queue: Promise<unknown> = Promise.resolve()

  /** @param deadline for connections of a worker that is replaced */
  constructor(workers: Renewable, deadline: () => Millis, log: Logger) {
    this.#workers = workers
    this.#deadline = deadline
    this.#log = log
  }

  /**
   * @param worker null: all that there are now
   * @returns how many were replaced
   * @throws Error when one can't be: it goes on as it was, and those after it too
   */
  recycle(worker: number | null): Promise<number> {
    return this.exclusively(async () => {
      const wanted = worker === null ? this.#workers.status.map((each) => each.worker) : [worker]
      for (const each of wanted) await this.#renew(each)
      return wanted.length
    })
  }

  /** Does something else with the workers, while none of them is replaced. */
  exclusively<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(task)
    this.#queue = done.catch(() => {})
    return done
  }

  async #renew(worker: number): Promise<void> {
    const sockets = Object.entries(await this.#workers.socketsOf(worker))
    const copies = await duplicate(sockets.map(([, fd]) => fd))
    const fds = Object.fromEntries(sockets.map(([bind], i) => [bind, copies[i]!]))
    const fresh = await this.#workers.renew(worker, fds, this.#deadline())
    this.#log.info({ worker, fresh }, `worker ${worker} was replaced by worker ${fresh}`)
  }
}
