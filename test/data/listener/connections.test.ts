// The list of a bind's connections: whatever comes and goes, and in whatever order, it has all that are open and no other.
import { expect, test } from 'vitest'
import { Connections, type Connection } from '../../../src/data/listener/connections.ts'
import { createDice } from '../../../src/balance/dice.ts'

const connection = (ends: (connection: Connection) => void = () => {}): Connection => {
  const own: Connection = { listIndex: -1, cutOff: () => ends(own), drain: () => ends(own) }
  return own
}

test('any order of coming and going', () => {
  const dice = createDice(7)
  const connections = new Connections()
  const open = new Set<Connection>()
  const known: Connection[] = []
  for (let i = 0; i < 20_000; i++) {
    const old = known[dice.below(known.length + 1)]
    if (old === undefined || dice.below(3) === 0) {
      const fresh = connection()
      connections.add(fresh)
      open.add(fresh)
      known.push(fresh)
    } else {
      connections.remove(old) // a second time for some
      open.delete(old)
    }
    expect(connections.count).toBe(open.size)
  }
  expect(new Set(connections.all())).toEqual(open)
  expect(connections.all().every(({ listIndex }, at) => listIndex === at)).toBe(true)
})

test.each(['drain', 'cutOff'] as const)('%s reaches each of them, though they end meanwhile', (way) => {
  const connections = new Connections()
  const told = new Set<Connection>()
  let ended = 0
  connections.onEnd = () => void ended++
  for (let i = 0; i < 100; i++) {
    connections.add(connection((each) => (told.add(each), connections.end(each))))
  }
  connections[way]()
  expect([told.size, ended, connections.count]).toEqual([100, 100, 0])
})
