// When a dead worker is replaced.
import { expect, test } from 'vitest'
import { afterDeath, noDeaths, type DeathRecord } from '../../src/control/restart.ts'
import { ms, type Millis } from '../../src/model/units.ts'

/** The delays after a series of deaths. */
function delays(deaths: readonly (Millis | null)[]): (Millis | null)[] {
  let record: DeathRecord = noDeaths
  return deaths.map((listenedFor) => {
    const next = afterDeath(record, listenedFor)
    record = next.record
    return next.delay
  })
}

test('the first death is followed by a new worker at once, whenever it comes', () => {
  expect([delays([null]), delays([ms(1)]), delays([ms(1e9)])]).toEqual([[0], [0], [0]])
})

test('a worker that keeps dying at start waits longer each time, at most a second, and is given up after ten', () => {
  expect(delays(Array(10).fill(null))).toEqual([0, 50, 100, 200, 400, 800, 1000, 1000, 1000, null])
})

test('a worker that listened and then keeps dying is slowed down but never given up', () => {
  const all = delays(Array(1000).fill(ms(100)))
  expect(all.slice(0, 3)).toEqual([0, 50, 100])
  expect(all.at(-1)).toBe(1000)
  expect(all).not.toContain(null)
})

test('having listened for a while wipes the record', () => {
  expect(delays([null, null, null, ms(60_000), null])).toEqual([0, 50, 100, 0, 50])
})

test('one good start in between begins the count of failed starts again', () => {
  expect(delays([...Array(9).fill(null), ms(10), ...Array(9).fill(null)])).not.toContain(null)
})
