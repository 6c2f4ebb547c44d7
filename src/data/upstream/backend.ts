// A backend as one worker sees it: its servers, the pool of those that may be picked now, and the balancer. The pool is
// rebuilt when the control plane has changed a health, an admin state or a weight, which it says by the generation.
import { balancers } from '../../balance/balancers.ts'
import { buildPool } from '../../balance/pool.ts'
import type { Balancer, Pool } from '../../balance/types.ts'
import type { BackendSpec } from '../../messages/snapshot.ts'
import type { WorkerContext } from '../context.ts'
import { Server } from './server.ts'

export class Backend {
  readonly spec: BackendSpec
  readonly #context: WorkerContext
  readonly #servers = new Map<number, Server>()
  readonly #balancer: Balancer
  #pool: Pool
  #generation: number

  constructor(spec: BackendSpec, context: WorkerContext) {
    this.spec = spec
    this.#context = context
    for (const server of spec.servers) this.#servers.set(server.slot, new Server(server, spec, context))
    const { board, dice } = context
    const columns = { inflight: board.shared.server.inflight, cursor: board.shared.backend.cursor }
    const create = balancers[spec.balance.algorithm as keyof typeof balancers]
    this.#balancer = create({ board: columns, dice })
    this.#generation = Atomics.load(board.shared.backend.generation, spec.slot)
    this.#pool = this.#rebuild()
  }

  /**
   * The server for a request or a connection.
   * @param key hash of the client's address, for the algorithms that stick to it
   * @param tried slots that failed for this request already; they come last
   * @returns null when no server is usable
   */
  pick(key: number, tried: readonly number[] | null): Server | null {
    const generation = Atomics.load(this.#context.board.shared.backend.generation, this.spec.slot)
    if (generation !== this.#generation) {
      this.#generation = generation
      this.#pool = this.#rebuild()
    }
    if (tried !== null) return this.#pickAgain(key, tried)
    return this.#serverAt(this.#balancer.pick(this.#pool, key, -1))
  }

  /** After a failure; may allocate. What failed is taken again only when there is no other, not even a backup. */
  #pickAgain(key: number, tried: readonly number[]): Server | null {
    const rest = { ...this.#build(tried), members: this.#pool.members }
    const last = tried.at(-1)!
    if (rest.n === 0) return this.#serverAt(this.#balancer.pick(this.#pool, key, last))
    return this.#serverAt(this.#balancer.pick(rest, key, -1))
  }

  #serverAt(slot: number): Server | null {
    return slot < 0 ? null : this.#servers.get(slot)!
  }

  #rebuild(): Pool {
    const pool = this.#build([])
    this.#balancer.update?.(pool)
    return pool
  }

  #build(leftOut: readonly number[]): Pool {
    const { admin, health, weight } = this.#context.board.shared.server
    const members = this.spec.servers.filter((server) => !leftOut.includes(server.slot))
    return buildPool({ backend: this.spec.slot, members, admin, health, weight })
  }

  /** Called on every tick: closes connections that have been idle for too long. */
  sweep(now: number): void {
    for (const server of this.#servers.values()) server.sweep(now)
  }

  /** The backend is gone, or the worker stops: idle connections are closed, busy ones when they are done. */
  close(): void {
    for (const server of this.#servers.values()) server.close()
  }
}
