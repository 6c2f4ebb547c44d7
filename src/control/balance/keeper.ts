// What balancing needs from the control plane. One place writes the states of the servers that workers pick by (health,
// admin state, weight, slow start, ejection) and tells the workers of it by the generation; ten times a second it brings up
// to date what nobody else does: learnt values that nothing refreshes, the median and the panic flag (balance/learning.ts),
// slow starts, ejections, circuit breakers, and the tables of algorithms that have one. Who is healthy is found out in
// control/health.
//
// A server starts slowly when it joins a backend that was there before, comes back up or from an ejection, or leaves
// maintenance: whenever it begins to take traffic and is `cold`. No server is cold when the process starts: all would be,
// and none could help.
//
// Health checks and operators overrule passive health: a server that goes down, or that its operator declares ready, has
// its ejections forgiven.
import { randomInt } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import { createDice } from '../../balance/dice.ts'
import { forget, refresh } from '../../balance/learning.ts'
import { panicVerdict } from '../../balance/pool.ts'
import type { BackendSpec, Snapshot } from '../../messages/snapshot.ts'
import {
  ADMIN_MAINT,
  ADMIN_READY,
  BREAKER_CLOSED,
  HEALTH_DOWN,
  HEALTH_UP,
  adminStates,
  healthStates,
  type AdminState,
  type HealthState,
} from '../../model/states.ts'
import { microsOf } from '../../scoreboard/clock.ts'
import { wakeWaiting } from '../../scoreboard/queue-board.ts'
import { balancingColumns, type Scoreboard } from '../../scoreboard/scoreboard.ts'
import { CircuitBreaker } from './circuit.ts'
import { PassiveHealth } from './passive-health.ts'
import { SlowStart } from './slow-start.ts'
import { BackendTable } from './table.ts'
import { TrafficTotals } from './traffic.ts'

const TICK_MS = 100
const MAX_WEIGHT = 65_535

/** A backend that is looked after. */
interface Kept {
  readonly spec: BackendSpec
  /** Of all its servers. */
  readonly slots: Int32Array
  readonly table: BackendTable
  readonly passive: PassiveHealth | null
  readonly breaker: CircuitBreaker | null
  /** A weight has changed since the table was looked at. */
  reweighted: boolean
  /** The workers are to be told when the tick is done. */
  changed: boolean
  /** Something has changed since it was looked whether there is panic. */
  unsettled: boolean
}

export interface KeeperOptions {
  readonly board: Scoreboard
  readonly snapshot: Snapshot
  /** A table was built anew: for the workers that run. */
  readonly onTable: (backend: number, table: SharedArrayBuffer) => void
  readonly log: Logger
  /** In ms, as performance.now(); for tests. */
  readonly now?: () => number
}

export class BalanceKeeper {
  readonly #board: Scoreboard
  readonly #columns: ReturnType<typeof balancingColumns>
  readonly #onTable: KeeperOptions['onTable']
  readonly #log: Logger
  readonly #now: () => number
  readonly #slowStart = new SlowStart()
  readonly #totals: TrafficTotals
  readonly #dice = createDice(randomInt(2 ** 31))
  readonly #cold = new Set<number>()
  #backends: readonly Kept[] = []
  #ofServer: ReadonlyMap<number, Kept> = new Map()
  #timer: NodeJS.Timeout | undefined

  constructor({ board, snapshot, onTable, log, now = () => performance.now() }: KeeperOptions) {
    this.#board = board
    this.#columns = balancingColumns(board)
    this.#totals = new TrafficTotals(board)
    this.#onTable = onTable
    this.#log = log
    this.#now = now
    this.follow(snapshot)
  }

