// How connections are held back: for how long, how many, and which goes first when there are too many.
import { expect, test } from 'vitest'
import { Clock, TICK_MS } from '../../../src/data/io/clock.ts'
import { Held, type Host } from '../../../src/data/listener/held.ts'
import { Tarpit } from '../../../src/data/listener/tarpit.ts'
import { ms } from '../../../src/model/units.ts'

function setUp(most: number) {
  const clock = new Clock(0)
  const ended: string[] = []
  const names = new Map<Held, string>()
  const host: Host = {
    slot: 0,
    most: 10,
    enter() {},
    turnAway: (held) => void ended.push(names.get(held)!),
    drop: (held) => void ended.push(`dropped ${names.get(held)}`),
  }
  const tarpit = new Tarpit(clock, most)
  const hold = (name: string, span: number): Held => {
    const held = new Held({}, host, { since: 0, reason: 'rate_limited', retryAfter: 1, source: null })
    names.set(held, name)
    tarpit.hold(held, ms(span))
    return held
  }
  let now = 0
  /** Tick by tick. */
  const advanceTo = (end: number): void => {
    for (; now < end; now += TICK_MS) clock.advance(now + TICK_MS)
  }
  return { advanceTo, ended, hold }
}

test('each is held for its own time, then turned away', () => {
  const { advanceTo, ended, hold } = setUp(10)
  hold('long', 5000)
  hold('short', 1000)
  advanceTo(900)
  expect(ended).toEqual([])
  advanceTo(2000)
  expect(ended).toEqual(['short'])
  advanceTo(6000)
  expect(ended).toEqual(['short', 'long'])
})

test('when there is no room for another one, the oldest is let go', () => {
  const { advanceTo, ended, hold } = setUp(2)
  for (const name of ['a', 'b', 'c', 'd']) hold(name, 60_000)
  expect(ended).toEqual(['a', 'b'])
  advanceTo(70_000)
  expect(ended).toEqual(['a', 'b', 'c', 'd'])
})

test('a stop turns away, a cut ends without a word, and neither is done twice', () => {
  const { advanceTo, ended, hold } = setUp(10)
  const [one, two] = [hold('one', 1000), hold('two', 1000)]
  one.drain()
  two.cutOff()
  advanceTo(5000)
  expect(ended).toEqual(['one', 'dropped two'])
})
