// What is written down while a simulation runs: of the requests that come after the warm-up, how each ended; of the
// servers, how many requests are in flight over time. Turned into a Result at the end.
import { countAbove, imbalance, mean, quantile, quantiles, sorted } from './statistics.ts'
import { enlarged } from './queues.ts'
import type { Result, Setup } from './types.ts'

/** Steps of Result.quantiles. */
const QUANTILES = 200

/** Times are ms since the start of the simulation. */
export class Tally {
  /** Requests that count and have not ended. */
  open = 0
  readonly #setup: Setup
  readonly #begin: number
  readonly #end: number
  #requests = 0
  #errors = 0
  #away = 0
  #latencies = new Float64Array(1024)
  #samples = 0
  readonly #attempts: Float64Array
  readonly #failures: Float64Array
  readonly #inflight: InFlight

  constructor(setup: Setup) {
    const n = setup.servers.length
    this.#setup = setup
    this.#begin = setup.warmup
    this.#end = setup.warmup + setup.duration
    this.#attempts = new Float64Array(n)
    this.#failures = new Float64Array(n)
    this.#inflight = new InFlight(n, this.#begin, this.#end, setup.bucket)
  }

  /** A request that came at this time is one that counts. */
  counts(arrival: number): boolean {
    return arrival >= this.#begin && arrival < this.#end
  }

  request(arrival: number): void {
    if (!this.counts(arrival)) return
    this.open++
    this.#requests++
  }

  /** An attempt begins. @param away it goes elsewhere than the plain hash of its key says */
  attempt(arrival: number, server: number, now: number, away: boolean): void {
    this.#inflight.change(server, 1, now)
    if (!this.counts(arrival)) return
    this.#attempts[server]!++
    if (away) this.#away++
  }

  /** An attempt is over. */
  attemptEnded(arrival: number, server: number, now: number, failed: boolean): void {
    this.#inflight.change(server, -1, now)
    if (failed && this.counts(arrival)) this.#failures[server]!++
  }

  /** A request is over. @param latency ms from its arrival; NaN: it failed fast, which is no latency */
  ended(arrival: number, latency: number, failed: boolean): void {
    if (!this.counts(arrival)) return
    this.open--
    if (failed) this.#errors++
    if (Number.isNaN(latency)) return
    if (this.#samples === this.#latencies.length) this.#latencies = enlarged(this.#latencies)
    this.#latencies[this.#samples++] = latency
  }

  /** @param now when the simulation stopped */
  result(now: number): Result {
    const { servers, threshold, algorithm } = this.#setup
    const latencies = sorted(this.#latencies.subarray(0, this.#samples))
    const weights = servers.map(({ weight }) => weight)
    this.#inflight.close(now)
    return {
      algorithm: algorithm.name,
      requests: this.#requests,
      mean: mean(latencies),
      p50: quantile(latencies, 0.5),
      p95: quantile(latencies, 0.95),
      p99: quantile(latencies, 0.99),
      p999: quantile(latencies, 0.999),
      over: countAbove(latencies, threshold) / this.#requests,
      errors: this.#errors / this.#requests,
      imbalance: {
        requests: imbalance(this.#attempts, weights),
        inflight: imbalance(this.#inflight.area, weights),
      },
      servers: servers.map(({ name }, i) => ({ name, requests: this.#attempts[i]!, errors: this.#failures[i]! })),
      away: this.#away / this.#requests,
      quantiles: quantiles(latencies, QUANTILES),
      timeline: this.#inflight.timeline(),
    }
  }
}

/** Requests in flight by server, integrated over the time that counts, in all and by slots of time. */
class InFlight {
  /** Requests times ms, by server. */
  readonly area: Float64Array
  readonly #count: Int32Array
  readonly #since: Float64Array
  readonly #begin: number
  readonly #end: number
  readonly #bucket: number
  readonly #buckets: readonly Float64Array[]

  constructor(servers: number, begin: number, end: number, bucket: number) {
    this.area = new Float64Array(servers)
    this.#count = new Int32Array(servers)
    this.#since = new Float64Array(servers).fill(begin)
    this.#begin = begin
    this.#end = end
    this.#bucket = bucket
    const slots = bucket > 0 ? Math.ceil((end - begin) / bucket) : 0
    this.#buckets = Array.from({ length: bucket > 0 ? servers : 0 }, () => new Float64Array(slots))
  }

  change(server: number, by: number, now: number): void {
    const until = Math.min(now, this.#end)
    const from = this.#since[server]!
    if (until > from) {
      this.area[server]! += this.#count[server]! * (until - from)
      if (this.#bucket > 0) this.#spread(server, from, until)
      this.#since[server] = until
    }
    this.#count[server]! += by
  }

  close(now: number): void {
    for (let server = 0; server < this.area.length; server++) this.change(server, 0, now)
  }

  /** Mean in flight by server and slot of time. */
  timeline(): readonly Float64Array[] {
    return this.#buckets.map((slots) => slots.map((area) => area / this.#bucket))
  }

  #spread(server: number, from: number, until: number): void {
    const slots = this.#buckets[server]!
    let at = from
    for (let slot = Math.floor((from - this.#begin) / this.#bucket); at < until; slot++) {
      const next = Math.min(until, this.#begin + (slot + 1) * this.#bucket)
      slots[slot]! += this.#count[server]! * Math.max(0, next - at)
      at = next
    }
  }
}
