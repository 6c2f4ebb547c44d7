import { expect, test } from 'vitest'
import { createDice } from '../../src/balance/dice.ts'
import { Ejection, type EjectionRule } from '../../src/balance/ejection.ts'
import {
  ADMIN_DRAIN,
  ADMIN_MAINT,
  ADMIN_READY,
  HEALTH_CHECKING,
  HEALTH_DOWN,
  HEALTH_UP,
} from '../../src/model/states.ts'

const rule: EjectionRule = { failures: 5, time: 10_000, max: 50 }

/** Servers in slots 3, 4, 5 ..., all up, with a clock that starts shortly before it wraps and counters that do. */
function world(servers: number, own: Partial<EjectionRule> = {}) {
  const ints = (value = 0): Int32Array => new Int32Array(servers + 3).fill(value)
  const columns = {
    consecutive: ints(),
    ejected: ints(),
    admin: ints(ADMIN_READY),
    health: ints(HEALTH_UP),
    weight: ints(1),
  }
  const traffic = {
    answers: ints(2 ** 31 - 1),
    failures: ints(),
    latencySum: new Float64Array(servers + 3),
    latencyCount: new Float64Array(servers + 3),
    latency: new Float64Array(servers + 3),
  }
  const slots = Int32Array.from({ length: servers }, (_, i) => i + 3)
  const ejection = new Ejection({ rule: { ...rule, ...own }, slots, columns, traffic, dice: createDice(1) })
  let now = 2 ** 31 - 5_000_000
  return {
    ...columns,
    traffic,
    ejection,
    sweep: () => ejection.sweep(now | 0),
    /** Sweeps ten times a second. @returns after how many ms something changed; -1: nothing did */
    wait: (ms: number): number => {
      for (let passed = 100; passed <= ms; passed += 100) {
        now += 100_000
        if (ejection.sweep(now | 0).length > 0) return passed
      }
      return -1
    },
    /** Answers of a server: how many, how many of them failures, and how long each took in ms, to the learnt average too. */
    answer: (slot: number, answers: number, failures = 0, latency = 10) => {
      traffic.answers[slot]! += answers
      traffic.failures[slot]! += failures
      traffic.latencyCount[slot]! += answers
      traffic.latencySum[slot]! += answers * latency
      traffic.latency[slot] = latency * 1000
    },
    out: () => [...slots].filter((slot) => columns.ejected[slot] === 1),
  }
}

test('a server goes out after five failures in a row, and not before', () => {
  const { consecutive, sweep, out } = world(4)
  consecutive[3] = 4
  expect(sweep()).toEqual([])
  consecutive[3] = 5
  expect(sweep()).toMatchObject([{ slot: 3, cause: { by: 'run', failures: 5 }, times: 1 }])
  expect(out()).toEqual([3])
  expect(sweep()).toEqual([])
})

