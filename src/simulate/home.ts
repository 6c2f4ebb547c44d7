// Where the plain hash of a key would send it with all servers usable: its home. To count how many requests a balancer that
// follows keys has sent elsewhere.
import { balancers } from '../balance/balancers.ts'
import { createBoard } from '../balance/board.ts'
import { createColumns } from '../balance/columns.ts'
import { createDice } from '../balance/dice.ts'
import { buildPool, plainRules } from '../balance/pool.ts'
import { ADMIN_READY, HEALTH_UP } from '../model/states.ts'
import { keyedBalancers } from '../model/balancers.ts'
import type { Common } from './instance.ts'

/** @returns key -> slot; null for algorithms that follow no key */
export function homeOf({ setup, members }: Common): ((key: number) => number) | null {
  const { name, options } = setup.algorithm
  if (!keyedBalancers.has(name)) return null
  const n = members.length
  const board = createBoard(createColumns(n))
  const states = {
    admin: new Int32Array(n).fill(ADMIN_READY),
    health: new Int32Array(n).fill(HEALTH_UP),
    weight: Int32Array.from(members, ({ weight }) => weight),
    ramp: new Int32Array(n),
    ejected: new Int32Array(n),
  }
  const pool = buildPool({ backend: 0, members, rules: plainRules, states })
  const hash = balancers.hash.create({ board, dice: createDice(1), options })
  hash.update?.(pool, balancers.hash.table?.(members, options) ?? null)
  return (key) => hash.pick(pool, key, 0, -1)
}
