// A backend as one worker sees it: its servers, the pool of those that may be picked now, and the balancer. The pool is
// rebuilt when the control plane has changed a health, an admin state or a weight, which it says by the generation.
// Counting is the business of the attempts (attempt.ts), who may be picked that of balance/pool.ts, who waits while there
// is no room that of the queue (queue.ts), and what a request does in all of this that of its placement (placement.ts).
import { isDeepStrictEqual } from 'node:util'
import { Board } from '../../balance/board.ts'
import { buildPool, without } from '../../balance/pool.ts'
import type { Balancer, Pool } from '../../balance/types.ts'
import { balancingColumns } from '../../scoreboard/scoreboard.ts'
import { microsOf } from '../../scoreboard/clock.ts'
import type { BackendSpec } from '../../messages/snapshot.ts'
import { ADMIN_MAINT, BREAKER_CLOSED, BREAKER_OPEN, HEALTH_DOWN } from '../../model/states.ts'
import type { WorkerContext } from '../context.ts'
import { balancerFor } from './algorithm.ts'
import type { Attempt } from './attempt.ts'
import { Queue } from './queue.ts'
import { RetryBudget } from './retry-budget.ts'
import { Server } from './server.ts'

const NONE: readonly number[] = []

export class Backend {
  spec: BackendSpec
  /** Null where nothing is limited: nobody waits then. */
  queue: Queue | null = null
  budget: RetryBudget
  /** The heads of responses have to be looked at before they go to the client. */
  judgesResponses = false
  /** Gets the requests while the circuit breaker is open; set once all backends are there. */
  fallback: Backend | null = null
  readonly #context: WorkerContext
  readonly #servers = new Map<number, Server>()
  readonly #counts: Board
  #balancer: Balancer
  /** What the control plane built for the balancer; null when the algorithm has none. */
  #table: SharedArrayBuffer | null
  #pool: Pool
  /** Column of the scoreboard, and what it said when the pool was built. */
  readonly #generations: Int32Array
  #generation: number

  constructor(spec: BackendSpec, table: SharedArrayBuffer | null, context: WorkerContext) {
    this.spec = spec
    this.#table = table
    this.#context = context
    this.budget = new RetryBudget(spec.retry.budget)
    const { board } = context
    this.#counts = new Board(balancingColumns(board), context.row.owned, spec.slot)
    this.#balancer = balancerFor(spec, this.#counts, context)
    this.#settle()
    this.#generations = board.shared.backend.generation
    this.#generation = this.#currentGeneration()
    this.#pool = this.#rebuild()
  }

  /** Goes by a new configuration of the same backend: what is under way, waits, or is kept open goes on. */
  follow(spec: BackendSpec, table: SharedArrayBuffer | null): void {
    const before = this.spec
    this.spec = spec
    this.#table = table
    if (spec.retry.budget !== before.retry.budget) this.budget = new RetryBudget(spec.retry.budget)
    if (!isDeepStrictEqual(spec.balance, before.balance)) {
      this.#balancer = balancerFor(spec, this.#counts, this.#context)
    }
    this.#settle()
    this.#generation = this.#currentGeneration()
    this.#pool = this.#rebuild()
    this.queue?.serveSoon()
  }

