// The rise/fall rule: every transition from a table, and what must hold for any sequence of results.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checking, down, step, up, wantsFastCheck, type Health } from '../../../src/control/health/step.ts'

const rule = { rise: 2, fall: 3 }

const transitions: readonly (readonly [Health, boolean, Health])[] = [
  [checking, true, up(0)],
  [checking, false, down(0)],
  [up(0), true, up(0)],
  [up(0), false, up(1)],
  [up(1), false, up(2)],
  [up(2), false, down(0)],
  [up(2), true, up(0)],
  [down(0), false, down(0)],
  [down(0), true, down(1)],
  [down(1), true, up(0)],
  [down(1), false, down(0)],
]

for (const [before, passed, after] of transitions) {
  test(`${JSON.stringify(before)} with a ${passed ? 'pass' : 'fail'} becomes ${JSON.stringify(after)}`, () => {
    expect(step(before, passed, rule)).toEqual(after)
  })
}

test('with rise 1 and fall 1 the state is the last result', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 1 }), (results) => {
      const end = results.reduce((health, passed) => step(health, passed, { rise: 1, fall: 1 }), checking)
      expect(end.state).toBe(results.at(-1) ? 'up' : 'down')
    }),
  )
})

const sequences = fc.record({
  rise: fc.integer({ min: 1, max: 5 }),
  fall: fc.integer({ min: 1, max: 5 }),
  results: fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }),
})

test('a server changes its state only after rise passes or fall failures in a row', () => {
  fc.assert(
    fc.property(sequences, ({ rise, fall, results }) => {
      let health: Health = checking
      results.forEach((passed, i) => {
        const next = step(health, passed, { rise, fall })
        if (health.state === 'up' && next.state === 'down')
          expect(results.slice(i - fall + 1, i + 1)).toEqual(Array(fall).fill(false))
        if (health.state === 'down' && next.state === 'up')
          expect(results.slice(i - rise + 1, i + 1)).toEqual(Array(rise).fill(true))
        health = next
      })
    }),
  )
})

test('enough results of one kind decide, whatever came before', () => {
  fc.assert(
    fc.property(sequences, ({ rise, fall, results }) => {
      const before = results.reduce<Health>((health, passed) => step(health, passed, { rise, fall }), checking)
      const passes = Array<boolean>(rise)
        .fill(true)
        .reduce((health, passed) => step(health, passed, { rise, fall }), before)
      const fails = Array<boolean>(fall)
        .fill(false)
        .reduce((health, passed) => step(health, passed, { rise, fall }), before)
      expect([passes.state, fails.state]).toEqual(['up', 'down'])
    }),
  )
})

test('no server is ever unknown again', () => {
  fc.assert(
    fc.property(sequences, ({ rise, fall, results }) => {
      expect(results.reduce<Health>((health, passed) => step(health, passed, { rise, fall }), checking).state).not.toBe(
        'checking',
      )
    }),
  )
})

test('checks come fast while a server is down, unknown or in doubt', () => {
  expect([checking, up(0), up(1), down(0), down(1)].map(wantsFastCheck)).toEqual([true, false, true, true, true])
})
