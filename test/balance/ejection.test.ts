import { expect, test } from 'vitest'
import { createDice } from '../../src/balance/dice.ts'
import { Ejection, type EjectionRule } from '../../src/balance/ejection.ts'

const rule: EjectionRule = { failures: 5, time: 10_000, max: 50 }

/** Servers in slots 3, 4, 5 ... with a clock that starts shortly before it wraps. */
function world(servers: number, own: Partial<EjectionRule> = {}) {
  const columns = { consecutive: new Int32Array(servers + 3), ejected: new Int32Array(servers + 3) }
  const slots = Int32Array.from({ length: servers }, (_, i) => i + 3)
  const ejection = new Ejection({ ...rule, ...own }, columns, createDice(1))
  let now = 2 ** 31 - 5_000_000
  return {
    ...columns,
    ejection,
    sweep: () => ejection.sweep(slots, now | 0),
    /** Sweeps ten times a second. @returns after how many ms something changed; -1: nothing did */
    wait: (ms: number): number => {
      for (let passed = 100; passed <= ms; passed += 100) {
        now += 100_000
        if (ejection.sweep(slots, now | 0)) return passed
      }
      return -1
    },
    out: () => [...slots].filter((slot) => columns.ejected[slot] === 1),
  }
}

test('a server goes out after five failures in a row, and not before', () => {
  const { consecutive, sweep, out } = world(4)
  consecutive[3] = 4
  expect(sweep()).toBe(false)
  consecutive[3] = 5
  expect(sweep()).toBe(true)
  expect(out()).toEqual([3])
  expect(sweep()).toBe(false)
})

test('it comes back by itself with its run forgotten, and is out for longer each time', () => {
  const { consecutive, ejected, sweep, wait } = world(4)
  for (const times of [1, 2, 3]) {
    consecutive[3] = 5
    expect(sweep()).toBe(true)
    consecutive[3] = 8 // what was under way still fails
    const passed = wait(60_000)
    expect(passed).toBeGreaterThanOrEqual(times * 9_000)
    expect(passed).toBeLessThanOrEqual(times * 11_000 + 100)
    expect([ejected[3], consecutive[3]]).toEqual([0, 0])
  }
})

test('no ejection is longer than five minutes and a tenth', () => {
  const { consecutive, sweep, wait } = world(4, { time: 200_000 })
  consecutive[3] = 5
  sweep()
  wait(300_000)
  consecutive[3] = 5
  sweep()
  expect(wait(400_000)).toBeLessThanOrEqual(330_100)
})

test('a minute in service makes good for one ejection', () => {
  const { consecutive, sweep, wait } = world(4)
  consecutive[3] = 5
  sweep()
  wait(60_000)
  wait(61_000)
  consecutive[3] = 5
  sweep()
  expect(wait(60_000)).toBeLessThanOrEqual(11_100)
})

test('at most the configured part of the members is out, the longest runs first', () => {
  const { consecutive, sweep, out } = world(5)
  consecutive.set([5, 6, 9, 7, 5], 3)
  expect(sweep()).toBe(true)
  expect(out()).toEqual([5, 6])
})

test('one may always go, even of two, and even where the part is less than one', () => {
  const { consecutive, sweep, out } = world(2, { max: 10 })
  consecutive.fill(5)
  sweep()
  expect(out()).toHaveLength(1)
})

test('another may go when one has come back', () => {
  const { consecutive, sweep, wait, out } = world(2)
  consecutive[3] = 6
  consecutive[4] = 5
  sweep()
  expect(out()).toEqual([3])
  wait(60_000)
  expect(out()).toEqual([4])
})

test('a server that is forgiven is in, and starts anew', () => {
  const { consecutive, ejection, sweep, wait, out } = world(4)
  consecutive[3] = 5
  sweep()
  ejection.forgive(3)
  expect(out()).toEqual([])
  consecutive[3] = 5
  sweep()
  expect(wait(60_000)).toBeLessThanOrEqual(11_100)
})
