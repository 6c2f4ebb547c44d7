// How many requests may be tried again: a share of those that came in the last ten seconds. When a whole farm fails, every
// request would be tried several times and a farm that is down for load would never get up; with a budget the load on it
// grows by that share and no more. A few retries are always allowed, so that one failure of a quiet backend is mended.
// One per backend and worker, which need not agree: each worker sees an even part of the requests, and of the failures.
// Cost: an addition per request and ten small buckets; nothing is allocated. Time comes from the caller.

/** The window that is looked back on, in buckets of a second each; accuracy is that of a bucket. */
const BUCKETS = 10
const BUCKET_MS = 1000
/** Retries that are allowed in a window however few requests there were. */
const ALWAYS = 10

export class RetryBudget {
  /** Part of the requests, from 0; Infinity: unlimited. */
  readonly #share: number
  readonly #requests = new Int32Array(BUCKETS)
  readonly #retries = new Int32Array(BUCKETS)
  /** Sums over the buckets. */
  #requested = 0
  #retried = 0
  /** The bucket that is being filled, counted from the start of the clock. */
  #bucket = 0

  /** @param percent retries per hundred requests; 100 or more: unlimited */
  constructor(percent: number) {
    this.#share = percent >= 100 ? Infinity : percent / 100
  }

  /** A request has come; to be said once for each, whatever becomes of it. @param now performance.now() */
  request(now: number): void {
    if (this.#share === Infinity) return
    const at = this.#advance(now)
    this.#requests[at]!++
    this.#requested++
  }

  /** Whether a request may be tried once more; counts it as done when it may. @param now performance.now() */
  allows(now: number): boolean {
    if (this.#share === Infinity) return true
    const at = this.#advance(now)
    if (this.#retried >= Math.max(ALWAYS, Math.floor(this.#requested * this.#share))) return false
    this.#retries[at]!++
    this.#retried++
    return true
  }

  /** Empties the buckets whose time has come round. @returns index of the present one */
  #advance(now: number): number {
    const bucket = Math.floor(now / BUCKET_MS)
    for (let stale = Math.min(bucket - this.#bucket, BUCKETS); stale > 0; stale--) {
      const i = (bucket - stale + 1) % BUCKETS
      this.#requested -= this.#requests[i]!
      this.#retried -= this.#retries[i]!
      this.#requests[i] = this.#retries[i] = 0
    }
    if (bucket > this.#bucket) this.#bucket = bucket
    return this.#bucket % BUCKETS
  }
}
