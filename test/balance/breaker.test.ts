import { expect, test } from 'vitest'
import { Breaker, type BreakerRule } from '../../src/balance/breaker.ts'

const rule: BreakerRule = { errorRatio: 50, minRequests: 20, window: 10_000, open: 5000, trials: 3 }

/** A breaker with counters to turn, and a clock that starts shortly before it wraps. */
function world(own: Partial<BreakerRule> = {}) {
  const totals = { requests: 1000, failures: 500 }
  let now = 2 ** 31 - 3_000_000
  const breaker = new Breaker({ ...rule, ...own }, totals, now | 0)
  return {
    breaker,
    state: () => breaker.circuit.state,
    /** So many requests end. @returns whether that changes something */
    end: (requests: number, failures: number): boolean => {
      totals.requests += requests
      totals.failures += failures
      return breaker.step(totals, now | 0)
    },
    /** Steps ten times a second. @returns after how many ms something changed; -1: nothing did */
    wait: (ms: number): number => {
      for (let passed = 100; passed <= ms; passed += 100) {
        now += 100_000
        if (breaker.step(totals, now | 0)) return passed
      }
      return -1
    },
  }
}

test('it opens when the share of failures is reached by enough requests, and what was before it does not count', () => {
  const few = world()
  expect(few.end(19, 19)).toBe(false)
  expect(few.end(1, 0)).toBe(true)
  expect(few.state()).toBe('open')
  const low = world()
  expect(low.end(100, 49)).toBe(false)
  expect(low.end(0, 1)).toBe(true)
})

test('without traffic, or without a failure, it stays closed', () => {
  const s = world({ minRequests: 0, errorRatio: 0 })
  expect(s.end(0, 0)).toBe(false)
  expect(s.end(50, 0)).toBe(false)
  expect(s.wait(30_000)).toBe(-1)
})

test('failures outside the window are forgotten', () => {
  const s = world()
  s.end(19, 19)
  expect(s.wait(10_200)).toBe(-1)
  expect(s.end(19, 19)).toBe(false)
  expect(s.state()).toBe('closed')
})

test('after its span it is half-open, and closes when the trials end well', () => {
  const s = world()
  s.end(20, 20)
  expect(s.wait(60_000)).toBe(5000)
  expect(s.state()).toBe('half-open')
  expect(s.end(2, 0)).toBe(false)
  expect(s.end(1, 0)).toBe(true)
  expect(s.state()).toBe('closed')
})

test('closed again, it does not hold the failures against the backend that had opened it', () => {
  const s = world()
  s.end(100, 100)
  s.wait(60_000)
  s.end(3, 0)
  expect(s.end(19, 10)).toBe(false)
  expect(s.state()).toBe('closed')
})

test('a failure on trial opens it again for twice as long, up to eight times, and from the start once it has closed', () => {
  const s = world()
  s.end(20, 20)
  for (const span of [5000, 10_000, 20_000, 40_000, 40_000]) {
    expect(s.wait(60_000)).toBe(span)
    expect(s.end(3, 1)).toBe(true)
    expect(s.state()).toBe('open')
  }
  s.wait(60_000)
  s.end(3, 0)
  s.end(20, 20)
  expect(s.wait(60_000)).toBe(5000)
})

test('trials that never end do not wedge it: after the span there are as many again', () => {
  const s = world()
  s.end(20, 20)
  s.wait(60_000)
  const before = s.breaker.circuit
  expect(s.wait(60_000)).toBe(5000)
  expect(s.breaker.circuit).not.toBe(before)
  expect(s.breaker.circuit).toMatchObject({ state: 'half-open', times: 1 })
  s.end(2, 0)
  expect(s.wait(60_000)).toBe(5000)
  expect(s.end(2, 0)).toBe(false)
  expect(s.end(1, 0)).toBe(true)
})

test('requests that end while it is open change nothing', () => {
  const s = world()
  s.end(20, 20)
  expect(s.end(100, 0)).toBe(false)
  expect(s.end(100, 100)).toBe(false)
  expect(s.wait(60_000)).toBe(5000)
})
