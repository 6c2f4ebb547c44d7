// Lets at most `limit` checks run at a time; the others wait in order of arrival. A pool of thousands of servers must
// not open thousands of sockets at start.

export class Gate {
  readonly #limit: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Runs the task when there is room, and answers what it answers. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#limit) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#running++
    try {
      return await task()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next() // hands its place over, so that nobody slips in between
    }
  }
}
