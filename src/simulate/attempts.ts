// All attempts of a simulation, numbered in the order in which they begin; columns instead of objects. Numbers are never
// used again: memory grows by some 45 bytes per attempt, and whatever happens to all attempts a fixed time after their
// beginning (they reach the server, they time out) happens in the order of their numbers, without a queue.
import { enlarged } from './queues.ts'

export class Attempts {
  count = 0
  /** When the attempt began, in ms. */
  start = new Float64Array(4096)
  /** When the request came: earlier than `start` in a retry. */
  arrival = new Float64Array(4096)
  /** ms of work. */
  size = new Float64Array(4096)
  key = new Int32Array(4096)
  instance = new Int32Array(4096)
  server = new Int32Array(4096)
  /** The attempt that this one is a retry of; -1: none. */
  previous = new Int32Array(4096)
  /** 1: the balancer waits for it. */
  open = new Uint8Array(4096)

  /** A row for the next attempt, open; the caller fills the columns. */
  add(): number {
    if (this.count === this.start.length) this.#grow()
    this.open[this.count] = 1
    return this.count++
  }

  /** Servers that the request has been tried on, the latest first. @param attempt the latest, or -1 */
  tried(attempt: number): number[] {
    const servers: number[] = []
    for (let at = attempt; at >= 0; at = this.previous[at]!) servers.push(this.server[at]!)
    return servers
  }

  #grow(): void {
    this.start = enlarged(this.start)
    this.arrival = enlarged(this.arrival)
    this.size = enlarged(this.size)
    this.key = enlarged(this.key)
    this.instance = enlarged(this.instance)
    this.server = enlarged(this.server)
    this.previous = enlarged(this.previous)
    this.open = enlarged(this.open)
  }
}
