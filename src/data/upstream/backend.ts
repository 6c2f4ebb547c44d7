// A backend as one worker sees it: its servers, the pool of those that may be picked now, and the balancer. The pool is
// rebuilt when the control plane has changed a health, an admin state or a weight, which it says by the generation.
// Counting is the business of the attempts (attempt.ts), who may be picked that of balance/pool.ts.
import { Board } from '../../balance/board.ts'
import { buildPool, without } from '../../balance/pool.ts'
import type { Balancer, Pool } from '../../balance/types.ts'
import { balancingColumns } from '../../scoreboard/scoreboard.ts'
import type { BackendSpec } from '../../messages/snapshot.ts'
import type { WorkerContext } from '../context.ts'
import { balancerFor } from './algorithm.ts'
import { Server } from './server.ts'

export class Backend {
  readonly spec: BackendSpec
  readonly #context: WorkerContext
  readonly #servers = new Map<number, Server>()
  readonly #balancer: Balancer
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
    const { board } = context
    const counts = new Board(balancingColumns(board), context.row.owned, spec.slot)
    const balancer = balancerFor(spec, counts, context)
    for (const server of spec.servers) {
      this.#servers.set(server.slot, new Server(server, spec, { counts, balancer }, context))
    }
    this.#balancer = balancer
    this.#generations = board.shared.backend.generation
    this.#generation = this.#currentGeneration()
    this.#pool = this.#rebuild()
  }

  /**
   * The server for a request or a connection.
   * @param key hash of what the choice is to stick to, for the algorithms that follow one
   * @param tried slots that failed for this request already; they come last
   * @param now int32 µs, as on the scoreboard
   * @returns null when no server is usable
   */
  pick(key: number, tried: readonly number[] | null, now: number): Server | null {
    this.#follow()
    if (tried !== null) return this.#pickAgain(key, tried, now)
    return this.#serverAt(this.#balancer.pick(this.#pool, key, now, -1))
  }

  /**
   * After a failure; may allocate. Of the pool as long as it has others, then of the lower ranks that would be used if
   * those that failed were gone; what failed is taken again only when there is nothing else.
   */
  #pickAgain(key: number, tried: readonly number[], now: number): Server | null {
    const pool = this.#pool
    const last = tried.at(-1)!
    if (tried.length === 1 && pool.n > 1) return this.#serverAt(this.#balancer.pick(pool, key, now, last))
    let rest = without(pool, tried)
    if (rest.n === 0) rest = { ...this.#build(tried), members: pool.members }
    if (rest.n === 0) return this.#serverAt(this.#balancer.pick(pool, key, now, last))
    return this.#serverAt(this.#balancer.pick(rest, key, now, -1))
  }

  #serverAt(slot: number): Server | null {
    return slot < 0 ? null : this.#servers.get(slot)!
  }

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
  }

  /** Read before the states that it stands for: what changes later has a later generation. */
  #currentGeneration(): number {
    return Atomics.load(this.#generations, this.spec.slot)
  }

  #rebuild(): Pool {
    const pool = this.#build([])
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
