// A pool and the table of its keys, brought together: where in the pool an entry of the table is, if it may be picked now.
// The table is rebuilt elsewhere when members or weights change, the pool here when health does, and each may be ahead of
// the other; they meet by name, in update, so that a pick costs two reads of an array.
import type { HashTable } from '../model/balancers.ts'
import { mix } from './hash.ts'
import { openKeyTable, type KeyTable, type Section } from './key-table.ts'
import type { Pool } from './types.ts'

const noTable: KeyTable = { names: [], sections: [] }
const noSection: Section = { tier: 0, points: new Uint32Array(0), owners: new Uint16Array(0) }

/** 2^32 divided by the golden ratio: multiples of it are far apart. */
const GOLDEN = 0x9e3779b9

export class KeyedPool {
  /** For the tiers that take part now; without owners when there is no table for any server of the pool. */
  section: Section = noSection
  readonly #kind: HashTable
  #pool: Pool | null = null
  #memory: SharedArrayBuffer | null = null
  #table: KeyTable = noTable
  /** By owner: index into the pool's arrays, -1 when it is not in the pool. */
  #places = new Int32Array(0)

  constructor(kind: HashTable) {
    this.#kind = kind
  }

  /** @param memory the latest table, be it for the members of now or not; null when none has been built yet */
  update(pool: Pool, memory: SharedArrayBuffer | null): void {
    if (memory !== this.#memory) {
      this.#memory = memory
      this.#table = (memory && openKeyTable(memory, this.#kind)) ?? noTable
    }
    const indexes = new Map(pool.names.map((name, i) => [name, i]))
    this.#places = Int32Array.from(this.#table.names, (name) => indexes.get(name) ?? -1)
    const section = this.#table.sections.findLast(({ tier }) => tier <= pool.tier)
    this.section = section && this.#places.some((place) => place >= 0) ? section : noSection
    this.#pool = pool
  }

  /** Index of an owner in the pool's arrays, -1 when it may not be picked. For a pool other than the last one in O(n). */
  placeOf(pool: Pool, owner: number): number {
    return pool === this.#pool ? this.#places[owner]! : pool.names.indexOf(this.#table.names[owner]!)
  }
}

/** The k-th hash of a key: k = 0, 1, ... are a list of preferences that is the key's own. */
export const rehash = (key: number, k: number): number => mix((key + Math.imul(k, GOLDEN)) | 0)
