// When checks are due, and how many of them run at a time.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Gate } from '../../../src/control/health/gate.ts'
import { nextCheckAfter } from '../../../src/control/health/schedule.ts'
import { down, up } from '../../../src/control/health/step.ts'
import { ms } from '../../../src/model/units.ts'
import { quickCheck } from './fixtures.ts'

const spec = quickCheck({ interval: ms(2000), fastInterval: ms(500) })
const dice = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

test('the second check of a server falls anywhere in the interval', () => {
  expect([0, 0.25, 0.999].map((n) => nextCheckAfter(up(0), spec, 1, n))).toEqual([0, 500, 1998])
})

test('later checks keep the interval, give or take a tenth', () => {
  fc.assert(
    fc.property(dice, fc.integer({ min: 2, max: 1e9 }), (n, checks) => {
      const wait = nextCheckAfter(up(0), spec, checks, n)
      expect(wait).toBeGreaterThanOrEqual(1800)
      expect(wait).toBeLessThanOrEqual(2200)
    }),
  )
})

test('a server that is down or in doubt is checked by the fast interval', () => {
  for (const health of [down(0), down(1), up(1)]) expect(nextCheckAfter(health, spec, 2, 0.5)).toBe(500)
})

test('no more checks than the limit run at a time, all run, and a failed one frees its place', async () => {
  const gate = new Gate(3)
  let running = 0
  let most = 0
  const task = async (n: number): Promise<number> => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setTimeout(resolve, 1))
    running--
    if (n % 4 === 0) throw new Error('failed')
    return n
  }
  const results = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => gate.run(() => task(n))))
  expect(most).toBe(3)
  expect(results.map((result) => (result.status === 'fulfilled' ? result.value : 'failed'))).toEqual(
    Array.from({ length: 20 }, (_, n) => (n % 4 === 0 ? 'failed' : n)),
  )
})
