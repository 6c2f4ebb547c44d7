// Which servers may be picked: decided here, once, around every algorithm. The algorithms only choose among them.
// Built when membership, weight, health or admin state changes, never on a pick; so it may allocate.
// In order: ready servers of weight > 0; of these the healthy ones, tier by tier; if too few are healthy, all (panic);
// those of our own zone, while they have its share; a subset, in very large pools; slow start on the weights.
// Healthy is who is up by the checks and not ejected by live traffic. An ejection alone leaves nobody without a server:
// when nothing better is left, those that are merely ejected serve.
import { ADMIN_READY, HEALTH_CHECKING, HEALTH_DOWN, HEALTH_UP } from '../model/states.ts'
import { buildAliasTable } from './draw.ts'
import { hashString } from './hash.ts'
import type { Member, Pool } from './types.ts'

/** What is set around the algorithm, per backend. */
export interface PoolRules {
  /** A tier with fewer healthy servers than this is joined by the next. */
  readonly minHealthy: number
  /** Below this share of healthy servers, in percent of all that are ready, health is disregarded; 0: never. */
  readonly panic: number
  /** The zone of this Weir, or null. */
  readonly zone: string | null
  /** At most this many servers are used; 0: all. */
  readonly subset: number
  /** Of this machine: others choose other subsets. */
  readonly instance: number
}

export const plainRules: PoolRules = { minHealthy: 1, panic: 0, zone: null, subset: 0, instance: 0 }

/** Columns of the scoreboard, by server slot. */
export interface StateColumns {
  readonly admin: Int32Array
  readonly health: Int32Array
  /** Weight as configured or set by the operator; it overrules the weight in `members`. */
  readonly weight: Int32Array
  /** Slow start: percent of the weight that counts now; 0: all of it. */
  readonly ramp: Int32Array
  /** 1: out for a while, because live traffic failed on it. */
  readonly ejected: Int32Array
}

export interface PoolInput {
  /** Scoreboard row of the backend. */
  readonly backend: number
  /** In config order, which has to be the same on every worker. */
  readonly members: readonly Member[]
  readonly rules: PoolRules
  readonly states: StateColumns
}

/**
 * The pool to pick from now; empty (n = 0) when no server is usable. Servers not probed yet are used when none is healthy,
 * ejected ones when there is none of these either; a server that is down only in panic.
 */
export function buildPool({ backend, members, rules, states }: PoolInput): Pool {
  const weighted = weightedMembers(members, states.weight)
  const ready = weighted.filter(({ slot }) => states.admin[slot] === ADMIN_READY)
  const { usable, tier } = healthy(ready, rules, states)
  const chosen = subsetOf(
    nearby(
      usable,
      ready.filter((member) => member.tier <= tier),
      rules,
    ),
    rules,
  )
  return poolOf(backend, withRamp(chosen, states.ramp), tier, weighted)
}

/**
 * The members of a pool, with the weights that hold now: those whose weight is more than 0. Tables of algorithms are built
 * of the same list.
 * @param weight column of the scoreboard, by server slot
 */
export function weightedMembers(members: readonly Member[], weight: Int32Array): readonly Member[] {
  const weighted: Member[] = []
  for (const member of members) {
    const now = weight[member.slot]!
    if (now > 0) weighted.push(now === member.weight ? member : { ...member, weight: now })
  }
  return weighted
}

/** Whether health is disregarded, and the figures that this is decided by: servers of the tiers that take part. */
export interface PanicVerdict {
  readonly panic: boolean
  readonly healthy: number
  readonly of: number
}

/** What buildPool decides on panic, with the same input. */
export function panicVerdict({ members, rules, states }: Omit<PoolInput, 'backend'>): PanicVerdict {
  const weighted = weightedMembers(members, states.weight)
  const ready = weighted.filter(({ slot }) => states.admin[slot] === ADMIN_READY)
  return healthy(ready, rules, states).verdict
}

interface Healthy {
  readonly usable: readonly Member[]
  readonly tier: number
  readonly verdict: PanicVerdict
}

