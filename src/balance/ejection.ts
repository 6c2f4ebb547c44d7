// Passive health: a server that live traffic fares badly on is taken out for a while, long before a health check would
// notice, or although none does. It comes back by itself; if it is as bad as before, it is out for longer.
//  - in --`failures` in a row, or an outlier (outliers.ts)--> out for time * times, at most CAP --> in again, with what it
//    was judged by forgotten
//  - `times` counts ejections and loses one for each MERCY in which the server stays in, so that an old incident is not
//    held against it.
//  - At most `max` percent of the members are out at a time, but always at least one may be: when everything fails, the
//    fault is elsewhere, and the rest would drown. The longest runs go first. The last usable server is never taken out.
//  - Each term is up to a tenth longer or shorter, by dice, so that several instances of Weir do not all come back at once.
// What was learnt of latency and failures stays: it fades by its own clock, and a server that comes back is still met with
// the caution it deserves. At 15 % errors, five in a row are rare: gray failures are for the ratio, and for `adaptive`.
// Pure, over columns: sweep() is called ten times a second by one thread; the caller rebuilds its pools when it says so.
import { ADMIN_READY, HEALTH_UP } from '../model/states.ts'
import { Outliers, type OutlierCause, type OutlierRule, type TrafficColumns } from './outliers.ts'
import type { StateColumns } from './pool.ts'
import type { Dice } from './types.ts'

/** What takes a server out for a while. */
export interface EjectionRule extends OutlierRule {
  /** In a row; 0: not judged by that. */
  readonly failures: number
  /** ms, times the number of ejections so far. */
  readonly time: number
  /** Percent of the members that may be out at a time. */
  readonly max: number
}

export interface EjectionColumns extends Pick<StateColumns, 'admin' | 'health' | 'weight'> {
  /** Failures in a row, by slot: counted by the board, started anew here when a server comes back. */
  readonly consecutive: Int32Array
  /** 1: out. Written here alone. */
  readonly ejected: Int32Array
}

export interface EjectionInput {
  readonly rule: EjectionRule
  /** Of all members, whatever their state; the bound is a share of these. */
  readonly slots: Int32Array
  readonly columns: EjectionColumns
  /** What outliers are found by; null: none are. */
  readonly traffic: TrafficColumns | null
  readonly dice: Dice
}

export type EjectionCause = OutlierCause | { readonly by: 'run'; readonly failures: number }

export interface EjectionChange {
  readonly slot: number
  /** Why it went out; null: it has come back. */
  readonly cause: EjectionCause | null
  /** How long it is out, or was, in ms. */
  readonly time: number
  /** Which ejection of late it is: 1 is the first. */
  readonly times: number
}

/** Longest ejection, and time in service that makes good for one ejection; in ms. */
const CAP = 300_000
const MERCY = 60_000
/** Of the time that an ejection takes, to either side. */
const JITTER = 0.1

const NONE: readonly EjectionChange[] = []

/** What is remembered of a server that has been out at least once. */
interface Record {
  times: number
  /** ms, of the last ejection. */
  time: number
  /** When the present ejection ends; or, while the server is in, when `times` loses one. Int32 µs. */
  next: number
}

/** One per backend. */
export class Ejection {
  readonly #input: EjectionInput
  readonly #records = new Map<number, Record>()
  #outliers: Outliers | null = null
  readonly #isUsable: (slot: number) => boolean

  constructor(input: EjectionInput) {
    this.#input = input
    const { admin, health, weight, ejected } = input.columns
    this.#isUsable = (slot) =>
      ejected[slot] === 0 && admin[slot] === ADMIN_READY && health[slot] === HEALTH_UP && weight[slot]! > 0
  }

  /** Takes over the terms of the servers that are still there. */
  inherit(before: Ejection): void {
    for (const slot of this.#input.slots) {
      const record = before.#records.get(slot)
      if (record !== undefined) this.#records.set(slot, record)
    }
  }

  /**
   * @param now int32 µs; swept often enough that it cannot wrap unseen
   * @returns the servers that went out or came back; mostly none
   */
  sweep(now: number): readonly EjectionChange[] {
    const { slots, columns, rule } = this.#input
    this.#followTraffic(now)
    const changes: EjectionChange[] = []
    let out = 0
    let usable = 0
    for (const slot of slots) {
      const back = this.#age(slot, now)
      if (back !== null) changes.push(back)
      out += columns.ejected[slot]!
      if (this.#isUsable(slot)) usable++
    }
    const most = Math.max(1, Math.floor((slots.length * rule.max) / 100))
    for (; out < most && usable > 1; out++, usable--) {
      const worst = this.#longestRun() ?? this.#outliers?.worst(this.#isUsable) ?? null
      if (worst === null) break
      changes.push(this.#eject(worst.slot, worst.cause, now))
    }
    return changes.length > 0 ? changes : NONE
  }

  /**
   * A server that is down, or whose operator vouches for it: it is in, and has never been out.
   * @returns whether it was out
   */
  forgive(slot: number): boolean {
    const { ejected } = this.#input.columns
    const wasOut = ejected[slot] === 1
    this.#records.delete(slot)
    this.#takeIn(slot)
    return wasOut
  }

  #followTraffic(now: number): void {
    const { rule, traffic, slots } = this.#input
    if (traffic === null || (!rule.errorRatio && !rule.latency)) return
    this.#outliers ??= new Outliers(rule, traffic, slots, now)
    this.#outliers.follow(now)
  }

  #takeIn(slot: number): void {
    const { ejected, consecutive } = this.#input.columns
    ejected[slot] = 0
    consecutive[slot] = 0
    this.#outliers?.forget(slot)
  }

  /** Time has passed for a server. @returns that it came back, or null */
  #age(slot: number, now: number): EjectionChange | null {
    const record = this.#records.get(slot)
    const isOut = this.#input.columns.ejected[slot] === 1
    if (record === undefined) {
      if (!isOut) return null
      this.#takeIn(slot) // by a rule that there was before this one
      return { slot, cause: null, time: 0, times: 0 }
    }
    if (((now - record.next) | 0) < 0) return null
    record.next = (now + MERCY * 1000) | 0
    if (isOut) {
      this.#takeIn(slot)
      return { slot, cause: null, time: record.time, times: record.times }
    }
    if (--record.times === 0) this.#records.delete(slot)
    return null
  }

  /** The usable server with the longest run of failures, if that is long enough. */
  #longestRun(): { readonly slot: number; readonly cause: EjectionCause } | null {
    const { rule, slots, columns } = this.#input
    if (rule.failures === 0) return null
    let worst = -1
    let longest = rule.failures - 1
    for (const slot of slots) {
      if (columns.consecutive[slot]! <= longest || !this.#isUsable(slot)) continue
      worst = slot
      longest = columns.consecutive[slot]!
    }
    return worst < 0 ? null : { slot: worst, cause: { by: 'run', failures: longest } }
  }

  #eject(slot: number, cause: EjectionCause, now: number): EjectionChange {
    const { rule, dice, columns } = this.#input
    const record = this.#records.get(slot) ?? { times: 0, time: 0, next: 0 }
    this.#records.set(slot, record)
    const jitter = 1 + JITTER * (dice.below(2001) / 1000 - 1)
    record.time = Math.round(Math.min(CAP, rule.time * ++record.times) * jitter)
    record.next = (now + record.time * 1000) | 0
    columns.ejected[slot] = 1
    return { slot, cause, time: record.time, times: record.times }
  }
}
