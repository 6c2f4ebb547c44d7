// The columns of the scoreboard that balancing works on: typed arrays by slot, shared by all workers of a process.
// What changes them is board.ts (counts) and learning.ts (averages); the algorithms only read.

/** Columns by server slot, shared by all workers. */
export interface ServerColumns {
  /** Requests in flight (http) or open connections (tcp). Changed with Atomics, read plainly. */
  readonly inflight: Int32Array
  /** Those of them that have not been answered yet (http) or are not connected yet (tcp). */
  readonly waiting: Int32Array
  /** Failures in a row. */
  readonly consecutive: Int32Array
  /** When the last latency sample came (int32 µs); meaningless while latency is 0. */
  readonly stamp: Int32Array
  /** Last sign of life while requests wait (int32 µs). */
  readonly progress: Int32Array
  /** When an outcome last came (int32 µs). */
  readonly outcomeAt: Int32Array
  /** Without a sign of life for longer than this the server seems to have stalled, in µs; 0: not known. */
  readonly stall: Int32Array
  /** Average time to an answer in µs; 0: no sample. */
  readonly latency: Float64Array
  /** Samples in that average, each forgotten as the average forgets it. */
  readonly evidence: Float64Array
  /** Average share of failures, 0 to 1. */
  readonly failing: Float64Array
  /** What latency and failures multiply the cost of the server by; 1: typical. */
  readonly factor: Float64Array
}

/** Columns by backend slot, shared by all workers. */
export interface BackendColumns {
  /** For rotations; advance with Atomics.add. */
  readonly cursor: Int32Array
  readonly inflight: Int32Array
  /** Median of the latencies of its servers, in µs; 0: not known. */
  readonly latency: Float64Array
  /** 1: fewer than half of all members answer well, so failures say little about a single one. */
  readonly panic: Int32Array
}

export interface Columns {
  readonly server: ServerColumns
  readonly backend: BackendColumns
}

/** This worker's part of the counts, by slot; what is in use is taken back when it dies. Plain stores. */
export interface OwnColumns {
  readonly server: {
    readonly inflight: Int32Array
    readonly waiting: Int32Array
    /** Attempts that were answered or failed, and those of them that failed; never taken back, and may wrap. */
    readonly answers: Int32Array
    readonly failures: Int32Array
  }
  readonly backend: { readonly inflight: Int32Array }
}

/** Columns of their own, not shared: for simulations, conformance suites and tests. */
export function createColumns(servers: number, backends = 1): Columns {
  const ints = (n: number): Int32Array => new Int32Array(n)
  return {
    server: {
      inflight: ints(servers),
      waiting: ints(servers),
      consecutive: ints(servers),
      stamp: ints(servers),
      progress: ints(servers),
      outcomeAt: ints(servers),
      stall: ints(servers),
      latency: new Float64Array(servers),
      evidence: new Float64Array(servers),
      failing: new Float64Array(servers),
      factor: new Float64Array(servers).fill(1),
    },
    backend: {
      cursor: ints(backends),
      inflight: ints(backends),
      latency: new Float64Array(backends),
      panic: ints(backends),
    },
  }
}