  /** Brings queue and servers in line with the configuration. */
  #settle(): void {
    const { spec } = this
    const limited = spec.maxConnections > 0 || spec.servers.some(({ maxConnections }) => maxConnections > 0)
    if (this.queue !== null) this.queue.follow(spec)
    else if (limited) this.queue = new Queue(spec, this.#context)
    this.judgesResponses = spec.persistence !== null || spec.retry.statuses.length > 0
    const balancing = { counts: this.#counts, balancer: this.#balancer, queue: this.queue }
    const gone = new Set(this.#servers.keys())
    for (const server of spec.servers) {
      const known = this.#servers.get(server.slot)
      gone.delete(server.slot)
      if (known?.isAnother(server) === false) known.follow(server, spec, balancing)
      else {
        known?.close()
        this.#servers.set(server.slot, new Server(server, spec, balancing, this.#context))
      }
    }
    for (const slot of gone) {
      this.#servers.get(slot)!.close()
      this.#servers.delete(slot)
    }
  }

  /** This backend, or the one that stands in for it while its circuit breaker is open; null: nobody does. */
  get inService(): Backend | null {
    if (this.spec.breaker === null) return this
    const { breaker, trials } = this.#context.board.shared.backend
    const { slot } = this.spec
    const state = breaker[slot]!
    if (state === BREAKER_CLOSED) return this
    if (state !== BREAKER_OPEN && Atomics.add(trials, slot, 1) < this.spec.breaker.trials) return this
    return this.fallback === null ? null : this.fallback.inService
  }

  // Where a request goes.

  /**
   * Finds a server with room, and begins the attempt on it.
   * @param key hash of what the choice is to stick to, for the algorithms that follow one
   * @param tried slots that failed for this request already; they come last
   * @param at performance.now()
   * @returns null when no server is usable, or none has room: see `hasServers`
   */
  place(attempt: Attempt, key: number, tried: readonly number[] | null, at: number): Server | null {
    this.#follow()
    const now = microsOf(at)
    const server = tried === null ? this.#pick(this.#pool, key, now, -1) : this.#pickAgain(key, tried, now)
    if (server === null || attempt.begin(server, at)) return server
    return this.#placeWhereRoomIs(attempt, key, tried ?? NONE, at)
  }

  /** The server that was chosen is full: the others, as long as the backend as a whole is not. Rare, so it may allocate. */
  #placeWhereRoomIs(attempt: Attempt, key: number, tried: readonly number[], at: number): Server | null {
    const pool = this.#poolAfter(tried)
    const full = [...tried]
    for (;;) {
      if (this.#isFull) return null
      for (let i = 0; i < pool.n; i++) {
        const slot = pool.slot[i]!
        if (!full.includes(slot) && !this.#hasRoom(slot)) full.push(slot)
      }
      const server = this.#pick(without(pool, full), key, microsOf(at), -1)
      if (server === null || attempt.begin(server, at)) return server
      full.push(server.slot)
    }
  }

  #hasRoom(slot: number): boolean {
    const { maxConnections } = this.#servers.get(slot)!.spec
    return maxConnections === 0 || Atomics.load(this.#context.board.shared.server.inflight, slot) < maxConnections
  }

  get #isFull(): boolean {
    const { maxConnections, slot } = this.spec
    return maxConnections > 0 && Atomics.load(this.#context.board.shared.backend.inflight, slot) >= maxConnections
  }

  /**
   * The server that a client belongs to, drained or not; null when it can't be used. One that is ejected is worth a try only
   * where no other may take its place.
   */
  home(slot: number): Server | null {
    const { admin, health, ejected } = this.#context.board.shared.server
    if (admin[slot] === ADMIN_MAINT || health[slot] === HEALTH_DOWN) return null
    return ejected[slot] === 1 && !this.isStrict ? null : (this.#servers.get(slot) ?? null)
  }

  /** A client that belongs to a server goes to no other. */
  get isStrict(): boolean {
    return this.spec.persistence?.strict === true
  }

  /** There are servers, full or not, that have not been tried. */
  hasServers(tried: readonly number[] | null): boolean {
    this.#follow()
    return tried === null ? this.#pool.n > 0 : this.#poolAfter(tried).n > 0
  }

  /**
   * After a failure; may allocate. Of the pool as long as it has others, then of the lower ranks that would be used if
   * those that failed were gone; what failed is taken again only when there is nothing else.
   */
  #pickAgain(key: number, tried: readonly number[], now: number): Server | null {
    const pool = this.#pool
    const last = tried.at(-1)!
    if (tried.length === 1 && pool.n > 1) return this.#pick(pool, key, now, last)
    const rest = this.#poolAfter(tried)
    return rest.n === 0 ? this.#pick(pool, key, now, last) : this.#pick(rest, key, now, -1)
  }

  #poolAfter(tried: readonly number[]): Pool {
    if (tried.length === 0) return this.#pool
    const rest = without(this.#pool, tried)
    return rest.n > 0 ? rest : { ...this.#build(tried), members: this.#pool.members }
  }

  #pick(pool: Pool, key: number, now: number, avoid: number): Server | null {
    const slot = this.#balancer.pick(pool, key, now, avoid)
    return slot < 0 ? null : this.#servers.get(slot)!
  }

  // What is counted of it here: the rest is in http1/record.ts and tcp/record.ts.

  /** Whether a request that a server has got may be sent to another. @param now performance.now() */
  allowsRetry(now: number): boolean {
    const allowed = this.budget.allows(now)
    if (!allowed) this.#context.row.counters.backend.retriesDenied[this.spec.slot]!++
    return allowed
  }

  countRedispatch(): void {
    this.#context.row.counters.backend.redispatches[this.spec.slot]!++
  }

  /** A request has left the queue, for a server or for good. @param waited ms */
  countWait(waited: number): void {
    const { queueWaits, queueTime } = this.#context.row.counters.backend
    queueWaits[this.spec.slot]!++
    queueTime[this.spec.slot]! += waited
  }

  // What the control plane changes.

  /** A table for the latest members and weights. */
  setTable(table: SharedArrayBuffer): void {
    this.#table = table
    this.#generation = this.#currentGeneration()
    this.#pool = this.#rebuild()
  }

  /** Looks whether the control plane has changed something: by a plain read, which costs nothing and is at most late. */
  #follow(): void {
    if (this.#generations[this.spec.slot] === this.#generation) return
    this.#generation = this.#currentGeneration()
    this.#pool = this.#rebuild()
    this.queue?.serveSoon()
  }

  /** Read before the states that it stands for: what changes later has a later generation. */
  #currentGeneration(): number {
    return Atomics.load(this.#generations, this.spec.slot)
  }

  #rebuild(): Pool {
    const pool = this.#build(NONE)
    this.#balancer.update?.(pool, this.#table)
    return pool
  }

  #build(leftOut: readonly number[]): Pool {
    const { slot: backend, rules, servers } = this.spec
    const members = leftOut.length === 0 ? servers : servers.filter(({ slot }) => !leftOut.includes(slot))
    return buildPool({ backend, members, rules, states: this.#context.board.shared.server })
  }

  /** Ten times a second. @param now int32 µs, as on the scoreboard */
  tick(now: number): void {
    this.#follow()
    this.#balancer.tick?.(this.#pool, now)
  }

  /** Closes connections that have been idle for too long. @param now performance.now() */
  sweep(now: number): void {
    for (const server of this.#servers.values()) server.sweep(now)
  }

  /** The backend is gone, or the worker stops: idle connections are closed, busy ones when they are done. */
  close(): void {
    for (const server of this.#servers.values()) server.close()
  }
}
