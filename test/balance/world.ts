// A backend on a board of its own, for tests of the algorithms: servers of given weights, all up unless said.
import { createDice } from '../../src/balance/dice.ts'
import { buildPool } from '../../src/balance/pool.ts'
import type { Balancer, BalancerFactory, Board, Member, Pool } from '../../src/balance/types.ts'
import { ADMIN_READY, HEALTH_UP } from '../../src/model/states.ts'

export interface ServerState {
  readonly name: string
  readonly weight: number
  readonly backup?: boolean
  readonly admin?: number
  readonly health?: number
  /** Default: its place in the list. */
  readonly slot?: number
}

export interface World {
  readonly board: Board
  readonly members: readonly Member[]
  readonly pool: Pool
}

/** @param board of another world, for a second worker or for what became of the same servers */
export function world(servers: readonly ServerState[], board = emptyBoard()): World {
  const rows = 64
  const admin = new Int32Array(rows)
  const health = new Int32Array(rows)
  const weight = new Int32Array(rows)
  const members = servers.map((server, i): Member => {
    const slot = server.slot ?? i
    admin[slot] = server.admin ?? ADMIN_READY
    health[slot] = server.health ?? HEALTH_UP
    weight[slot] = server.weight
    return { slot, name: server.name, weight: server.weight, backup: server.backup ?? false }
  })
  return { board, members, pool: buildPool({ backend: 0, members, admin, health, weight }) }
}

export const emptyBoard = (): Board => ({ inflight: new Int32Array(64), cursor: new Int32Array(1) })

/** Servers a, b, c, ... of these weights, at slots 0, 1, 2, ... */
export const servers = (...weights: number[]): ServerState[] =>
  weights.map((weight, i) => ({ name: nameOf(i), weight, slot: i }))

export const nameOf = (i: number): string => (i < 26 ? String.fromCharCode(97 + i) : `server-${i}`)

export function start(create: BalancerFactory, { board, pool }: World, seed = 1): Balancer {
  const balancer = create({ board, dice: createDice(seed) })
  balancer.update?.(pool)
  return balancer
}

/** How often each slot is picked in so many picks, by keys that are all different. Nothing stays in flight. */
export function countPicks(balancer: Balancer, pool: Pool, picks: number, avoid = -1): Map<number, number> {
  const counts = new Map<number, number>()
  for (let i = 0; i < picks; i++) {
    const slot = balancer.pick(pool, Math.imul(i + 1, 0x01000193), avoid)
    counts.set(slot, (counts.get(slot) ?? 0) + 1)
  }
  return counts
}

/** Every order of a few items. */
export function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]))
}
