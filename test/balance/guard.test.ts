// A balancer of the user's own under guard: whatever it does, a usable server is picked, and the fault is told.
import { expect, test } from 'vitest'
import { createBoard } from '../../src/balance/board.ts'
import { createColumns } from '../../src/balance/columns.ts'
import { createDice } from '../../src/balance/dice.ts'
import { guard } from '../../src/balance/guard.ts'
import { leastconn } from '../../src/balance/leastconn.ts'
import { without } from '../../src/balance/pool.ts'
import type { Balancer } from '../../src/balance/types.ts'
import { defaultBalanceOptions } from '../../src/model/balancers.ts'
import { servers, world } from './world.ts'

const columns = createColumns(64)
const fallback = () => leastconn({ board: createBoard(columns), dice: createDice(1), options: defaultBalanceOptions })
const three = world(
  servers(1, 1, 1).map((server, i) => ({ ...server, slot: 10 * (i + 1) })),
  columns,
)

function guarded(inner: Omit<Balancer, 'pick'> & { pick: (...input: Parameters<Balancer['pick']>) => unknown }) {
  const faults: string[] = []
  const balancer = guard(inner as Balancer, fallback(), (fault) => faults.push(fault))
  balancer.update!(three.pool, null)
  return { balancer, faults }
}

test('a good answer is taken as it is, and nothing is told', () => {
  const { balancer, faults } = guarded({ pick: () => 20 })
  expect(balancer.pick(three.pool, 1, 0, -1)).toBe(20)
  expect(balancer.pick(without(three.pool, [10]), 1, 0, -1)).toBe(20)
  expect(faults).toEqual([])
})

test.each([
  [0, '0'],
  [-1, '-1'],
  [11, '11'],
  [4096, '4096'],
  [2 ** 40, String(2 ** 40)],
  [20.5, '20.5'],
  [NaN, 'NaN'],
  [undefined, 'undefined'],
  [null, 'null'],
  ['20', '"20"'],
  [{ slot: 20 }, 'an object'],
  [Symbol('s'), 'Symbol(s)'],
])('in place of the answer %s another one is taken', (answer, shown) => {
  const { balancer, faults } = guarded({ pick: () => answer })
  expect([10, 20, 30]).toContain(balancer.pick(three.pool, 1, 0, -1))
  expect(faults).toEqual([`pick returned ${shown}, which is not a slot of the pool`])
})

test('a pool of before the last update is held to its own slots', () => {
  const { balancer, faults } = guarded({ pick: () => 20 })
  balancer.update!(world([{ name: 'new', weight: 1, slot: 5 }], columns).pool, null)
  expect(balancer.pick(three.pool, 1, 0, -1)).toBe(20)
  expect(balancer.pick(without(three.pool, [20]), 1, 0, -1)).not.toBe(20)
  expect(faults).toHaveLength(1)
})

test('the server that a retry comes from is not taken again while there are others', () => {
  const { balancer, faults } = guarded({ pick: () => 20 })
  expect([10, 30]).toContain(balancer.pick(three.pool, 1, 0, 20))
  expect(faults).toEqual(['pick returned the slot to avoid, while there are others'])
  expect(balancer.pick(without(three.pool, [10, 30]), 1, 0, 20)).toBe(20)
})

test('from an empty pool nothing is picked, and nobody asked', () => {
  const { balancer, faults } = guarded({
    pick: () => {
      throw new Error('empty')
    },
  })
  expect(balancer.pick(without(three.pool, [10, 20, 30]), 1, 0, -1)).toBe(-1)
  expect(faults).toEqual([])
})

test('whatever throws is told, and the pick is made by another', () => {
  const boom = (): never => {
    throw new Error('boom')
  }
  const { balancer, faults } = guarded({ pick: boom, onStart: boom, onEnd: boom, tick: boom })
  expect([10, 20, 30]).toContain(balancer.pick(three.pool, 1, 0, -1))
  balancer.onStart!(10, 0)
  balancer.onEnd!(10, 0, 5, 0)
  balancer.tick!(three.pool, 0)
  expect(faults).toEqual(['pick threw: boom', 'onStart threw: boom', 'onEnd threw: boom', 'tick threw: boom'])
})

test('after an update that threw it is not asked until one has worked', () => {
  let works = false
  const { balancer, faults } = guarded({
    pick: () => 20,
    update: () => {
      if (!works) throw new Error('no table')
    },
  })
  columns.server.inflight[20] = 9
  expect([10, 30]).toContain(balancer.pick(three.pool, 1, 0, -1))
  expect(faults).toEqual(['update threw: no table'])
  works = true
  balancer.update!(three.pool, null)
  expect(balancer.pick(three.pool, 1, 0, -1)).toBe(20)
  columns.server.inflight[20] = 0
})

test('hooks that a balancer does not have are not added', () => {
  const { balancer } = guarded({ pick: () => 20 })
  expect(Object.keys(balancer)).toEqual(['pick', 'update'])
})
