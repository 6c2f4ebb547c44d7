// The interface of a balancing algorithm. Typed arrays and 32-bit integers only: a double passed between functions
// would be boxed, and a pick must allocate nothing. No socket, clock or randomness of its own.

/** Columns by server slot that algorithms read: live views on the scoreboard, shared by all workers. */
export interface Board {
  /** Requests in flight (http) or open connections (tcp), over all workers. Read plainly; changed by the caller. */
  readonly inflight: Int32Array
  /** Shared rotation cursors by backend slot; advance with Atomics.add. */
  readonly cursor: Int32Array
}

/** One server as the algorithms know it. */
export interface Member {
  readonly slot: number
  /** Identity for hashing: the same on every worker and machine. */
  readonly name: string
  /** 0 to 65535; 0 takes no traffic. */
  readonly weight: number
  /** Takes traffic only when no primary is up. */
  readonly backup: boolean
}

/**
 * The servers that may be picked now. Rebuilt when membership, weight, health or admin state changes; never on a pick.
 * Made by buildPool and without (pool.ts), which decide what is usable once, for every algorithm.
 */
export interface Pool {
  /** Scoreboard row of the backend (for its cursor). */
  readonly backend: number
  /** Number of usable servers, all of weight > 0. */
  readonly n: number
  /** Scoreboard slots, dense, in config order. */
  readonly slot: Int32Array
  readonly weight: Int32Array
  /** Sum of the weights. */
  readonly weightSum: number
  readonly names: readonly string[]
  /** The usable servers are backups: no primary is left. */
  readonly backup: boolean
  /** All members with effective weight > 0, usable or not, so that hashing can keep its table when health changes. */
  readonly members: readonly Member[]
}

/** Dice that are handed in: the same seed gives the same picks. */
export interface Dice {
  /** Uniform integer in 0 .. n-1, for n from 1 to 2^31. */
  below(n: number): number
}

export interface Balancer {
  /**
   * Picks one server of the pool. Any pool is answered correctly; the one of the last update() is answered fast, others
   * (the world of an older request, or what `without` left for a retry) by a walk over their servers.
   * @param key 32-bit hash of what the choice is to stick to (source address and the like); ignored by the others
   * @param avoid slot that a retry comes from, skipped when another is usable; -1: none
   * @returns the slot, or -1 when the pool is empty
   */
  pick(pool: Pool, key: number, avoid: number): number
  /** The pool was rebuilt: build tables. Called before the first pick too. */
  update?(pool: Pool): void
}

export interface BalancerContext {
  readonly board: Board
  readonly dice: Dice
}

/** One object per backend and worker. */
export type BalancerFactory = (context: BalancerContext) => Balancer
