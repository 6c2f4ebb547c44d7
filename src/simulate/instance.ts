// One Weir of the simulation: the product's own Board, Pool, Balancer and Ejection, on columns of its own. It sees only
// the requests that it sends itself. What the live process spreads over its threads (refresh, ejection, slow start, new
// pools) happens here in tick(), ten times a second of virtual time.
// There are no health checks: servers are up unless a fault says `absent`. What is simulated is what traffic alone shows.
import { createBoard, type Board } from '../balance/board.ts'
import { createColumns, type Columns } from '../balance/columns.ts'
import { createDice } from '../balance/dice.ts'
import { Ejection, type EjectionRule } from '../balance/ejection.ts'
import { forget, refresh } from '../balance/learning.ts'
import { buildPool, without, type StateColumns } from '../balance/pool.ts'
import type { Balancer, Dice, Member, Pool } from '../balance/types.ts'
import type { Outcome } from '../balance/outcome.ts'
import { ADMIN_READY, HEALTH_DOWN, HEALTH_UP } from '../model/states.ts'
import type { Setup } from './types.ts'

/** Slow start begins at this percent of the weight, and pools are rebuilt when it has grown by so many. */
const RAMP_FLOOR = 10
const RAMP_STEP = 5

/** What the instances of one simulation have in common. Slots are indexes into `setup.servers`. */
export interface Common {
  readonly setup: Setup
  readonly members: readonly Member[]
  readonly slots: Int32Array
  /** What the algorithm makes of the members on the control plane, or null. */
  readonly table: SharedArrayBuffer | null
}

/** The part that is the same for all instances, made once. */
export function commonOf(setup: Setup): Common {
  const members = setup.servers.map(({ name, weight, tier, zone }, slot): Member => ({
    slot,
    name,
    weight,
    tier,
    zone,
  }))
  const { algorithm, options } = setup.algorithm
  const table = algorithm.table?.(members, options) ?? null
  return { setup, members, slots: Int32Array.from(members, ({ slot }) => slot), table }
}

export class Instance {
  readonly #common: Common
  readonly #columns: Columns
  readonly #states: StateColumns
  readonly #board: Board
  readonly #balancer: Balancer
  readonly #ejection: Ejection | null
  /** When slow start began, by slot, in ms; -1: it is over, or there was none. */
  readonly #joinedAt: Float64Array
  #pool: Pool

  /** @param seed each instance has its own: dice, and where its rotation starts */
  constructor(common: Common, seed: number) {
    const { setup, members } = common
    const { algorithm, options } = setup.algorithm
    const n = members.length
    const ints = (value: number): Int32Array => new Int32Array(n).fill(value)
    const weight = Int32Array.from(members, (member) => member.weight)
    const dice = createDice(seed)
    this.#common = common
    this.#columns = createColumns(n)
    this.#columns.backend.cursor[0] = dice.below(0x40000000)
    this.#states = { admin: ints(ADMIN_READY), health: ints(HEALTH_UP), weight, ramp: ints(0), ejected: ints(0) }
    this.#board = createBoard(this.#columns)
    this.#balancer = algorithm.create({ board: this.#board, dice, options })
    this.#ejection = setup.ejection === null ? null : this.#ejectionBy(setup.ejection, dice)
    this.#joinedAt = new Float64Array(n).fill(-1)
    this.#pool = this.#rebuild()
  }

  /**
   * Picks a server and counts the attempt. @param now int32 µs, as everywhere here
   * @param tried servers that this request has failed on, latest first; none on the first attempt
   * @returns a slot, -1 when there is no server
   */
  begin(key: number, now: number, tried: readonly number[]): number {
    const pool = tried.length < 2 ? this.#pool : without(this.#pool, tried.slice(1))
    const slot = this.#balancer.pick(pool, key, now, tried[0] ?? -1)
    if (slot >= 0) {
      this.#board.start(slot, now)
      this.#balancer.onStart?.(slot, now)
    }
    return slot
  }

  end(slot: number, now: number, latUs: number, outcome: Outcome): void {
    this.#board.answer(slot, now, latUs, outcome)
    this.#balancer.onEnd?.(slot, now, latUs, outcome)
    this.#board.end(slot)
  }

  /** A server has gone, or has joined. @param time ms */
  setPresent(slot: number, present: boolean, time: number): void {
    this.#states.health[slot] = present ? HEALTH_UP : HEALTH_DOWN
    if (present) {
      forget(this.#columns, slot)
      this.#startSlowly(slot, time)
    }
    this.#pool = this.#rebuild()
  }

  /** @param time ms, the same moment as `now` */
  tick(time: number, now: number): void {
    refresh(this.#columns, 0, this.#common.slots, now)
    let changed = false
    for (const { slot, cause } of this.#ejection?.sweep(now) ?? []) {
      changed = true
      if (cause === null) this.#startSlowly(slot, time)
    }
    if (this.#ramp(time)) changed = true
    if (changed) this.#pool = this.#rebuild()
    this.#balancer.tick?.(this.#pool, now)
  }

  /** The rules of a simulation know runs of failures only. */
  #ejectionBy(rule: EjectionRule, dice: Dice): Ejection {
    const columns = { ...this.#states, consecutive: this.#columns.server.consecutive }
    return new Ejection({ rule, slots: this.#common.slots, columns, traffic: null, dice })
  }

  #startSlowly(slot: number, time: number): void {
    if (this.#common.setup.slowStart === 0) return
    this.#joinedAt[slot] = time
    this.#states.ramp[slot] = RAMP_FLOOR
  }

  /** @returns true when a weight has grown so far that the pool is out of date */
  #ramp(time: number): boolean {
    let changed = false
    for (const slot of this.#common.slots) {
      if (this.#joinedAt[slot]! < 0) continue
      const percent = Math.floor(((time - this.#joinedAt[slot]!) * 100) / this.#common.setup.slowStart)
      if (percent < 100 && percent < this.#states.ramp[slot]! + RAMP_STEP) continue
      this.#states.ramp[slot] = percent < 100 ? percent : 0
      if (percent >= 100) this.#joinedAt[slot] = -1
      changed = true
    }
    return changed
  }

  #rebuild(): Pool {
    const { setup, members, table } = this.#common
    const pool = buildPool({ backend: 0, members, rules: setup.rules, states: this.#states })
    this.#balancer.update?.(pool, table)
    return pool
  }
}