  /** By backend slot, for a worker that is about to start. */
  get tables(): Readonly<Record<number, SharedArrayBuffer>> {
    const tables: Record<number, SharedArrayBuffer> = {}
    for (const { spec, table } of this.#backends) if (table.memory !== null) tables[spec.slot] = table.memory
    return tables
  }

  /** Looks after the backends of this snapshot from now on; servers that are new in a backend that is not are cold. */
  follow(snapshot: Snapshot): void {
    const known = new Map(this.#backends.map((kept) => [kept.spec.slot, kept]))
    const ofServer = new Map<number, Kept>()
    this.#backends = snapshot.backends.map((spec) => {
      const kept = this.#keep(spec, known.get(spec.slot))
      for (const slot of kept.slots) {
        if (known.has(spec.slot) && !this.#ofServer.has(slot)) this.#cold.add(slot)
        ofServer.set(slot, kept)
      }
      return kept
    })
    this.#ofServer = ofServer
  }

  /** @param before the same backend until now: what is judged by the rules of before goes on */
  #keep(spec: BackendSpec, before: Kept | undefined): Kept {
    const slots = Int32Array.from(spec.servers, ({ slot }) => slot)
    const sameEjection =
      before !== undefined && isDeepStrictEqual([slots, spec.ejection], [before.slots, before.spec.ejection])
    const sameBreaker = before !== undefined && isDeepStrictEqual(spec.breaker, before.spec.breaker)
    return {
      spec,
      slots,
      table: this.#table(spec, before),
      passive: sameEjection ? before.passive : this.#passiveHealth(spec, slots, before),
      breaker: sameBreaker ? (before.breaker?.follow(spec) ?? null) : this.#breaker(spec),
      reweighted: false,
      changed: false,
      unsettled: true,
    }
  }

  /** The one that there is, as long as it would be made of the same: to make one can take a good part of a second. */
  #table(spec: BackendSpec, before: Kept | undefined): BackendTable {
    const { weight } = this.#board.shared.server
    const same =
      before !== undefined &&
      isDeepStrictEqual([spec.balance, spec.servers], [before.spec.balance, before.spec.servers])
    if (!same) return new BackendTable(spec, weight, this.#log)
    before.table.refresh(weight)
    return before.table
  }

  #passiveHealth(backend: BackendSpec, slots: Int32Array, before: Kept | undefined): PassiveHealth | null {
    const { ejection: rule } = backend
    if (rule === null) {
      for (const slot of slots) this.#board.shared.server.ejected[slot] = 0
      return null
    }
    const [board, totals, dice, log] = [this.#board, this.#totals, this.#dice, this.#log]
    const passive = new PassiveHealth({ backend, rule, slots, board, totals, dice, log })
    if (before?.passive) passive.inherit(before.passive)
    return passive
  }

