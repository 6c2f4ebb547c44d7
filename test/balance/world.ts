// A backend on a board of its own, for tests of the algorithms: servers of given weights, all up unless said.
import { createDice } from '../../src/balance/dice.ts'
import { buildPool, plainRules, type PoolRules } from '../../src/balance/pool.ts'
import { createBoard } from '../../src/balance/board.ts'
import { createColumns, type Columns } from '../../src/balance/columns.ts'
import type { Algorithm, Balancer, Member, Pool } from '../../src/balance/types.ts'
import { defaultBalanceOptions, type BalanceOptions } from '../../src/model/balancers.ts'
import { ADMIN_READY, HEALTH_UP } from '../../src/model/states.ts'

export interface ServerState {
  readonly name: string
  readonly weight: number
  readonly tier?: number
  readonly zone?: string
  /** Percent of slow start. */
  readonly ramp?: number
  readonly ejected?: number
  readonly admin?: number
  readonly health?: number
  /** Default: its place in the list. */
  readonly slot?: number
}

export interface World {
  readonly columns: Columns
  readonly members: readonly Member[]
  readonly pool: Pool
}

/** @param columns of another world, for a second worker or for what became of the same servers */
export function world(
  servers: readonly ServerState[],
  columns: Columns = createColumns(64),
  rules: PoolRules = plainRules,
): World {
  const rows = Math.max(64, ...servers.map(({ slot }, i) => (slot ?? i) + 1))
  const admin = new Int32Array(rows)
  const health = new Int32Array(rows)
  const weight = new Int32Array(rows)
  const ramp = new Int32Array(rows)
  const ejected = new Int32Array(rows)
  const members = servers.map((server, i): Member => {
    const slot = server.slot ?? i
    admin[slot] = server.admin ?? ADMIN_READY
    health[slot] = server.health ?? HEALTH_UP
    weight[slot] = server.weight
    ramp[slot] = server.ramp ?? 0
    ejected[slot] = server.ejected ?? 0
    return { slot, name: server.name, weight: server.weight, tier: server.tier ?? 0, zone: server.zone ?? null }
  })
  const states = { admin, health, weight, ramp, ejected }
  return { columns, members, pool: buildPool({ backend: 0, members, rules, states }) }
}

/** Servers a, b, c, ... of these weights, at slots 0, 1, 2, ... */
export const servers = (...weights: number[]): ServerState[] =>
  weights.map((weight, i) => ({ name: nameOf(i), weight, slot: i }))

export const nameOf = (i: number): string => (i < 26 ? String.fromCharCode(97 + i) : `server-${i}`)

export function start(
  algorithm: Algorithm,
  { columns, pool }: World,
  seed = 1,
  options: BalanceOptions = defaultBalanceOptions,
): Balancer {
  const balancer = algorithm.create({ board: createBoard(columns), dice: createDice(seed), options })
  balancer.update?.(pool, algorithm.table?.(pool.members, options) ?? null)
  return balancer
}

/** How often each slot is picked in so many picks, by keys that are all different. Nothing stays in flight. */
export function countPicks(balancer: Balancer, pool: Pool, picks: number, avoid = -1): Map<number, number> {
  const counts = new Map<number, number>()
  for (let i = 0; i < picks; i++) {
    const slot = balancer.pick(pool, Math.imul(i + 1, 0x01000193), 0, avoid)
    counts.set(slot, (counts.get(slot) ?? 0) + 1)
  }
  return counts
}

/** Every order of a few items. */
export function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]))
}
