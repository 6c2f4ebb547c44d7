// The table that one backend's balancer goes by, where its algorithm has one (Maglev and the like). It is built here, off
// the threads that serve, because it can take a good part of a second; all workers read the same memory.
import type { Logger } from 'pino'
import { weightedMembers } from '../../balance/pool.ts'
import type { Algorithm } from '../../balance/types.ts'
import type { BackendSpec } from '../../messages/snapshot.ts'
import { algorithmFor } from './load-algorithm.ts'

export class BackendTable {
  /** Null when the algorithm has none, or has failed to make one. */
  memory: SharedArrayBuffer | null = null
  readonly #spec: BackendSpec
  readonly #make: Algorithm['table']
  readonly #log: Logger
  /** The weights that it was built of. */
  #weights: Int32Array | null = null

  /** @param weight column of the scoreboard, by server slot */
  constructor(spec: BackendSpec, weight: Int32Array, log: Logger) {
    this.#spec = spec
    this.#make = algorithmFor(spec.balance).table
    this.#log = log
    this.refresh(weight)
  }

  /** Builds it anew if a weight is not what it was built of. @returns whether there is another table now */
  refresh(weight: Int32Array): boolean {
    if (this.#make === undefined) return false
    const { servers, balance, name } = this.#spec
    const weights = Int32Array.from(servers, ({ slot }) => weight[slot]!)
    if (this.#weights?.every((each, i) => each === weights[i]) === true) return false
    const members = weightedMembers(servers, weight)
    if (members.length === 0) return false // nothing can be picked, so nothing has to be found
    this.#weights = weights
    try {
      this.memory = this.#make(members, balance.options)
    } catch (error) {
      // Only the balancer of a user's own gets here; with the table before it, or none, it still has to work.
      const words = error instanceof Error ? error.message : String(error)
      this.#log.error({ backend: name, file: balance.file }, `the balancer of ${name} cannot build its table: ${words}`)
      return false
    }
    return true
  }
}
