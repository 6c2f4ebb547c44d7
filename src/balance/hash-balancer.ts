// The same key goes to the same server, on every worker and machine, by a table over all members, whatever their health.
// A key has a fixed list of preferences and goes to the first that is usable. So a server that goes down gives away its own
// keys and nobody else's, spread over the others, and gets the same ones back when it is up again.
//  - maglev: the cells of the key's hash, its second hash and so on, then all servers in the order of a rendezvous.
//  - ring: the points from the key's place onward, as clients of memcached do it, so that both find the same server.
// Between a change of members and its table, keys go by the table before. While there is none at all, by rendezvous.
// Not balanced by load: a busy key is one server's burden. affinity.ts is for that.
import { buildKeyTable } from './key-table.ts'
import { KeyedPool, rehash } from './keyed-pool.ts'
import { cellOf } from './maglev.ts'
import { rendezvous } from './rendezvous.ts'
import { findPoint } from './ring.ts'
import type { Algorithm, Balancer } from './types.ts'

/** Cells tried before the rendezvous of all servers: with half of them unusable, 1 key in 130,000 needs that. */
const CELLS_TRIED = 17

export const hash: Algorithm = {
  create: ({ options }) => (options.table === 'ring' ? createRing() : createMaglev()),
  table: (members, options) => buildKeyTable(members, options.table),
}

function createMaglev(): Balancer {
  const keyed = new KeyedPool('maglev')
  return {
    pick(pool, key, _now, avoid) {
      const { n, slot } = pool
      if (n < 2) return n === 0 ? -1 : slot[0]!
      const { owners } = keyed.section
      if (owners.length > 0) {
        for (let k = 0; k < CELLS_TRIED; k++) {
          const place = keyed.placeOf(pool, owners[cellOf(rehash(key, k), owners.length)]!)
          if (place >= 0 && slot[place] !== avoid) return slot[place]!
        }
      }
      return slot[rendezvous(pool, key, avoid)]!
    },
    update: (pool, table) => keyed.update(pool, table),
  }
}

/** The key is the first four bytes of the MD5 of the text, lowest first. */
function createRing(): Balancer {
  const keyed = new KeyedPool('ring')
  return {
    pick(pool, key, _now, avoid) {
      const { n, slot } = pool
      if (n < 2) return n === 0 ? -1 : slot[0]!
      const { points, owners } = keyed.section
      let at = findPoint(points, key)
      for (let walked = 0; walked < points.length; walked++) {
        const place = keyed.placeOf(pool, owners[at]!)
        if (place >= 0 && slot[place] !== avoid) return slot[place]!
        if (++at === points.length) at = 0
      }
      return slot[rendezvous(pool, key, avoid)]!
    },
    update: (pool, table) => keyed.update(pool, table),
  }
}
