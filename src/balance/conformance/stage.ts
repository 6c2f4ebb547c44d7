// A backend to try a balancer on: servers of given weights and states, a board of its own, a clock that the check moves,
// and requests that begin and end the way the data plane has it. Nothing here judges.
import { ADMIN_READY, HEALTH_UP } from '../../model/states.ts'
import { defaultBalanceOptions } from '../../model/balancers.ts'
import { createBoard, type Board } from '../board.ts'
import { createColumns, type Columns } from '../columns.ts'
import { createOwn } from '../custom.ts'
import { createDice } from '../dice.ts'
import { mix } from '../hash.ts'
import { refresh } from '../learning.ts'
import { buildPool, plainRules } from '../pool.ts'
import { OUTCOME_OK } from '../outcome.ts'
import type { Algorithm, Balancer, Dice, Member, Pool } from '../types.ts'

export interface StageServer {
  readonly name: string
  readonly weight: number
  readonly tier?: number
  readonly admin?: number
  readonly health?: number
}

const ROWS = 1024
/** No slot is as small as an index into a small pool, so that the two are not mistaken for each other unnoticed. */
const FIRST_SLOT = 64
const SLOTS = ROWS - FIRST_SLOT - 3 // 957 and 389 have no common divisor

/** Slots are scattered, as after a few reloads, and belong to the place in the first list of servers. */
const slotOf = (place: number): number => FIRST_SLOT + ((place * 389) % SLOTS)

const names = ['alpha', 'bravo', 'charlie', 'delta', 'echo', 'foxtrot', 'golf', 'hotel', 'india', 'juliett']
const nameOf = (i: number): string => names[i] ?? `server-${i}`

/** Servers of these weights. */
export const serversOf = (...weights: number[]): StageServer[] =>
  weights.map((weight, i) => ({ name: nameOf(i), weight }))

/** Keys as they come: hashes, all different. */
export const keyOf = (i: number): number => mix(Math.imul(i + 1, 0x9e3779b1))

const TICK = 100_000
const LATENCY = 10_000

/** Tables by what they are made of: large ones take a while to build, and the checks ask for the same ones again. */
const tables = new WeakMap<Algorithm, Map<string, SharedArrayBuffer>>()

function tableFor(algorithm: Algorithm, members: readonly Member[]): SharedArrayBuffer | null {
  if (algorithm.table === undefined || members.length === 0) return null
  const known = tables.get(algorithm) ?? new Map<string, SharedArrayBuffer>()
  tables.set(algorithm, known)
  const key = JSON.stringify(members)
  const table = known.get(key) ?? algorithm.table(members, defaultBalanceOptions)
  known.set(key, table)
  return table
}

export class Stage {
  readonly columns: Columns = createColumns(ROWS)
  readonly board: Board = createBoard(this.columns)
  readonly balancer: Balancer
  /** What chooses on the side of the check; not the dice of the balancer. */
  readonly dice: Dice
  pool: Pool
  /** int32 µs */
  now = 0
  readonly #algorithm: Algorithm
  readonly #slots = new Map<string, number>()
  readonly #inFlight: number[] = []
  #tickAt = 0

  constructor(algorithm: Algorithm, servers: readonly StageServer[], seed: number) {
    this.#algorithm = algorithm
    this.dice = createDice(~seed)
    for (const [place, { name }] of servers.toSorted((a, b) => (a.name < b.name ? -1 : 1)).entries())
      this.#slots.set(name, slotOf(place))
    this.balancer = createOwn(algorithm, { board: this.board, dice: createDice(seed), options: defaultBalanceOptions })
    this.pool = this.show(servers)
  }

  /** The servers are now these; the balancer is told. */
  show(servers: readonly StageServer[]): Pool {
    this.pool = this.build(servers)
    this.balancer.update?.(this.pool, tableFor(this.#algorithm, this.pool.members))
    return this.pool
  }

  /** A pool that the balancer is not told of. */
  build(servers: readonly StageServer[]): Pool {
    const column = (): Int32Array => new Int32Array(ROWS)
    const states = { admin: column(), health: column(), weight: column(), ramp: column(), ejected: column() }
    const members = servers.map(({ name, weight, tier = 0, admin = ADMIN_READY, health = HEALTH_UP }): Member => {
      const slot = this.slot(name)
      states.admin[slot] = admin
      states.health[slot] = health
      states.weight[slot] = weight
      return { slot, name, weight, tier, zone: null }
    })
    return buildPool({ backend: 0, members, rules: plainRules, states })
  }

  slot(name: string): number {
    const known = this.#slots.get(name)
    if (known !== undefined) return known
    const slot = slotOf(this.#slots.size)
    this.#slots.set(name, slot)
    return slot
  }

  /** For messages. */
  nameAt(slot: number): string | undefined {
    return [...this.#slots].find(([, each]) => each === slot)?.[0]
  }

  pick(key: number, avoid = -1): number {
    return this.balancer.pick(this.pool, key, this.now, avoid)
  }

  /** Time goes on, and with it what happens ten times a second. */
  wait(micros: number): void {
    this.now = (this.now + micros) | 0
    if (((this.now - this.#tickAt) | 0) < TICK) return
    this.#tickAt = this.now
    refresh(this.columns, 0, this.pool.slot, this.now)
    this.balancer.tick?.(this.pool, this.now)
  }

  /** Picks a server and begins a request on it. @returns its slot */
  begin(key: number): number {
    const slot = this.pick(key)
    this.board.start(slot, this.now)
    this.balancer.onStart?.(slot, this.now)
    this.#inFlight.push(slot)
    return slot
  }

  /** Ends one of the requests in flight, any of them with the same odds, so that no server is faster than another. */
  endOne(): void {
    const list = this.#inFlight
    const at = this.dice.below(list.length)
    const slot = list[at]!
    list[at] = list.at(-1)!
    list.pop()
    this.board.answer(slot, this.now, LATENCY, OUTCOME_OK)
    this.balancer.onEnd?.(slot, this.now, LATENCY, OUTCOME_OK)
    this.board.end(slot)
  }

  /**
   * Requests with so many in flight all the time, one begun and one ended every 0.1 ms.
   * @returns how often each slot was picked, after as many again for a start
   */
  run(requests: number, inFlight: number): Map<number, number> {
    const counts = new Map<number, number>()
    for (let i = 0; i < requests * 2; i++) {
      this.wait(100)
      const slot = this.begin(keyOf(i))
      if (i >= requests) counts.set(slot, (counts.get(slot) ?? 0) + 1)
      if (this.#inFlight.length > inFlight) this.endOne()
    }
    return counts
  }

  /** The same with nothing in flight: each request has ended before the next one comes. */
  runIdle(requests: number, avoid = -1): Map<number, number> {
    const counts = new Map<number, number>()
    for (let i = 0; i < requests; i++) {
      this.wait(100)
      const slot = this.pick(keyOf(i), avoid)
      counts.set(slot, (counts.get(slot) ?? 0) + 1)
    }
    return counts
  }
}
