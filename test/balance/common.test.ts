// What every balancing algorithm owes, whatever its idea: run over the whole table, so a new one is tested by being in it.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createBoard } from '../../src/balance/board.ts'
import { balancers } from '../../src/balance/balancers.ts'
import { createDice } from '../../src/balance/dice.ts'
import type { Outcome } from '../../src/balance/outcome.ts'
import { plainRules, without } from '../../src/balance/pool.ts'
import { balancerNames, defaultBalanceOptions, keyedBalancers } from '../../src/model/balancers.ts'
import { createColumns } from '../../src/balance/columns.ts'
import { countPicks, nameOf, permutations, servers, start, world, type ServerState } from './world.ts'

const anyServers = fc
  .array(
    fc.record({
      weight: fc.oneof(
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 0, max: 256 }),
        fc.integer({ min: 0, max: 65535 }),
      ),
      tier: fc.integer({ min: 0, max: 2 }),
      zone: fc.constantFrom('north', 'south'),
      ramp: fc.constantFrom(0, 0, 1, 10, 50, 99),
      ejected: fc.constantFrom(0, 0, 0, 1),
      admin: fc.constantFrom(0, 0, 0, 1, 2),
      health: fc.constantFrom(0, 1, 1, 1, 2),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((list): ServerState[] => list.map((server, i) => ({ ...server, name: nameOf(i) })))

const anyRules = fc.record({
  minHealthy: fc.integer({ min: 1, max: 5 }),
  panic: fc.constantFrom(0, 50, 100),
  zone: fc.constantFrom(null, 'north', 'elsewhere'),
  subset: fc.constantFrom(0, 3, 12),
  instance: fc.nat({ max: 9 }),
})

/** What a server may be known for: anything from nothing to the extremes of learning.ts. */
const anyKnowledge = fc.array(
  fc.record({
    inflight: fc.oneof(fc.constant(0), fc.nat({ max: 9 }), fc.nat({ max: 100_000 })),
    waiting: fc.nat({ max: 2 }),
    progress: fc.integer(),
    stall: fc.nat({ max: 50_000 }),
    factor: fc.double({ min: 0.5, max: 1200, noNaN: true }),
  }),
  { minLength: 40, maxLength: 40 },
)

/** Shares by weight are not what these are for, and why. */
const followsNoWeights: Readonly<Record<string, string>> = {
  first: 'one server is filled before the next is used, whatever its weight; that only says when it is full',
}

test('the names known to the configuration are those of the table', () => {
  expect(Object.keys(balancers)).toEqual([...balancerNames])
})

describe.each(Object.entries(balancers))('%s', (name, create) => {
  test('answers -1 when no server is usable', () => {
    for (const list of [[], servers(0, 0), servers(1).map((s) => ({ ...s, health: 2 }))]) {
      const here = world(list)
      const balancer = start(create, here)
      expect([balancer.pick(here.pool, 1, 0, -1), balancer.pick(here.pool, 1, 0, 0)]).toEqual([-1, -1])
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
      fc.property(
        anyServers,
        anyRules,
        anyKnowledge,
        fc.integer(),
        fc.integer({ min: -1, max: 40 }),
        (list, rules, knowledge, key, avoid) => {
          const here = world(list, undefined, rules)
          const { pool, columns } = here
          knowledge.forEach((known, slot) => {
            for (const name of ['inflight', 'waiting', 'progress', 'stall', 'factor'] as const)
              columns.server[name][slot] = known[name]
          })
          const balancer = start(create, here, key)
          for (let i = 0; i < 40; i++) {
            const slot = balancer.pick(pool, (key + i * 0x3c6ef35f) | 0, (key * i) | 0, avoid)
            if (pool.n === 0) expect(slot).toBe(-1)
            else expect(pool.slot.includes(slot)).toBe(true)
            if (pool.n > 1) expect(slot).not.toBe(avoid)
          }
        },
      ),
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
          const slot = balancer.pick(rest, Math.imul(key, 0x9e3779b9), 0, -1)
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
    balancer.update?.(world([{ name: 'new', weight: 1, slot: 9 }], before.columns).pool, null)
    for (const slot of countPicks(balancer, before.pool, 200).keys()) expect([0, 1, 2]).toContain(slot)
  })

  test('the same seed, keys and counts give the same picks', () => {
    const run = () => {
      const here = world(servers(3, 1, 0, 9, 2))
      const balancer = start(create, here, 42)
      return Array.from({ length: 500 }, (_, i) => {
        const slot = balancer.pick(here.pool, i * 77, 0, i % 5 === 0 ? 3 : -1)
        here.columns.server.inflight[slot] = (here.columns.server.inflight[slot]! + i) % 4
        return slot
      })
    }
    expect(run()).toEqual(run())
  })

  const byWeight = test.skipIf(Object.hasOwn(followsNoWeights, name))

  byWeight.each([[[1, 1, 1]], [[1, 2, 5]], [[10, 20, 70, 100]], [[65535, 32768, 0, 16384]]])(
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

  byWeight('what an avoided server leaves is shared by the weights of the others', () => {
    const here = world(servers(4, 1, 2, 3))
    const counts = countPicks(start(create, here), here.pool, 12_000, 0)
    expect(counts.has(0)).toBe(false)
    for (const slot of [1, 2, 3]) expect(counts.get(slot)! / 12_000).toBeGreaterThan(0.6 * (slot / 6))
  })

  byWeight('two workers on one board meet the weights together', () => {
    const here = world(servers(1, 2, 5))
    const workers = [start(create, here, 1), start(create, here, 2)]
    const total = new Map<number, number>()
    for (let i = 0; i < 8000; i++) {
      const worker = workers[i % 7 < 3 ? 0 : 1]!
      const slot = worker.pick(here.pool, Math.imul(i, 0x9e3779b9), 0, -1)
      total.set(slot, (total.get(slot) ?? 0) + 1)
    }
    for (const [slot, share] of [1000, 2000, 5000].entries()) {
      expect(Math.abs(total.get(slot)! - share)).toBeLessThan(4.5 * Math.sqrt(share))
    }
  })

  // A key stays with its server, which is up or not: what goes by keys takes no notice of the ramp.
  test.skipIf(Object.hasOwn(followsNoWeights, name) || keyedBalancers.has(name))(
    'a server in slow start gets as much of its share as its ramp says',
    () => {
      const here = world([{ name: 'new', weight: 1, ramp: 25 }, ...servers(1, 1, 1).slice(1)])
      const counts = countPicks(start(create, here), here.pool, 9000)
      expect(Math.abs(counts.get(0)! - 1000)).toBeLessThan(4.5 * Math.sqrt(1000))
    },
  )

  byWeight('a pool of 300 servers is used by the weights too', () => {
    const here = world(servers(...Array.from({ length: 300 }, (_, i) => 1 + (i % 3))), createColumns(300))
    const counts = countPicks(start(create, here), here.pool, 30_000)
    const byWeight = [0, 0, 0]
    for (const [slot, count] of counts) byWeight[slot % 3]! += count
    for (const [i, share] of [5000, 10_000, 15_000].entries())
      expect(Math.abs(byWeight[i]! - share)).toBeLessThan(4.5 * Math.sqrt(share))
  })

  test('requests that start, are answered or given up, and end in any order leave no count behind', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 3 }), (seed, workers) => {
        const here = world(servers(3, 1, 2, 5), undefined, plainRules)
        const boards = Array.from({ length: workers }, () => createBoard(here.columns))
        const balancers = boards.map((board, i) => {
          const balancer = create.create({ board, dice: createDice(seed + i), options: defaultBalanceOptions })
          balancer.update?.(here.pool, create.table?.(here.pool.members, defaultBalanceOptions) ?? null)
          return balancer
        })
        const dice = createDice(seed)
        const flying: { slot: number; worker: number; waiting: boolean }[] = []
        for (let now = 0, left = 400; left > 0 || flying.length > 0; now += 1000) {
          if (left > 0 && dice.below(2) === 0) {
            const worker = dice.below(workers)
            const slot = balancers[worker]!.pick(here.pool, dice.below(2 ** 31), now, -1)
            boards[worker]!.start(slot, now)
            balancers[worker]!.onStart?.(slot, now)
            flying.push({ slot, worker, waiting: true })
            left--
          } else if (flying.length > 0) {
            const at = dice.below(flying.length)
            const { slot, worker, waiting } = flying[at]!
            if (waiting) {
              const outcome = dice.below(4)
              if (outcome < 3) boards[worker]!.answer(slot, now, 5000, outcome as Outcome)
              else boards[worker]!.abandon(slot)
              if (outcome < 3) balancers[worker]!.onEnd?.(slot, now, 5000, outcome as Outcome)
              flying[at]!.waiting = false
            } else {
              boards[worker]!.end(slot)
              flying.splice(at, 1)
            }
          }
        }
        const { server, backend } = here.columns
        expect([...server.inflight, ...server.waiting, ...backend.inflight].every((count) => count === 0)).toBe(true)
      }),
      { numRuns: 20 },
    )
  })
})
