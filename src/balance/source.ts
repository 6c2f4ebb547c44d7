// The same key goes to the same server, on every worker and machine: a Maglev table over all members, whatever their
// health. A key has a fixed list of preferences: the cells of its hash, its second hash, and so on, then all servers in
// the order of a draw that is its own; it goes to the first that is usable. So a server that goes down gives away its own
// keys and nobody else's, spread over the others, and gets the same ones back when it is up again.
// Primaries and backups have a table each: a backup that waits takes no part in the hashing. Not balanced by load: a
// busy key is one server's burden.
import { hashString, mix } from './hash.ts'
import { buildMaglev, MAGLEV_CELLS } from './maglev.ts'
import type { BalancerFactory, Member, Pool } from './types.ts'

/** Cells tried before the walk over all servers: with half of them unusable, 1 key in 130,000 needs the walk. */
const CELLS_TRIED = 17

export const source: BalancerFactory = () => {
  const tables = { primary: emptyTable, backup: emptyTable }
  let table = emptyTable
  let usable = new Uint8Array(0) // by index into table.members
  let built: Pool | null = null

  return {
    pick(pool, key, avoid) {
      if (pool.n < 2) return pool.n === 0 ? -1 : pool.slot[0]!
      const { cells, slots } = table
      if (slots.length > 0) {
        for (let k = 0; k < CELLS_TRIED; k++) {
          const member = cells[(mix(key + Math.imul(k, 0x9e3779b9)) >>> 0) % MAGLEV_CELLS]!
          const slot = slots[member]!
          if (slot === avoid) continue
          if (pool === built ? usable[member] === 1 : pool.slot.includes(slot)) return slot
        }
      }
      return drawByKey(pool, key, avoid)
    },
    update(pool) {
      const role = pool.backup ? 'backup' : 'primary'
      table = tables[role] = refreshTable(tables[role], pool)
      const up = new Set(pool.slot)
      usable = Uint8Array.from(table.slots, (slot) => (up.has(slot) ? 1 : 0))
      built = pool
    },
  }
}

interface Table {
  /** Sorted by name, so that their order in the configuration does not matter. */
  readonly members: readonly Member[]
  /** Their slots: these may change when the names and weights do not. */
  readonly slots: Int32Array
  readonly cells: Uint16Array
}

const emptyTable: Table = { members: [], slots: new Int32Array(0), cells: new Uint16Array(0) }

/** The table for the members of the pool's role; the cells are kept when names and weights are the same. */
function refreshTable(old: Table, pool: Pool): Table {
  const members = pool.members.filter((m) => m.backup === pool.backup).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const same =
    members.length === old.members.length &&
    members.every((m, i) => m.name === old.members[i]!.name && m.weight === old.members[i]!.weight)
  return { members, slots: Int32Array.from(members, (m) => m.slot), cells: same ? old.cells : buildMaglev(members) }
}

/**
 * Weighted rendezvous hashing: every server draws an exponential time from the key and its name, at the rate of its
 * weight, and the earliest wins. The end of each key's list of preferences; O(n).
 */
function drawByKey({ n, slot, weight, names }: Pool, key: number, avoid: number): number {
  let best = -1
  let earliest = Infinity
  for (let i = 0; i < n; i++) {
    if (slot[i] === avoid) continue
    const uniform = ((mix(key ^ hashString(names[i]!)) >>> 0) + 0.5) / 0x100000000
    const time = -Math.log(uniform) / weight[i]!
    if (time < earliest || (time === earliest && names[i]! < names[best]!)) {
      best = i
      earliest = time
    }
  }
  return slot[best]!
}