test('it comes back by itself with its run forgotten, and is out for longer each time', () => {
  const { consecutive, ejected, sweep, wait } = world(4)
  for (const times of [1, 2, 3]) {
    consecutive[3] = 5
    const [change] = sweep()
    expect(change).toMatchObject({ slot: 3, times })
    consecutive[3] = 8 // what was under way still fails
    const passed = wait(60_000)
    expect(passed).toBeGreaterThanOrEqual(times * 9_000)
    expect(passed).toBeLessThanOrEqual(times * 11_000 + 100)
    expect(Math.abs(passed - change!.time)).toBeLessThanOrEqual(100)
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
  expect(sweep().map(({ slot }) => slot)).toEqual([5, 6])
  expect(out()).toEqual([5, 6])
})

test('one may always go, even of two, and even where the part is less than one', () => {
  const { consecutive, sweep, out } = world(2, { max: 10 })
  consecutive.fill(5)
  sweep()
  expect(out()).toHaveLength(1)
})

test('the only server is never taken out, nor the last that is usable, whatever part may be out', () => {
  const alone = world(1, { max: 100 })
  alone.consecutive.fill(99)
  alone.sweep()
  expect(alone.out()).toEqual([])

  const all = world(4, { max: 100 })
  all.consecutive.fill(99)
  all.sweep()
  expect(all.out()).toHaveLength(3)

  const last = world(6, { max: 100 })
  last.consecutive.fill(99)
  last.health.set([HEALTH_DOWN, HEALTH_CHECKING], 3)
  last.admin.set([ADMIN_MAINT, ADMIN_DRAIN], 5)
  last.weight[7] = 0
  last.sweep()
  expect(last.out()).toEqual([])
})

test('a server that takes no traffic anyhow takes no place of one that may be out', () => {
  const { consecutive, health, sweep, out } = world(4, { max: 25 })
  consecutive.set([99, 5], 3)
  health[3] = HEALTH_DOWN
  sweep()
  expect(out()).toEqual([4])
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
  expect(ejection.forgive(3)).toBe(true)
  expect(ejection.forgive(3)).toBe(false)
  expect(out()).toEqual([])
  consecutive[3] = 5
  sweep()
  expect(wait(60_000)).toBeLessThanOrEqual(11_100)
})

test('a server that was out by a rule of before is in again', () => {
  const { ejected, sweep, out } = world(4)
  ejected[3] = 1
  expect(sweep()).toMatchObject([{ slot: 3, cause: null }])
  expect(out()).toEqual([])
})

const byRatio = { failures: 0, errorRatio: 30, minRequests: 20 }

test('a server that fails every second request is taken out, though never five in a row', () => {
  const s = world(4, byRatio)
  s.sweep()
  for (const slot of [3, 4, 5, 6]) s.answer(slot, 40, slot === 4 ? 20 : 1)
  expect(s.sweep()).toMatchObject([{ slot: 4, cause: { by: 'ratio', failures: 20, answers: 40, others: 0.025 } }])
})

test('a share of failures says nothing below its limit, of too few answers, or where the others are as bad', () => {
  const low = world(4, byRatio)
  low.sweep()
  for (const slot of [3, 4, 5, 6]) low.answer(slot, 100, slot === 4 ? 29 : 0)
  expect(low.sweep()).toEqual([])

  const few = world(4, byRatio)
  few.sweep()
  for (const slot of [3, 4, 5, 6]) few.answer(slot, slot === 4 ? 19 : 100, slot === 4 ? 19 : 0)
  expect(few.sweep()).toEqual([])

  const allBad = world(4, byRatio)
  allBad.sweep()
  for (const slot of [3, 4, 5, 6]) allBad.answer(slot, 100, slot === 4 ? 60 : 40)
  expect(allBad.sweep()).toEqual([])

  const nothingToCompare = world(2, byRatio)
  nothingToCompare.sweep()
  nothingToCompare.answer(3, 100, 100)
  expect(nothingToCompare.sweep()).toEqual([])
})

test('failures of more than ten seconds ago, or of before an ejection, are forgotten', () => {
  const s = world(4, byRatio)
  s.sweep()
  for (const slot of [3, 4, 5, 6]) s.answer(slot, 40, slot === 4 ? 20 : 0)
  expect(s.sweep()).toHaveLength(1)
  s.answer(4, 100, 100) // what was under way
  expect(s.wait(20_000)).toBeGreaterThan(0)
  expect(s.out()).toEqual([])
  for (const slot of [3, 5, 6]) s.answer(slot, 40)
  s.answer(4, 40, 5)
  expect(s.sweep()).toEqual([])

  const late = world(4, byRatio)
  late.sweep()
  for (const slot of [3, 4, 5, 6]) late.answer(slot, 19, slot === 4 ? 19 : 0) // one too few
  expect(late.wait(10_500)).toBe(-1)
  for (const slot of [3, 4, 5, 6]) late.answer(slot, 19, 0)
  expect(late.wait(10_500)).toBe(-1)
})

test('several outliers go, the worst first, as long as their part allows', () => {
  const s = world(6, { ...byRatio, max: 34 })
  s.sweep()
  for (const slot of [3, 4, 5, 6, 7, 8]) s.answer(slot, 40, [16, 40, 20, 0, 0, 0][slot - 3])
  expect(s.sweep().map(({ slot }) => slot)).toEqual([4, 5])
})

const byLatency = { failures: 0, latency: 5, minRequests: 20 }

test('a server that is many times slower than the others is taken out, also of two', () => {
  for (const servers of [2, 4]) {
    const s = world(servers, byLatency)
    s.sweep()
    for (let slot = 3; slot < 3 + servers; slot++) s.answer(slot, 40, 0, slot === 4 ? 100 : 20)
    expect(s.sweep()).toMatchObject([{ slot: 4, cause: { by: 'latency', mean: 100, answers: 40, others: 20 } }])
  }
})

test('one that is a little slower stays, and so does one with a single answer that took for ever', () => {
  const s = world(4, byLatency)
  s.sweep()
  for (const slot of [3, 4, 5, 6]) s.answer(slot, 40, 0, slot === 4 ? 99 : 20)
  expect(s.sweep()).toEqual([])
  s.traffic.latencySum[3]! += 60_000 // its learnt average, of clipped samples, hardly moves
  expect(s.sweep()).toEqual([])
})

test('where latencies are not measured, nobody is slow', () => {
  const s = world(4, byLatency)
  s.sweep()
  for (const slot of [3, 4, 5, 6]) s.answer(slot, 40, 0, slot === 4 ? 100 : 20)
  s.traffic.latencySum.fill(0)
  s.traffic.latencyCount.fill(0)
  expect(s.sweep()).toEqual([])
})
