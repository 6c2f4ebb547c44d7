// Passive health: a server that fails several requests in a row on live traffic is taken out for a while, long before a
// health check would notice. It comes back by itself; if it still fails, it is out for longer.
//  - in --`failures` in a row--> out for time * times, at most CAP --> in again, with its run of failures forgotten
//  - `times` counts ejections and loses one for each MERCY in which the server stays in, so that an old incident is not
//    held against it.
//  - At most `max` percent of the members are out at a time, but always at least one: when everything fails, the fault is
//    elsewhere, and the rest would drown. The longest runs go first.
//  - Each term is up to a tenth longer or shorter, by dice, so that several instances of Weir do not all come back at once.
// What was learnt of latency and failures stays: it fades by its own clock, and a server that comes back is still met with
// the caution it deserves. Gray failures are not for this: at 15 % errors, five in a row are rare; `adaptive` sees those.
// Pure, over columns: sweep() is called ten times a second by one thread; the caller rebuilds its pools when it says so.
import type { Dice } from './types.ts'

/** Failures in a row that take a server out for a while. */
export interface EjectionRule {
  readonly failures: number
  /** ms, times the number of ejections so far. */
  readonly time: number
  /** Percent of the members that may be out at a time. */
  readonly max: number
}

/** Longest ejection, and time in service that makes good for one ejection; in ms. */
const CAP = 300_000
const MERCY = 60_000
/** Of the time that an ejection takes, to either side. */
const JITTER = 0.1

export interface EjectionColumns {
  /** Failures in a row, by slot: counted by the board, started anew here when a server comes back. */
  readonly consecutive: Int32Array
  /** 1: out. Written here alone. */
  readonly ejected: Int32Array
}

/** What is remembered of a server that has been out at least once. */
interface Record {
  times: number
  /** When the present ejection ends; or, while the server is in, when `times` loses one. Int32 µs. */
  next: number
}

/** One per backend. */
export class Ejection {
  readonly #rule: EjectionRule
  readonly #columns: EjectionColumns
  readonly #dice: Dice
  readonly #records = new Map<number, Record>()

  constructor(rule: EjectionRule, columns: EjectionColumns, dice: Dice) {
    this.#rule = rule
    this.#columns = columns
    this.#dice = dice
  }

  /**
   * @param slots of all members, whatever their state; the bound is a share of these
   * @param now int32 µs; swept often enough that it cannot wrap unseen
   * @returns true when a server went out or came back
   */
  sweep(slots: Int32Array, now: number): boolean {
    const { ejected } = this.#columns
    let changed = false
    let out = 0
    for (const slot of slots) {
      if (this.#age(slot, now)) changed = true
      out += ejected[slot]!
    }
    const most = Math.max(1, Math.floor((slots.length * this.#rule.max) / 100))
    for (; out < most; out++) {
      const worst = this.#worst(slots)
      if (worst < 0) break
      this.#eject(worst, now)
      changed = true
    }
    return changed
  }

  /** A server that is removed, or whose operator vouches for it: it is in, and has never been out. */
  forgive(slot: number): void {
    this.#records.delete(slot)
    this.#columns.ejected[slot] = 0
    this.#columns.consecutive[slot] = 0
  }

  /** @returns true when the server came back */
  #age(slot: number, now: number): boolean {
    const record = this.#records.get(slot)
    if (record === undefined || ((now - record.next) | 0) < 0) return false
    record.next = (now + MERCY * 1000) | 0
    if (this.#columns.ejected[slot] === 1) {
      this.#columns.ejected[slot] = 0
      this.#columns.consecutive[slot] = 0
      return true
    }
    if (--record.times === 0) this.#records.delete(slot)
    return false
  }

  /** The server that is in with the longest run of failures, if that is long enough; -1: none. */
  #worst(slots: Int32Array): number {
    const { consecutive, ejected } = this.#columns
    let worst = -1
    let longest = this.#rule.failures - 1
    for (const slot of slots) {
      if (ejected[slot] === 1 || consecutive[slot]! <= longest) continue
      worst = slot
      longest = consecutive[slot]!
    }
    return worst
  }

  #eject(slot: number, now: number): void {
    const record = this.#records.get(slot) ?? { times: 0, next: 0 }
    this.#records.set(slot, record)
    const time = Math.min(CAP, this.#rule.time * ++record.times)
    const jitter = 1 + JITTER * (this.#dice.below(2001) / 1000 - 1)
    record.next = (now + time * jitter * 1000) | 0
    this.#columns.ejected[slot] = 1
  }
}