  #breaker(backend: BackendSpec): CircuitBreaker | null {
    const { breaker: rule } = backend
    if (rule === null) {
      Atomics.store(this.#board.shared.backend.breaker, backend.slot, BREAKER_CLOSED)
      return null
    }
    return new CircuitBreaker(backend, rule, { board: this.#board, log: this.#log, now: microsOf(this.#now()) })
  }

  /** Begins to tick; that alone does not keep the process alive. */
  start(): void {
    this.#timer ??= setInterval(() => this.tick(this.#now()), TICK_MS).unref()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** The verdict of the health checks. @throws Error when there is no such server, like all that follow */
  setHealth(slot: number, state: HealthState): void {
    const kept = this.#keptOf(slot)
    const { health } = this.#board.shared.server
    if (state === 'up' && health[slot] === HEALTH_DOWN) forget(this.#columns, slot)
    if (state === 'down') {
      this.#cold.add(slot)
      kept.passive?.forgive(slot)
    }
    Atomics.store(health, slot, healthStates.indexOf(state))
    this.#settle(kept, slot)
  }

  /** What the operator wants. */
  setAdmin(slot: number, state: AdminState): void {
    const kept = this.#keptOf(slot)
    const { admin } = this.#board.shared.server
    if (admin[slot] === ADMIN_MAINT) this.#cold.add(slot)
    if (state === 'ready') kept.passive?.forgive(slot)
    Atomics.store(admin, slot, adminStates.indexOf(state))
    this.#settle(kept, slot)
  }

  /**
   * Pools follow at once, tables with the next tick, so that many changes are built in together.
   * @param weight 0 to 65535; 0: no new traffic
   * @throws RangeError for another weight
   */
  setWeight(slot: number, weight: number): void {
    if (!Number.isInteger(weight) || weight < 0 || weight > MAX_WEIGHT) {
      throw new RangeError(`a weight is an integer from 0 to ${MAX_WEIGHT}, not ${weight}`)
    }
    const kept = this.#keptOf(slot)
    if (Atomics.exchange(this.#board.shared.server.weight, slot, weight) === weight) return
    kept.reweighted = true
    this.#tell(kept)
  }

  /** @param now ms, as performance.now() */
  tick(now: number): void {
    const micros = microsOf(now)
    this.#slowStart.advance(now, (slot, percent) => {
      const kept = this.#ofServer.get(slot)
      if (kept === undefined) return
      Atomics.store(this.#board.shared.server.ramp, slot, percent)
      kept.changed = true
    })
    for (const kept of this.#backends) this.#tend(kept, micros)
  }

  /** All that is done for one backend in a tick. */
  #tend(kept: Kept, now: number): void {
    refresh(this.#columns, kept.spec.slot, kept.slots, now)
    for (const { slot, cause } of kept.passive?.tick(now) ?? []) {
      if (cause === null) this.#cold.add(slot)
      this.#settle(kept, slot)
    }
    kept.breaker?.tick(now)
    if (kept.reweighted) {
      kept.reweighted = false
      if (kept.table.refresh(this.#board.shared.server.weight)) this.#onTable(kept.spec.slot, kept.table.memory!)
    }
    if (kept.changed) this.#tell(kept)
    if (kept.unsettled) this.#lookForPanic(kept)
  }

  /** The workers panic by the same rule when they build their pools; here it is only shown. */
  #lookForPanic(kept: Kept): void {
    kept.unsettled = false
    const { slot, name, servers: members, rules } = kept.spec
    const { server, backend } = this.#board.shared
    const { panic, healthy, of } = panicVerdict({ members, rules, states: server })
    if (Atomics.exchange(backend.healthPanic, slot, panic ? 1 : 0) === (panic ? 1 : 0)) return
    const fields = { backend: name, healthy, servers: of, panic: rules.panic }
    const share = `${healthy} of ${of} servers healthy`
    if (panic) this.#log.warn(fields, `backend ${name} panics: ${share}, less than ${rules.panic} %: all are used`)
    else this.#log.info(fields, `backend ${name} panics no more: ${share}`)
  }

  /** A state has changed: slow start begins or ends with it, and the workers are told. */
  #settle(kept: Kept, slot: number): void {
    const { admin, health, ramp, ejected } = this.#board.shared.server
    const serves = admin[slot] === ADMIN_READY && health[slot] === HEALTH_UP && ejected[slot] === 0
    if (!serves) {
      if (this.#slowStart.cancel(slot)) this.#cold.add(slot)
      Atomics.store(ramp, slot, 0)
    } else if (this.#cold.delete(slot)) {
      Atomics.store(ramp, slot, this.#slowStart.begin(slot, kept.spec.slowStart, this.#now()))
    }
    this.#tell(kept)
  }

  /** The last step of every change: workers that see the new generation see the change too. */
  #tell(kept: Kept): void {
    kept.changed = false
    kept.unsettled = true
    Atomics.add(this.#board.shared.backend.generation, kept.spec.slot, 1)
    wakeWaiting(this.#board, kept.spec.slot) // there may be room now for those that wait
  }

  #keptOf(slot: number): Kept {
    const kept = this.#ofServer.get(slot)
    if (kept === undefined) throw new Error(`there is no server at slot ${slot}`)
    return kept
  }
}
