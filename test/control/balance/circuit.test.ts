// The circuit breaker of a backend, from the counters of the workers to the scoreboard and the log.
import { expect, test } from 'vitest'
import { OUTCOME_FAILED, OUTCOME_OK } from '../../../src/balance/outcome.ts'
import type { BackendSpec, BreakerSpec } from '../../../src/messages/snapshot.ts'
import type { ReasonCode } from '../../../src/model/reasons.ts'
import { BREAKER_CLOSED, BREAKER_HALF_OPEN, BREAKER_OPEN } from '../../../src/model/states.ts'
import { ms } from '../../../src/model/units.ts'
import { reasonCell } from '../../../src/scoreboard/reasons.ts'
import { backendSpec } from '../health/fixtures.ts'
import { snapshotOf } from '../fixtures.ts'
import { setUp } from './fixtures.ts'

const spec: BreakerSpec = {
  errorRatio: 50,
  minRequests: 20,
  window: ms(10_000),
  open: ms(5000),
  trials: 5,
  fallback: -1,
  answer: null,
}

function withBreaker(more: Partial<BackendSpec> = {}) {
  const s = setUp({ breaker: spec, ...more })
  const { breaker, trials } = s.board.shared.backend
  return {
    ...s,
    state: () => breaker[0],
    trials,
    /** Requests end, in both workers by turns. */
    end(requests: number, failures: number, reason: ReasonCode | null = null) {
      for (let i = 0; i < requests; i++) {
        const { counters, tables } = s.board.rows[i % 2]!
        counters.backend.requests[0]!++
        if (i < failures) counters.backend.failures[0]!++
        if (reason !== null) tables.backend.reasons[reasonCell(0, reason)]!++
      }
    },
  }
}

test('it opens on the failures of all workers, lets trials through, and closes when these end well', () => {
  const s = withBreaker()
  s.end(30, 14)
  s.pass(100)
  expect(s.state()).toBe(BREAKER_CLOSED)
  s.end(10, 10)
  s.pass(100)
  expect(s.state()).toBe(BREAKER_OPEN)
  s.trials[0] = 77
  s.pass(5000)
  expect([s.state(), s.trials[0]]).toEqual([BREAKER_HALF_OPEN, 0])
  s.end(5, 0)
  s.pass(100)
  expect(s.state()).toBe(BREAKER_CLOSED)
  expect(s.messages()).toEqual([
    'circuit breaker of backend app is open for 5 s: 24 of 40 requests in the last 10 s failed (60 %)',
    'circuit breaker of backend app is half-open: 5 requests are let through',
    'circuit breaker of backend app is closed: 5 requests went well',
  ])
})

test('a trial that fails opens it for longer, and trials that never end make room for others', () => {
  const s = withBreaker()
  s.end(20, 20)
  s.pass(5100)
  s.end(2, 1)
  s.pass(100)
  expect(s.state()).toBe(BREAKER_OPEN)
  s.pass(9900)
  expect(s.state()).toBe(BREAKER_OPEN)
  s.pass(100)
  expect(s.state()).toBe(BREAKER_HALF_OPEN)
  s.pass(5000) // nobody asks, and nothing is said
  expect(s.state()).toBe(BREAKER_HALF_OPEN)
  s.trials[0] = 9
  s.pass(5000)
  expect([s.state(), s.trials[0]]).toEqual([BREAKER_HALF_OPEN, 0])
  expect(s.messages().slice(2)).toEqual([
    'circuit breaker of backend app is open again, for 10 s: 1 of 2 requests on trial failed',
    'circuit breaker of backend app is half-open: 5 requests are let through',
    'circuit breaker of backend app is half-open still: not all trials have ended, 5 more are let through',
  ])
})

test('requests that clients gave up, or that Weir did not pass on, say nothing of the servers', () => {
  const s = withBreaker()
  s.end(100, 0, 'client_gone')
  s.end(100, 0, 'queue_full')
  s.end(20, 10, null)
  s.pass(100)
  expect(s.state()).toBe(BREAKER_OPEN)
  s.pass(5000)
  s.end(5, 0, 'client_gone')
  s.pass(100)
  expect(s.state()).toBe(BREAKER_HALF_OPEN)
})

test('in tcp mode connections count when they are made, long before they end', () => {
  const s = withBreaker({ mode: 'tcp' })
  for (const { owned } of s.board.rows) owned.server.answers[0] = 2 ** 31 - 3
  s.pass(10_500)
  s.answers(0, 20, OUTCOME_OK)
  s.pass(100)
  s.answers(0, 60, OUTCOME_FAILED) // three tries of each
  s.end(20, 20, 'connect_refused')
  s.pass(100)
  expect(s.state()).toBe(BREAKER_OPEN)
  s.pass(5000)
  s.answers(0, 5, OUTCOME_OK)
  s.pass(100)
  expect(s.state()).toBe(BREAKER_CLOSED)
  expect(s.messages()[0]).toContain('20 of 40 requests in the last 10 s failed (50 %)')
})

test('it outlives a new configuration with the same rule, and is closed by another', () => {
  const s = withBreaker()
  s.end(20, 20)
  s.pass(100)
  s.keeper.follow(snapshotOf({ backends: [backendSpec({ ...s.spec, retries: 9 })] }))
  s.pass(100)
  expect(s.state()).toBe(BREAKER_OPEN)
  s.keeper.follow(snapshotOf({ backends: [backendSpec({ ...s.spec, breaker: { ...spec, trials: 1 } })] }))
  expect(s.state()).toBe(BREAKER_CLOSED)
  s.end(20, 20)
  s.pass(100)
  expect(s.state()).toBe(BREAKER_OPEN)
  s.keeper.follow(snapshotOf({ backends: [backendSpec({ ...s.spec, breaker: null })] }))
  expect(s.state()).toBe(BREAKER_CLOSED)
})
