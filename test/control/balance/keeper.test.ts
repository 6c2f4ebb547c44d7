// What the keeper writes for the workers: states, slow starts, learnt values that age, tables.
import { expect, test } from 'vitest'
import { balancers } from '../../../src/balance/balancers.ts'
import { createDice } from '../../../src/balance/dice.ts'
import { OUTCOME_FAILED, OUTCOME_OK } from '../../../src/balance/outcome.ts'
import { defaultBalanceOptions } from '../../../src/model/balancers.ts'
import { ms } from '../../../src/model/units.ts'
import { microsOf } from '../../../src/scoreboard/clock.ts'
import { balanceSpec } from '../../support/specs.ts'
import { backendSpec, serverSpec, until } from '../health/fixtures.ts'
import { snapshotOf } from '../fixtures.ts'
import { named, setUp } from './fixtures.ts'

test('no server starts slowly when the process starts: all would, and none could help', () => {
  const s = setUp()
  s.up()
  expect(s.ramps()).toEqual([0, 0, 0])
  const told = s.generation()
  s.pass(3000)
  expect(s.generation()).toBe(told)
})

test('a server that comes back up starts slowly, and workers are told with each step of five percent', () => {
  const s = setUp()
  s.up()
  s.keeper.setHealth(1, 'down')
  expect(s.pool().names).toEqual(['s1', 's3'])
  const before = s.generation()
  s.keeper.setHealth(1, 'up')
  expect(s.ramps()).toEqual([0, 10, 0])
  expect(s.pool().weight).toEqual(Int32Array.of(100, 10, 100))
  s.pass(5000)
  expect(s.pool().weight).toEqual(Int32Array.of(100, 50, 100))
  s.pass(5000)
  expect(s.ramps()).toEqual([0, 0, 0])
  expect(s.pool()).toMatchObject({ uniform: true, n: 3 })
  expect(s.generation()).toBe(before + 1 + 18)
  s.pass(2000)
  expect(s.generation()).toBe(before + 1 + 18)
})

test('a slow start that is broken off begins anew when the server is back', () => {
  const s = setUp()
  s.up()
  s.keeper.setHealth(0, 'down')
  s.keeper.setHealth(0, 'up')
  s.pass(5000)
  s.keeper.setAdmin(0, 'drain')
  expect(s.ramps()[0]).toBe(0)
  s.pass(1000)
  s.keeper.setAdmin(0, 'ready')
  expect(s.ramps()[0]).toBe(10)
})

test('a server that leaves maintenance starts slowly; one that was only drained does not', () => {
  const s = setUp()
  s.up()
  s.keeper.setAdmin(0, 'drain')
  s.keeper.setAdmin(1, 'maint')
  expect(s.pool().names).toEqual(['s3'])
  s.keeper.setAdmin(0, 'ready')
  s.keeper.setAdmin(1, 'ready')
  expect(s.ramps()).toEqual([0, 10, 0])
  s.pass(10_000)
  s.keeper.setAdmin(2, 'maint')
  s.keeper.setAdmin(2, 'drain')
  expect(s.ramps()).toEqual([0, 0, 0])
  s.keeper.setAdmin(2, 'ready')
  expect(s.ramps()).toEqual([0, 0, 10])
})

test('a server that joins later starts slowly, in a backend that is new none does', () => {
  const s = setUp({ servers: named(2) })
  s.up()
  const other = backendSpec({ slot: 1, name: 'other', slowStart: ms(10_000), servers: [serverSpec({ slot: 7 })] })
  s.keeper.follow(snapshotOf({ backends: [backendSpec({ ...s.spec, servers: named(3) }), other] }))
  s.keeper.setHealth(2, 'up')
  s.keeper.setHealth(7, 'up')
  expect(s.board.shared.server.ramp[2]).toBe(10)
  expect(s.board.shared.server.ramp[7]).toBe(0)
  s.keeper.setHealth(0, 'up')
  expect(s.board.shared.server.ramp[0]).toBe(0)
})

test('without a window nobody starts slowly', () => {
  const s = setUp({ slowStart: ms(0) })
  s.up()
  s.keeper.setHealth(1, 'down')
  s.keeper.setHealth(1, 'up')
  s.keeper.setAdmin(0, 'maint')
  s.keeper.setAdmin(0, 'ready')
  expect(s.ramps()).toEqual([0, 0, 0])
})

test('a server that comes back from the dead is not judged by what it was', () => {
  const s = setUp()
  s.up()
  const now = microsOf(s.clock.now)
  for (const slot of [0, 1]) {
    for (let i = 0; i < 40; i++) {
      s.counts.start(slot, now)
      s.counts.answer(slot, now, 5000, OUTCOME_FAILED)
      s.counts.end(slot)
    }
  }
  s.keeper.setHealth(0, 'down')
  s.keeper.setHealth(0, 'up')
  s.keeper.setAdmin(1, 'drain')
  s.keeper.setAdmin(1, 'ready')
  expect(s.columns.server.failing[0]).toBe(0)
  expect(s.columns.server.factor[0]).toBe(1)
  expect(s.columns.server.failing[1]).toBeGreaterThan(0.9)
})

