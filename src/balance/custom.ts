// A balancer of the user's own: what a module has to export to be one. Looks at what was loaded and tries it once, so that
// a file that cannot work is refused before traffic comes. Loading files is for the planes: nothing here knows of files.
// Whether it balances well is balance/conformance/.
import { defaultBalanceOptions } from '../model/balancers.ts'
import { ADMIN_READY, HEALTH_UP } from '../model/states.ts'
import { createBoard } from './board.ts'
import { createColumns } from './columns.ts'
import { createDice } from './dice.ts'
import { buildPool, plainRules } from './pool.ts'
import type { Algorithm, Balancer, BalancerContext, Member } from './types.ts'

/**
 * The algorithm that a module exports: a factory or an Algorithm, as its default.
 * @throws Error that says what is missing
 */
export function algorithmIn(module: unknown): Algorithm {
  const exported = isObject(module) ? module['default'] : undefined
  if (exported === undefined) throw new Error('it has no default export: "export default" a BalancerFactory')
  if (typeof exported === 'function') return { create: exported as Algorithm['create'] }
  if (!isObject(exported) || typeof exported['create'] !== 'function')
    throw new Error('its default export is neither a function (a BalancerFactory) nor an object with "create"')
  const { table } = exported
  if (table !== undefined && typeof table !== 'function')
    throw new Error('"table" of its default export is no function')
  return exported as unknown as Algorithm
}

/**
 * Makes the balancer. Used wherever one of the user's own is made, because types are erased.
 * @throws Error when `create` throws, or returns what is no balancer
 */
export function createOwn(algorithm: Algorithm, context: BalancerContext): Balancer {
  const balancer: unknown = attempt('it throws when a balancer is created', () => algorithm.create(context))
  if (!isObject(balancer) || typeof balancer['pick'] !== 'function')
    throw new Error('what it creates has no "pick": a factory returns {pick(pool, key, now, avoid) {...}}')
  for (const name of ['onStart', 'onEnd', 'update', 'tick']) {
    const method = balancer[name]
    if (method !== undefined && typeof method !== 'function')
      throw new Error(`"${name}" of what it creates is no function`)
  }
  return balancer as unknown as Balancer
}

/**
 * One pick from two servers.
 * @throws Error that says what did not work
 */
export function tryOut(algorithm: Algorithm): void {
  const members = ['a', 'b'].map((name, slot): Member => ({ slot, name, weight: 1, tier: 0, zone: null }))
  const column = (value: number): Int32Array => new Int32Array(members.length).fill(value)
  const pool = buildPool({
    backend: 0,
    members,
    rules: plainRules,
    states: {
      admin: column(ADMIN_READY),
      health: column(HEALTH_UP),
      weight: column(1),
      ramp: column(0),
      ejected: column(0),
    },
  })
  const board = createBoard(createColumns(members.length))
  const balancer = createOwn(algorithm, { board, dice: createDice(1), options: defaultBalanceOptions })
  const table = attempt('its "table" throws', () => algorithm.table?.(members, defaultBalanceOptions) ?? null)
  if (table !== null && !(table instanceof SharedArrayBuffer)) throw new Error('its "table" makes no SharedArrayBuffer')
  attempt('its "update" throws', () => balancer.update?.(pool, table))
  const slot: unknown = attempt('its "pick" throws', () => balancer.pick(pool, 1, 0, -1))
  if (slot !== 0 && slot !== 1) throw new Error('its "pick" answers with no slot of a pool of two servers')
}

function attempt<T>(what: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
