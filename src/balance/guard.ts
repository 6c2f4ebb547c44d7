// A balancer of the user's own, held to its contract while traffic flows: one that throws, or answers with anything but a
// usable slot, is overruled by another balancer for that pick. Built around such balancers only; the built-in ones are
// held to theirs by tests. What it cannot do is end a loop that does not end, or undo what was written to the board.
// Cost: a lookup in a table of marks per pick, about 5 ns, and no allocation as long as nothing is wrong.
import type { Balancer, Pool } from './types.ts'

/** What the guard says when it had to step in: once per pick, or per call of another method that threw. */
export type OnFault = (what: string) => void

/**
 * @param inner any object with a `pick`; it may lie about everything else
 * @param fallback picks where `inner` failed
 */
export function guard(inner: Balancer, fallback: Balancer, onFault: OnFault): Balancer {
  let current: Pool | null = null
  let marks = new Uint8Array(0) // 1 for each slot of `current`
  let broken: string | null = null // why no pick can be trusted until the next update

  const guarded: Balancer = {
    pick(pool, key, now, avoid) {
      if (pool.n === 0) return -1
      let slot: number
      try {
        slot = broken === null ? inner.pick(pool, key, now, avoid) : -1
      } catch (error) {
        onFault(`pick threw: ${wordsOf(error)}`)
        return fallback.pick(pool, key, now, avoid)
      }
      // Of all numbers, (x | 0) === x holds for 32-bit integers alone: not for NaN and 1.5.
      const fits =
        typeof slot === 'number' &&
        (slot | 0) === slot &&
        (pool === current ? marks[slot] === 1 : pool.slot.includes(slot))
      if (fits && (slot !== avoid || pool.n === 1)) return slot
      if (broken !== null) onFault(broken)
      else if (fits) onFault('pick returned the slot to avoid, while there are others')
      else onFault(`pick returned ${show(slot)}, which is not a slot of the pool`)
      return fallback.pick(pool, key, now, avoid)
    },
    update(pool, table) {
      current = pool
      marks = new Uint8Array(pool.slot.reduce((max, slot) => Math.max(max, slot), -1) + 1)
      for (const slot of pool.slot) marks[slot] = 1
      fallback.update?.(pool, null)
      broken = null
      try {
        inner.update?.(pool, table)
      } catch (error) {
        broken = `update threw: ${wordsOf(error)}`
      }
    },
  }
  if (inner.onStart) {
    guarded.onStart = (slot, now) => {
      try {
        inner.onStart!(slot, now)
      } catch (error) {
        onFault(`onStart threw: ${wordsOf(error)}`)
      }
    }
  }
  if (inner.onEnd) {
    guarded.onEnd = (slot, now, latUs, outcome) => {
      try {
        inner.onEnd!(slot, now, latUs, outcome)
      } catch (error) {
        onFault(`onEnd threw: ${wordsOf(error)}`)
      }
    }
  }
  if (inner.tick) {
    guarded.tick = (pool, now) => {
      try {
        inner.tick!(pool, now)
      } catch (error) {
        onFault(`tick threw: ${wordsOf(error)}`)
      }
    }
  }
  return guarded
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : show(error))

/** Any value in a few words, without calling anything of it that could throw. */
function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return 'a function'
  return value === null || typeof value !== 'object' ? String(value) : 'an object'
}