test('the tick finds the median of the pool and its panic, and ages what nobody asks for any more', () => {
  const s = setUp()
  s.up()
  const learn = (slot: number, latency: number, outcome: 0 | 1, times = 1) => {
    for (let i = 0; i < times; i++) {
      s.counts.start(slot, microsOf(s.clock.now))
      s.counts.answer(slot, microsOf(s.clock.now), latency, outcome)
      s.counts.end(slot)
    }
  }
  learn(0, 1000, OUTCOME_OK, 20) // as often as it takes to be believed
  learn(1, 2000, OUTCOME_OK, 20)
  learn(2, 40_000, OUTCOME_OK, 20)
  s.pass(100)
  expect(s.columns.backend.latency[0]).toBe(2000)
  expect(s.columns.server.factor[2]).toBeGreaterThan(2.5)
  expect(s.columns.backend.panic[0]).toBe(0)
  learn(0, 0, OUTCOME_FAILED, 30)
  learn(1, 0, OUTCOME_FAILED, 30)
  s.pass(100)
  expect(s.columns.backend.panic[0]).toBe(1)
  s.pass(60_000)
  expect(s.columns.server.factor[2]).toBeLessThan(1.01)
  expect(s.columns.server.factor[0]).toBeLessThan(1.01)
  s.pass(80_000)
  expect(s.columns.backend.latency[0]).toBe(0)
  expect(s.columns.backend.panic[0]).toBe(0)
})

test('weights are integers from 0 to 65535, of servers that there are', () => {
  const s = setUp()
  for (const weight of [-1, 1.5, 65_536, NaN]) expect(() => s.keeper.setWeight(0, weight)).toThrow(RangeError)
  expect(() => s.keeper.setWeight(9, 1)).toThrow('there is no server at slot 9')
  expect(() => s.keeper.setAdmin(9, 'ready')).toThrow('there is no server at slot 9')
  const before = s.generation()
  s.keeper.setWeight(0, 65_535)
  s.keeper.setWeight(1, 0)
  expect(s.generation()).toBe(before + 2)
  s.keeper.setWeight(1, 0)
  expect(s.generation()).toBe(before + 2)
  s.up()
  expect(s.pool()).toMatchObject({ names: ['s1', 's3'], weight: Int32Array.of(65_535, 1) })
})

test('a table is there before any worker starts, and is built anew with the tick after weights have changed', () => {
  const s = setUp({ balance: balanceSpec('hash') })
  s.up()
  const first = s.keeper.tables[0]!
  expect(first).toBeInstanceOf(SharedArrayBuffer)
  s.keeper.setHealth(0, 'down')
  s.keeper.setHealth(0, 'up')
  s.pass(1000)
  expect(s.tables).toEqual([])
  s.keeper.setWeight(0, 5)
  s.keeper.setWeight(1, 0)
  expect(s.tables).toEqual([])
  s.pass(1000)
  expect(s.tables).toHaveLength(1)
  expect(s.keeper.tables[0]).toBe(s.tables[0])
  s.keeper.setWeight(0, 6)
  s.keeper.setWeight(0, 5)
  s.pass(1000)
  expect(s.tables).toHaveLength(1)

  const balancer = balancers.hash.create({ board: s.counts, dice: createDice(1), options: defaultBalanceOptions })
  s.pass(10_000)
  const pool = s.pool()
  balancer.update!(pool, s.tables[0]!)
  const counts = [0, 0, 0]
  for (let key = 0; key < 12_000; key++) counts[balancer.pick(pool, Math.imul(key, 0x9e3779b1), 0, -1)]!++
  expect(counts[1]).toBe(0)
  expect(counts[0]! / counts[2]!).toBeGreaterThan(4.5)
  expect(counts[0]! / counts[2]!).toBeLessThan(5.5)
})

test('algorithms without a table have none, nor has a backend whose servers all have weight 0', () => {
  const plain = setUp()
  expect(plain.keeper.tables).toEqual({})
  const s = setUp({ balance: balanceSpec('hash'), servers: [serverSpec({ weight: 0 })] })
  expect(s.keeper.tables).toEqual({})
  s.keeper.setWeight(0, 1)
  s.pass(100)
  expect(s.tables).toHaveLength(1)
  s.keeper.setWeight(0, 0)
  s.pass(100)
  expect(s.tables).toHaveLength(1)
})

test('started, it ticks by itself until it is closed', async () => {
  const s = setUp()
  s.up()
  s.columns.server.latency[0] = 500
  s.columns.server.stamp[0] = microsOf(s.clock.now)
  s.keeper.start()
  await until(() => s.columns.backend.latency[0] === 500)
  s.keeper.close()
  s.keeper.close()
})
