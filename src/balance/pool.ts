// Which servers may be picked: decided here, once, around every algorithm. The algorithms only choose among them.
// Built when membership, weight, health or admin state changes, never on a pick; so it may allocate.
import { ADMIN_READY, HEALTH_CHECKING, HEALTH_UP } from '../model/states.ts'
import type { Member, Pool } from './types.ts'

export interface PoolInput {
  /** Scoreboard row of the backend. */
  readonly backend: number
  /** In config order, which has to be the same on every worker. */
  readonly members: readonly Member[]
  /** Columns of the scoreboard, by server slot. */
  readonly admin: Int32Array
  readonly health: Int32Array
  /** Effective weight, by server slot; it overrules the weight in `members`. */
  readonly weight: Int32Array
}

/**
 * The pool to pick from now. Only servers that the operator has ready and whose weight is not 0 count; of these the first
 * of the following groups that is not empty: primaries that are up, backups that are up, primaries not probed yet, backups
 * not probed yet. A server that is down is never in it. The pool is empty (n = 0) when no group has a server.
 */
export function buildPool({ backend, members, admin, health, weight }: PoolInput): Pool {
  const weighted: Member[] = []
  for (const member of members) {
    const effective = weight[member.slot]!
    if (effective > 0) weighted.push(effective === member.weight ? member : { ...member, weight: effective })
  }
  const group = (wanted: number, backup: boolean) =>
    weighted.filter((m) => m.backup === backup && admin[m.slot] === ADMIN_READY && health[m.slot] === wanted)

  for (const wanted of [HEALTH_UP, HEALTH_CHECKING]) {
    for (const backup of [false, true]) {
      const usable = group(wanted, backup)
      if (usable.length > 0) return poolOf(backend, usable, backup, weighted)
    }
  }
  return poolOf(backend, [], false, weighted)
}

/**
 * The same pool without some servers, for a further try after these have failed. It allocates: for the rare second
 * redispatch. The first is cheaper by the `avoid` of pick.
 */
export function without(pool: Pool, slots: readonly number[]): Pool {
  const left: Pick<Member, 'slot' | 'name' | 'weight'>[] = []
  for (let i = 0; i < pool.n; i++) {
    const slot = pool.slot[i]!
    if (!slots.includes(slot)) left.push({ slot, name: pool.names[i]!, weight: pool.weight[i]! })
  }
  return poolOf(pool.backend, left, pool.backup, pool.members)
}

/** The one place that makes pools, so that all have the same shape. */
function poolOf(
  backend: number,
  usable: readonly Pick<Member, 'slot' | 'name' | 'weight'>[],
  backup: boolean,
  members: readonly Member[],
): Pool {
  return {
    backend,
    n: usable.length,
    slot: Int32Array.from(usable, (server) => server.slot),
    weight: Int32Array.from(usable, (server) => server.weight),
    weightSum: usable.reduce((sum, server) => sum + server.weight, 0),
    names: usable.map((server) => server.name),
    backup,
    members,
  }
}
