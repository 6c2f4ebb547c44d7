// The interface of a balancing algorithm: Pool and Board in, slot out. Typed arrays and 32-bit integers only: a double
// passed between functions would be boxed, and a pick must allocate nothing. No socket, clock or randomness of its own.
// docs/balancers.md teaches how to write one.
import type { BalanceOptions } from '../model/balancers.ts'
import type { Board } from './board.ts'
import type { Outcome } from './outcome.ts'

/** One server as the algorithms know it. */
export interface Member {
  readonly slot: number
  /** Identity for hashing: the same on every worker and machine. */
  readonly name: string
  /** 0 to 65535; 0 takes no traffic. */
  readonly weight: number
  /** 0: primary. Servers of a higher tier take traffic only when the tiers below have too few healthy ones. */
  readonly tier: number
  /** Where it stands (an availability zone); null: not said. */
  readonly zone: string | null
}

/**
 * The servers that may be picked now. Rebuilt when membership, weight, health or admin state changes; never on a pick.
 * Made by buildPool and without (pool.ts), which decide what is usable once, for every algorithm.
 */
export interface Pool {
  /** Scoreboard row of the backend (for its cursor and what is learnt of it as a whole). */
  readonly backend: number
  /** Number of usable servers, all of weight > 0. */
  readonly n: number
  /** Scoreboard slots, dense, in config order. */
  readonly slot: Int32Array
  /** Effective weights, slow start included: 1 to 65535. Only their ratios mean something. */
  readonly weight: Int32Array
  /** Sum of the weights. */
  readonly weightSum: number
  /** Mean weight / weight: in-flight times this is the load relative to the weight. All 1 when `uniform`. */
  readonly inverse: Float64Array
  /** All weights are equal. */
  readonly uniform: boolean
  /** For a draw by weight in O(1): see draw.ts. */
  readonly cut: Int32Array
  readonly coarse: Int32Array
  readonly alias: Int32Array
  readonly names: readonly string[]
  /** Highest tier that takes part; 0: primaries alone. */
  readonly tier: number
  /** All members with weight > 0 as configured or set by the operator, usable or not, without slow start: so that hashing
   *  can keep its table when health changes. */
  readonly members: readonly Member[]
}

/** Dice that are handed in: the same seed gives the same picks. */
export interface Dice {
  /** Uniform integer in 0 .. n-1, for n from 1 to 2^31. */
  below(n: number): number
}

/**
 * `now` is an int32 of microseconds on a clock that all workers share; it wraps after 71.6 minutes. Differences are
 * (a - b) | 0; a negative one means "long ago".
 */
export interface Balancer {
  /**
   * Picks one server of the pool. Any pool is answered correctly; the one of the last update() is answered fast, others
   * (the world of an older request, or what `without` left for a retry) by a walk over their servers.
   * @param key 32-bit hash of what the choice is to stick to (source address and the like); ignored by the others
   * @param now int32 of microseconds
   * @param avoid slot that a retry comes from, skipped when another is usable; -1: none
   * @returns the slot, or -1 when the pool is empty
   */
  pick(pool: Pool, key: number, now: number, avoid: number): number
  /** An attempt begins. For private state only: the board counts for every algorithm. */
  onStart?(slot: number, now: number): void
  /**
   * The server answered, failed or was given up. Not called for an attempt whose client left: nothing is known of that one.
   * @param latUs microseconds from start to response head (tcp: to connect)
   */
  onEnd?(slot: number, now: number, latUs: number, outcome: Outcome): void
  /**
   * The pool was rebuilt: build small tables. Called before the first pick too.
   * @param table what the algorithm's `table` made on the control plane for the latest members; null when it makes none
   */
  update?(pool: Pool, table: SharedArrayBuffer | null): void
  /** Ten times a second in each worker, for private state that ages. */
  tick?(pool: Pool, now: number): void
}

export interface BalancerContext {
  readonly board: Board
  readonly dice: Dice
  readonly options: BalanceOptions
}

/** One object per backend and worker. */
export type BalancerFactory = (context: BalancerContext) => Balancer

export interface Algorithm {
  readonly create: BalancerFactory
  /**
   * A table over the members that takes long to build. Called on the control plane, off the serving threads, when
   * membership or weights change (not health); all workers read the same memory.
   */
  readonly table?: (members: readonly Member[], options: BalanceOptions) => SharedArrayBuffer
  /** Checks of the conformance suite (conformance/suite.ts) that it breaks on purpose: name of the check -> the reason. */
  readonly exempt?: Readonly<Record<string, string>>
}