/** The lowest tiers that have enough healthy servers together, or all of these tiers' servers in panic. */
function healthy(ready: readonly Member[], rules: PoolRules, states: StateColumns): Healthy {
  const highest = ready.reduce((max, { tier }) => Math.max(max, tier), 0)
  for (const wanted of [HEALTH_UP, HEALTH_CHECKING]) {
    const fit = ready.filter(({ slot }) => states.health[slot] === wanted && states.ejected[slot] === 0)
    if (fit.length === 0) continue
    for (let tier = 0; tier <= highest; tier++) {
      const usable = fit.filter((member) => member.tier <= tier)
      if (usable.length < Math.max(1, rules.minHealthy) && tier < highest) continue
      const all = ready.filter((member) => member.tier <= tier)
      const panic = usable.length * 100 < rules.panic * all.length
      return { usable: panic ? all : usable, tier, verdict: { panic, healthy: usable.length, of: all.length } }
    }
  }
  const panic = rules.panic > 0 && ready.length > 0
  const lastResort = ready.filter(({ slot }) => states.health[slot] !== HEALTH_DOWN)
  return { usable: panic ? ready : lastResort, tier: highest, verdict: { panic, healthy: 0, of: ready.length } }
}

/**
 * Those in our own zone, when their weight is at least an even share of what is usable: total / zones. Otherwise all: the
 * few that are left would carry the traffic of many.
 * @param all servers of the tiers that take part: the zones are theirs, be they healthy or not
 */
function nearby(usable: readonly Member[], all: readonly Member[], { zone }: PoolRules): readonly Member[] {
  if (zone === null) return usable
  const local = usable.filter((member) => member.zone === zone)
  const zones = new Set(all.map((member) => member.zone)).size
  return local.length > 0 && weightOf(local) * zones >= weightOf(usable) ? local : usable
}

const weightOf = (members: readonly Member[]): number => members.reduce((sum, { weight }) => sum + weight, 0)

/** By rendezvous: one that goes is replaced by one other, and another machine draws another subset. */
function subsetOf(usable: readonly Member[], { subset, instance }: PoolRules): readonly Member[] {
  if (subset === 0 || usable.length <= subset) return usable
  const ranked = usable.map((member) => ({ member, rank: hashString(member.name, instance) >>> 0 }))
  ranked.sort((a, b) => a.rank - b.rank || (a.member.name < b.member.name ? -1 : 1))
  const kept = new Set(ranked.slice(0, subset).map(({ member }) => member))
  return usable.filter((member) => kept.has(member))
}

type Usable = Pick<Member, 'slot' | 'name' | 'weight'>

/** Weights with slow start. Small ones are scaled first, so that a tenth of 1 is still a whole number. */
function withRamp(usable: readonly Member[], ramp: Int32Array): readonly Usable[] {
  if (!usable.some(({ slot }) => ramp[slot]! > 0)) return usable
  const scale = usable.every(({ weight }) => weight <= 655) ? 100 : 1
  return usable.map(({ slot, name, weight }) => {
    const percent = ramp[slot]! > 0 ? ramp[slot]! : 100
    return { slot, name, weight: Math.max(1, Math.round((weight * scale * percent) / 100)) }
  })
}

/**
 * The same pool without some servers, for a further try after these have failed. It allocates: for the rare second
 * redispatch. The first is cheaper by the `avoid` of pick.
 */
export function without(pool: Pool, slots: readonly number[]): Pool {
  const left: Usable[] = []
  for (let i = 0; i < pool.n; i++) {
    const slot = pool.slot[i]!
    if (!slots.includes(slot)) left.push({ slot, name: pool.names[i]!, weight: pool.weight[i]! })
  }
  return poolOf(pool.backend, left, pool.tier, pool.members)
}

/**
 * The one place that makes pools, so that all have the same shape. Plain loops, because a worker does this between two
 * requests: 10,000 servers take 2 ms in all, and by Int32Array.from() 8.
 */
function poolOf(backend: number, usable: readonly Usable[], tier: number, members: readonly Member[]): Pool {
  const n = usable.length
  const slot = new Int32Array(n)
  const weight = new Int32Array(n)
  const names: string[] = []
  let weightSum = 0
  let uniform = true
  for (let i = 0; i < n; i++) {
    const server = usable[i]!
    slot[i] = server.slot
    weight[i] = server.weight
    names.push(server.name)
    weightSum += server.weight
    if (server.weight !== weight[0]) uniform = false
  }
  const inverse = new Float64Array(n)
  for (let i = 0; i < n; i++) inverse[i] = weightSum / n / weight[i]!
  const { cut, coarse, alias } = buildAliasTable(weight, weightSum)
  return { backend, n, slot, weight, weightSum, inverse, uniform, cut, coarse, alias, names, tier, members }
}
