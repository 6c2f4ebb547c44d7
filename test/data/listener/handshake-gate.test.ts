// Who goes, who waits, and who is refused, with a clock that the test moves.
import { expect, test } from 'vitest'
import { Clock, TICK_MS } from '../../../src/data/io/clock.ts'
import { HandshakeGate, type Entrant } from '../../../src/data/listener/handshake-gate.ts'
import { ms } from '../../../src/model/units.ts'

const PATIENCE = ms(1000)

function setup(most: number) {
  const clock = new Clock(0)
  const gate = new HandshakeGate(clock, most, PATIENCE)
  const events: string[] = []
  const entrant = (name: string): Entrant => ({
    start: () => void events.push(`${name} starts`),
    refuse: () => void events.push(`${name} is refused`),
  })
  let now = 0
  const pass = (span: number): void => {
    for (const end = now + span; now < end; now += TICK_MS) clock.advance(now + TICK_MS)
  }
  return { gate, events, entrant, pass }
}

test('without a limit everybody goes at once', () => {
  const { gate, entrant } = setup(0)
  for (let i = 0; i < 1000; i++) expect(gate.enter(entrant(''))).toBe('go')
  expect(gate.underWay).toBe(1000)
  for (let i = 0; i < 1000; i++) gate.leave()
  expect(gate.underWay).toBe(0)
})

test('past the limit they wait, and go in the order in which they came, one for each that is over', () => {
  const { gate, events, entrant } = setup(2)
  expect(['a', 'b', 'c', 'd'].map((name) => gate.enter(entrant(name)))).toEqual(['go', 'go', 'waits', 'waits'])
  expect(events).toEqual([])
  gate.leave()
  expect(events).toEqual(['c starts'])
  gate.leave()
  expect(events).toEqual(['c starts', 'd starts'])
  expect([gate.underWay, gate.waiting]).toEqual([2, 0])
})

test('as many may wait as may be under way', () => {
  const { gate, entrant } = setup(2)
  expect(['a', 'b', 'c', 'd', 'e'].map((name) => gate.enter(entrant(name))).at(-1)).toBe('full')
})

test('a newcomer does not overtake those that wait', () => {
  const { gate, events, entrant } = setup(1)
  gate.enter(entrant('a'))
  gate.enter(entrant('b'))
  gate.leave()
  expect(gate.enter(entrant('c'))).toBe('waits')
  gate.leave()
  expect(events).toEqual(['b starts', 'c starts'])
})

test('one that has waited for as long as it may is refused, the others wait on', () => {
  const { gate, events, entrant, pass } = setup(2)
  gate.enter(entrant('a'))
  gate.enter(entrant('b'))
  gate.enter(entrant('c'))
  pass(600)
  gate.enter(entrant('d'))
  pass(300)
  expect(events).toEqual([])
  pass(400)
  expect(events).toEqual(['c is refused'])
  pass(1000)
  expect(events).toEqual(['c is refused', 'd is refused'])
  gate.leave()
  expect([gate.underWay, gate.waiting]).toEqual([1, 0])
})

test('one whose turn came is not refused later, nor is one that has withdrawn', () => {
  const { gate, events, entrant, pass } = setup(2)
  const [c, d] = [entrant('c'), entrant('d')]
  gate.enter(entrant('a'))
  gate.enter(entrant('b'))
  gate.enter(c)
  gate.enter(d)
  gate.withdraw(d)
  gate.leave()
  pass(3000)
  expect(events).toEqual(['c starts'])
})

test('those that come after a line is empty again have their whole time', () => {
  const { gate, events, entrant, pass } = setup(1)
  gate.enter(entrant('a'))
  gate.enter(entrant('b'))
  pass(500)
  gate.leave()
  gate.enter(entrant('c'))
  pass(900)
  expect(events).toEqual(['b starts'])
  pass(400)
  expect(events).toEqual(['b starts', 'c is refused'])
})

test('a higher limit lets in those that wait, no limit all of them', () => {
  const { gate, events, entrant } = setup(2)
  for (const name of ['a', 'b', 'c', 'd']) gate.enter(entrant(name))
  gate.follow(3, PATIENCE)
  expect(events).toEqual(['c starts'])
  gate.follow(0, PATIENCE)
  expect(events).toEqual(['c starts', 'd starts'])
})

test('a lower limit takes nothing away from those that are under way', () => {
  const { gate, events, entrant } = setup(3)
  for (const name of ['a', 'b', 'c', 'd']) gate.enter(entrant(name))
  gate.follow(1, PATIENCE)
  gate.leave()
  gate.leave()
  expect(events).toEqual([])
  gate.leave()
  expect(events).toEqual(['d starts'])
})

test('a handshake that ends at once, in the midst of those that begin, makes room for the next', () => {
  const { gate, events, entrant } = setup(1)
  gate.enter(entrant('a'))
  gate.enter({
    start() {
      events.push('b starts and fails')
      gate.leave()
    },
    refuse() {},
  })
  expect(gate.enter(entrant('c'))).toBe('full')
  gate.leave()
  expect(events).toEqual(['b starts and fails'])
  expect([gate.underWay, gate.waiting]).toEqual([0, 0])
})
