// What every balancing algorithm owes, whatever its idea: run over the whole table, so a new one is tested by being in it.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { balancers } from '../../src/balance/balancers.ts'
import { without } from '../../src/balance/pool.ts'
import { balancerNames } from '../../src/model/balancers.ts'
import { countPicks, nameOf, permutations, servers, start, world, type ServerState } from './world.ts'

const anyServers = fc
  .array(
    fc.record({
      weight: fc.oneof(
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 0, max: 256 }),
        fc.integer({ min: 0, max: 65535 }),
      ),
      backup: fc.boolean(),
      admin: fc.constantFrom(0, 0, 0, 1, 2),
      health: fc.constantFrom(0, 1, 1, 1, 2),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((list): ServerState[] => list.map((server, i) => ({ ...server, name: nameOf(i) })))

test('the names known to the configuration are those of the table', () => {
  expect(Object.keys(balancers)).toEqual([...balancerNames])
})

describe.each(Object.entries(balancers))('%s', (_name, create) => {
  test('answers -1 when no server is usable', () => {
    for (const list of [[], servers(0, 0), servers(1).map((s) => ({ ...s, health: 2 }))]) {
      const here = world(list)
      const balancer = start(create, here)
      expect([balancer.pick(here.pool, 1, -1), balancer.pick(here.pool, 1, 0)]).toEqual([-1, -1])
    }
  })

  test('always picks the only server, even the one to avoid', () => {
    const here = world(servers(0, 7, 0))
    const balancer = start(create, here)
    expect(countPicks(balancer, here.pool, 50)).toEqual(new Map([[1, 50]]))
    expect(countPicks(balancer, here.pool, 50, 1)).toEqual(new Map([[1, 50]]))
  })

  test('picks only servers of the pool, and the one to avoid only when there is no other', () => {
    fc.assert(
      fc.property(anyServers, fc.integer(), fc.integer({ min: -1, max: 40 }), (list, key, avoid) => {
        const here = world(list)
        const { pool, board } = here
        list.forEach((_, slot) => (board.inflight[slot] = (key >>> (slot % 28)) & 15))
        const balancer = start(create, here, key)
        for (let i = 0; i < 40; i++) {
          const slot = balancer.pick(pool, (key + i * 0x3c6ef35f) | 0, avoid)
          if (pool.n === 0) expect(slot).toBe(-1)
          else expect(pool.slot.includes(slot)).toBe(true)
          if (pool.n > 1) expect(slot).not.toBe(avoid)
        }
      }),
      { numRuns: 60 },
    )
  })

  test('a pool that others were taken from is never left, without a table of its own', () => {
    fc.assert(
      fc.property(anyServers, fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 45 }), (list, failed) => {
        const here = world(list)
        const balancer = start(create, here)
        const rest = without(here.pool, failed)
        for (let key = 0; key < 20; key++) {
          const slot = balancer.pick(rest, Math.imul(key, 0x9e3779b9), -1)
          if (rest.n === 0) expect(slot).toBe(-1)
          else expect(rest.slot.includes(slot) && !failed.includes(slot)).toBe(true)
        }
      }),
      { numRuns: 40 },
    )
  })

  test('a pool of before an update is still answered from that pool', () => {
    const before = world(servers(1, 2, 3))
    const balancer = start(create, before)
    balancer.update?.(world([{ name: 'new', weight: 1, slot: 9 }], before.board).pool)
    for (const slot of countPicks(balancer, before.pool, 200).keys()) expect([0, 1, 2]).toContain(slot)
  })

  test('the same seed, keys and counts give the same picks', () => {
    const run = () => {
      const here = world(servers(3, 1, 0, 9, 2))
      const balancer = start(create, here, 42)
      return Array.from({ length: 500 }, (_, i) => {
        const slot = balancer.pick(here.pool, i * 77, i % 5 === 0 ? 3 : -1)
        here.board.inflight[slot] = (here.board.inflight[slot]! + i) % 4
        return slot
      })
    }
    expect(run()).toEqual(run())
  })

  test.each([[[1, 1, 1]], [[1, 2, 5]], [[10, 20, 70, 100]], [[65535, 32768, 0, 16384]]])(
    'weights %j are met in every order of the servers',
    (weights) => {
      const sum = weights.reduce((a, b) => a + b)
      const picks = 12_000
      for (const order of permutations(servers(...weights))) {
        const here = world(order)
        const counts = countPicks(start(create, here), here.pool, picks)
        for (const { slot, weight } of order) {
          const share = weight / sum
          const deviation = Math.sqrt(picks * share * (1 - share))
          expect(Math.abs((counts.get(slot!) ?? 0) - picks * share)).toBeLessThanOrEqual(4.5 * deviation)
        }
      }
    },
  )

  test('what an avoided server leaves is shared by the weights of the others', () => {
    const here = world(servers(4, 1, 2, 3))
    const counts = countPicks(start(create, here), here.pool, 12_000, 0)
    expect(counts.has(0)).toBe(false)
    for (const slot of [1, 2, 3]) expect(counts.get(slot)! / 12_000).toBeGreaterThan(0.6 * (slot / 6))
  })

  test('two workers on one board meet the weights together', () => {
    const here = world(servers(1, 2, 5))
    const workers = [start(create, here, 1), start(create, here, 2)]
    const total = new Map<number, number>()
    for (let i = 0; i < 8000; i++) {
      const worker = workers[i % 7 < 3 ? 0 : 1]!
      const slot = worker.pick(here.pool, Math.imul(i, 0x9e3779b9), -1)
      total.set(slot, (total.get(slot) ?? 0) + 1)
    }
    for (const [slot, share] of [1000, 2000, 5000].entries()) {
      expect(Math.abs(total.get(slot)! - share)).toBeLessThan(4.5 * Math.sqrt(share))
    }
  })
})
