// What every load generator reports of its window.
export interface LoadResult {
  /** Answers received in full. */
  readonly requests: number
  readonly bytes: number
  /** Failed connects, resets, timeouts, and answers other than 2xx and 3xx. */
  readonly errors: number
  readonly seconds: number
  /** Milliseconds from sending a request (or opening the connection for it) to the end of its answer. */
  readonly p50: number
  readonly p99: number
}
