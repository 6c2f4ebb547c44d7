// Ejections and panic as the keeper brings them about: what the workers see, and what the log says.
import { expect, test } from 'vitest'
import { OUTCOME_FAILED, OUTCOME_OK } from '../../../src/balance/outcome.ts'
import type { EjectionSpec } from '../../../src/messages/snapshot.ts'
import { ms } from '../../../src/model/units.ts'
import { rulesSpec } from '../../support/specs.ts'
import { backendSpec } from '../health/fixtures.ts'
import { snapshotOf } from '../fixtures.ts'
import { named, setUp } from './fixtures.ts'

const ejection = (own: Partial<EjectionSpec> = {}): EjectionSpec => ({
  failures: 5,
  errorRatio: 0,
  latency: 0,
  minRequests: 20,
  time: ms(10_000),
  max: 50,
  ...own,
})

test('five failures in a row take a server out with the next tick; it comes back, starts slowly, and all is in the log', () => {
  const s = setUp({ servers: named(4), ejection: ejection() })
  s.up()
  s.answers(1, 5, OUTCOME_FAILED)
  const before = s.generation()
  s.pass(100)
  expect(s.pool().names).toEqual(['s1', 's3', 's4'])
  expect(s.generation()).toBeGreaterThan(before)
  expect(s.board.shared.server.ejections[1]).toBe(1)
  s.pass(11_100)
  expect(s.pool().names).toEqual(['s1', 's2', 's3', 's4'])
  expect(s.ramps()[1]).toBeGreaterThanOrEqual(10)
  expect(s.ramps()[1]).toBeLessThan(50)
  expect(s.lines).toMatchObject([
    {
      level: 'warn',
      backend: 'app',
      server: 's2',
      times: 1,
      out: 1,
      servers: 4,
      cause: { by: 'run', failures: 5 },
      message: expect.stringMatching(
        /^server app\/s2 is ejected for [\d.]+ s: 5 failures in a row; 1 of 4 servers out$/,
      ),
    },
    {
      level: 'info',
      server: 's2',
      out: 0,
      message: expect.stringMatching(/^server app\/s2 is back after [\d.]+ s of ejection; 0 of 4 servers out$/),
    },
  ])
  s.answers(1, 5, OUTCOME_FAILED)
  s.pass(100)
  expect(s.messages()[2]).toMatch(/is ejected for (1[89]|2[012])(\.\d)? s, for the 2nd time of late: /)
})

test('a share of failures is judged over all workers, and said with its figures', () => {
  const s = setUp({ servers: named(3), ejection: ejection({ failures: 0, errorRatio: 40 }) })
  s.up()
  s.pass(100)
  for (const slot of [0, 2]) s.answers(slot, 100, OUTCOME_OK)
  for (let i = 0; i < 15; i++) {
    s.answers(1, 2, OUTCOME_OK)
    s.answers(1, 2, OUTCOME_FAILED)
  }
  s.pass(100)
  expect(s.pool().names).toEqual(['s1', 's3'])
  expect(s.messages()).toEqual([
    expect.stringMatching(
      /: 30 of 60 answers in the last 10 s were failures \(50 %\), of the others 0 %; 1 of 3 servers out$/,
    ),
  ])
})

test('a server that is slow beside the others is taken out for that', () => {
  const s = setUp({ servers: named(3), ejection: ejection({ latency: 4 }) })
  s.up()
  s.pass(100)
  for (const slot of [0, 2]) s.answers(slot, 50, OUTCOME_OK, 20_000)
  s.answers(1, 50, OUTCOME_OK, 400_000)
  s.pass(100)
  expect(s.pool().names).toEqual(['s1', 's3'])
  expect(s.messages()).toEqual([
    expect.stringMatching(/: 400 ms for an answer, over 50 in the last 10 s, and 20 ms on the others; 1 of 3 /),
  ])
})

test('the only server is never ejected, and failures without a rule eject nobody', () => {
  const alone = setUp({ servers: named(1), ejection: ejection() })
  alone.up()
  alone.answers(0, 50, OUTCOME_FAILED)
  alone.pass(100)
  expect(alone.pool().names).toEqual(['s1'])
  const off = setUp({ servers: named(3) })
  off.up()
  off.answers(0, 50, OUTCOME_FAILED)
  off.pass(100)
  expect(off.pool().n).toBe(3)
  expect([...alone.lines, ...off.lines]).toEqual([])
})

test('when the health checks find it down, or its operator declares it ready, its ejections are forgiven', () => {
  const s = setUp({ servers: named(4), ejection: ejection() })
  s.up()
  for (const forgive of [
    () => s.keeper.setAdmin(1, 'ready'),
    () => {
      s.keeper.setHealth(1, 'down')
      s.keeper.setHealth(1, 'up')
    },
  ]) {
    s.answers(1, 5, OUTCOME_FAILED)
    s.pass(100)
    expect(s.pool().names).not.toContain('s2')
    forgive()
    expect(s.pool().names).toContain('s2')
    s.pass(100)
    expect(s.pool().names).toContain('s2')
  }
  s.answers(1, 5, OUTCOME_FAILED)
  s.pass(100)
  expect(s.messages()).toHaveLength(3)
  for (const message of s.messages()) expect(message).not.toContain('time of late')
})

test('an ejection outlives a new configuration with the same rules, and ends with one without', () => {
  const s = setUp({ servers: named(4), ejection: ejection() })
  s.up()
  s.answers(1, 5, OUTCOME_FAILED)
  s.pass(100)
  s.keeper.follow(snapshotOf({ backends: [backendSpec({ ...s.spec, retries: 2 })] }))
  s.pass(5000)
  expect(s.pool().names).not.toContain('s2')
  s.keeper.follow(snapshotOf({ backends: [backendSpec({ ...s.spec, ejection: null })] }))
  s.pass(100)
  expect(s.pool().names).toContain('s2')
})

test('panic is on the scoreboard while it lasts, and in the log when it begins and ends', () => {
  const s = setUp({ servers: named(4), rules: rulesSpec({ panic: 50 }), slowStart: ms(0), ejection: ejection() })
  const { healthPanic } = s.board.shared.backend
  s.up()
  s.pass(100)
  s.keeper.setHealth(0, 'down')
  s.keeper.setHealth(1, 'down')
  s.pass(100)
  expect(healthPanic[0]).toBe(0)
  s.answers(2, 5, OUTCOME_FAILED)
  s.pass(200)
  expect(healthPanic[0]).toBe(1)
  expect(s.pool().n).toBe(4)
  s.keeper.setHealth(0, 'up')
  s.pass(100)
  expect(healthPanic[0]).toBe(0)
  expect(s.messages().filter((message) => String(message).includes('panic'))).toEqual([
    'backend app panics: 1 of 4 servers healthy, less than 50 %: all are used',
    'backend app panics no more: 2 of 4 servers healthy',
  ])
})
