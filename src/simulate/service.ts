// A server as a queue: requests join it with an amount of work (ms on an idle core of speed 1) and finish in time.
//  - `ps`, processor sharing: n requests share the c cores, each progresses at speed * min(1, c / n). What a server with
//    threads or an event loop looks like from outside.
//  - `fifo`: each core serves one request at full speed, the others wait in line.
// Both by one trick: `progress` is the work done so far by any request that is in service all the time. All of them
// progress alike, so a request that joins with `work` to do will finish when progress reaches progress + work. These marks
// never change, whoever comes and goes; only the rate does. O(log n) per request instead of O(n).
// It knows no network, no failures and no balancer. Times are in ms.
import { Line, Timeline } from './queues.ts'
import type { SimulatedServer } from './types.ts'

export class Service {
  /** When the next request finishes, if nothing changes before; Infinity: none. */
  due = Infinity
  readonly #cores: number
  readonly #shared: boolean
  /** Requests in service, by the progress at which they finish. */
  readonly #marks = new Timeline()
  readonly #waiting = new Line()
  #speed: number
  #progress = 0
  /** Progress per ms. */
  #rate = 0
  /** When `progress` was brought up to date. */
  #at = 0

  constructor({ cores, discipline, speed }: SimulatedServer) {
    this.#cores = cores
    this.#shared = discipline === 'ps'
    this.#speed = speed
  }

  join(request: number, work: number, now: number): void {
    this.#advance(now)
    if (this.#shared || this.#marks.length < this.#cores) this.#marks.push(request, this.#progress + work)
    else this.#waiting.push(request, work)
    this.#settle()
  }

  /** Takes out the request that was due. */
  finish(): number {
    this.#progress = this.#marks.firstTime // exactly, so that rounding never adds up
    this.#at = this.due
    const request = this.#marks.shift()
    if (this.#waiting.length > 0) {
      const work = this.#waiting.firstValue
      this.#marks.push(this.#waiting.shift(), this.#progress + work)
    }
    this.#settle()
    return request
  }

  /** @param speed 0: nothing progresses until it is set again */
  setSpeed(speed: number, now: number): void {
    this.#advance(now)
    this.#speed = speed
    this.#settle()
  }

  #advance(now: number): void {
    this.#progress += (now - this.#at) * this.#rate
    this.#at = now
  }

  #settle(): void {
    const busy = this.#marks.length
    const share = this.#shared && busy > this.#cores ? this.#cores / busy : 1
    this.#rate = busy > 0 ? this.#speed * share : 0
    const left = Math.max(0, this.#marks.firstTime - this.#progress)
    this.due = this.#rate > 0 ? this.#at + left / this.#rate : Infinity
  }
}
