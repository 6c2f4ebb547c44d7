import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { balancers } from '../../src/balance/balancers.ts'
import { createColumns } from '../../src/balance/columns.ts'
import { hashAddress, mix } from '../../src/balance/hash.ts'
import { without } from '../../src/balance/pool.ts'
import { defaultBalanceOptions, hashTables, type BalanceOptions } from '../../src/model/balancers.ts'
import { HEALTH_DOWN } from '../../src/model/states.ts'
import { servers, start, world, type ServerState } from './world.ts'

const { hash } = balancers

const someKeys = Int32Array.from({ length: 20_000 }, (_, i) => mix(i + 1))
const manyKeys = Int32Array.from({ length: 200_000 }, (_, i) => mix(i + 1))

const named = (n: number): ServerState[] =>
  Array.from({ length: n }, (_, i) => ({ name: `web-${i + 1}`, weight: 100, slot: i }))

const down = (list: readonly ServerState[], ...names: string[]): ServerState[] =>
  list.map((s) => (names.includes(s.name) ? { ...s, health: HEALTH_DOWN } : s))

/** The name of the server of each key. */
function assign(list: readonly ServerState[], keys = someKeys, options?: BalanceOptions): string[] {
  const here = world(list, createColumns(list.length))
  const balancer = start(hash, here, list.length, options)
  const names = new Map(list.map((server, i) => [server.slot ?? i, server.name]))
  return Array.from(keys, (key) => names.get(balancer.pick(here.pool, key, 0, -1))!)
}

function sharesOf(names: readonly string[]): Map<string, number> {
  const shares = new Map<string, number>()
  for (const name of names) shares.set(name, (shares.get(name) ?? 0) + 1 / names.length)
  return shares
}

const movedShare = (before: readonly string[], after: readonly string[]): number =>
  before.filter((name, i) => name !== after[i]).length / before.length

describe.each(hashTables)('%s', (table) => {
  const options = { ...defaultBalanceOptions, table }

  test('balancers on other machines agree, whatever the order of the servers and their slots', () => {
    const list = named(9).map((s, i) => ({ ...s, weight: 1 + (i % 3) }))
    const elsewhere = list.toReversed().map((s, i) => ({ ...s, slot: 20 + i }))
    expect(assign(elsewhere, someKeys, options)).toEqual(assign(list, someKeys, options))
    const failed = ['web-2', 'web-5']
    expect(assign(down(elsewhere, ...failed), someKeys, options)).toEqual(
      assign(down(list, ...failed), someKeys, options),
    )
  })

  test('a health flip moves only the keys of that server, and they come back', () => {
    const list = named(8)
    const before = assign(list, someKeys, options)
    const during = assign(down(list, 'web-3'), someKeys, options)
    expect(before.filter((name, i) => name !== 'web-3' && name !== during[i])).toEqual([])
    expect(during).not.toContain('web-3')
    expect(new Set(during.filter((_, i) => before[i] === 'web-3')).size).toBe(7)
    expect(assign(list, someKeys, options)).toEqual(before)
  })

  test('with any servers down or not, one more that fails moves its own keys only', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 3, maxLength: 30 }), fc.nat(), (up, which) => {
        const list = up.map((isUp, i): ServerState => ({ name: `n${i}`, weight: 1 + (i % 4), health: isUp ? 1 : 2 }))
        const victim = which % list.length
        const [before, after] = [1, 2].map((health) => world(list.map((s, i) => (i === victim ? { ...s, health } : s))))
        const [first, second] = [start(hash, before!, 1, options), start(hash, after!, 1, options)]
        for (const key of someKeys.subarray(0, 200)) {
          const slot = first.pick(before!.pool, key, 0, -1)
          if (slot !== victim) expect(second.pick(after!.pool, key, 0, -1)).toBe(slot)
        }
      }),
      { numRuns: 25 },
    )
  })

  test('one balancer follows flips of health with the table it has', () => {
    const list = named(6)
    const here = world(list)
    const memory = hash.table!(here.members, options)
    const balancer = start(hash, here, 1, options)
    const pick = (pool = here.pool) => Array.from(someKeys.subarray(0, 2000), (key) => balancer.pick(pool, key, 0, -1))
    const before = pick()
    const flipped = world(down(list, 'web-1')).pool
    balancer.update?.(flipped, memory)
    expect(pick(flipped)).not.toContain(0)
    balancer.update?.(here.pool, memory)
    expect(pick()).toEqual(before)
  })

  test('a retry goes elsewhere, to the server that the key would have if the first were down', () => {
    const list = named(5)
    const here = world(list)
    const balancer = start(hash, here, 1, options)
    for (const key of someKeys.subarray(0, 100)) {
      const first = balancer.pick(here.pool, key, 0, -1)
      const second = balancer.pick(here.pool, key, 0, first)
      const failed = world(down(list, list[first]!.name))
      expect(second).not.toBe(first)
      expect(balancer.pick(without(here.pool, [first]), key, 0, -1)).toBe(second)
      expect(balancer.pick(failed.pool, key, 0, -1)).toBe(second)
    }
  })

  test('slow start moves no key', () => {
    const list = named(5).map((server, i) => ({ ...server, weight: 1 + i }))
    const starting = list.map((server, i) => (i === 4 ? { ...server, ramp: 10 } : server))
    expect(assign(starting, someKeys, options)).toEqual(assign(list, someKeys, options))
    const noTable = (states: readonly ServerState[]) => {
      const { pool } = world(states)
      const balancer = hash.create({ board: null as never, dice: null as never, options })
      balancer.update?.(pool, null)
      return Array.from(someKeys, (key) => balancer.pick(pool, key, 0, -1))
    }
    expect(noTable(starting)).toEqual(noTable(list))
  })

  test('a server of weight 0 has no keys, and one that gets it is as good as removed', () => {
    const list = named(4)
    const drained = list.map((server) => (server.name === 'web-2' ? { ...server, weight: 0 } : server))
    const without2 = list.filter(({ name }) => name !== 'web-2')
    expect(assign(drained, someKeys, options)).toEqual(assign(without2, someKeys, options))
  })

  test('a backup that waits takes no part: adding one moves no key', () => {
    const list = named(4)
    expect(assign([...list, { name: 'spare', weight: 100, tier: 1 }], someKeys, options)).toEqual(
      assign(list, someKeys, options),
    )
  })

  test('keys go to the tiers that take part, and come back', () => {
    const list = [
      ...named(3),
      { name: 'spare-1', weight: 1, tier: 1 },
      { name: 'spare-2', weight: 1, tier: 1 },
      { name: 'last', weight: 1, tier: 3 },
    ]
    const primaries = ['web-1', 'web-2', 'web-3']
    const spares = ['spare-1', 'spare-2']
    const tiers = (...failed: string[]) => new Set(assign(down(list, ...failed), someKeys, options))
    expect(tiers(...primaries)).toEqual(new Set(spares))
    expect(tiers(...primaries, ...spares)).toEqual(new Set(['last']))
    expect(assign(list, someKeys, options)).toEqual(assign(named(3), someKeys, options))
  })

  test('several hundred members, most of them down, are served by those that are left', () => {
    const list = named(300).map((server, i) => (i % 50 === 7 ? server : { ...server, health: HEALTH_DOWN }))
    const up = list.filter(({ health }) => health === undefined).map(({ name }) => name)
    const shares = sharesOf(assign(list, someKeys, options))
    expect([...shares.keys()].toSorted()).toEqual(up.toSorted())
    for (const share of shares.values()) expect(share).toBeGreaterThan(0.5 / up.length)
  })

  test('while a table is late, only new servers have no keys yet, and only those of servers that left move', () => {
    const old = world(named(6))
    const memory = hash.table!(old.members, options)
    const balancer = hash.create({ board: null as never, dice: null as never, options })
    const pick = (pool = old.pool) => Array.from(someKeys, (key) => balancer.pick(pool, key, 0, -1))
    balancer.update?.(old.pool, memory)
    const before = pick()

    const list = [...named(6).slice(1), { name: 'new', weight: 100, slot: 0 }] // in the slot of web-1
    const changed = world(list)
    balancer.update?.(changed.pool, memory)
    const between = pick(changed.pool)
    expect(between).not.toContain(0)
    expect(before.filter((slot, i) => slot !== 0 && slot !== between[i])).toEqual([])

    balancer.update?.(changed.pool, hash.table!(changed.members, options))
    expect(new Set(pick(changed.pool))).toEqual(new Set([0, 1, 2, 3, 4, 5]))
  })

  test('without a table, or with one of other servers or of another kind, keys stick and weights are met', () => {
    const here = world(servers(1, 2, 5))
    const others = world(named(4)).members
    const foreign = [
      null,
      new SharedArrayBuffer(0),
      new SharedArrayBuffer(64),
      hash.table!([], options),
      hash.table!(others, options),
      hash.table!(here.members, { ...options, table: table === 'ring' ? 'maglev' : 'ring' }),
    ]
    const picks = foreign.map((memory) => {
      const balancer = hash.create({ board: null as never, dice: null as never, options })
      balancer.update?.(here.pool, memory)
      return Array.from(someKeys, (key) => balancer.pick(here.pool, key, 0, -1))
    })
    for (const other of picks) expect(other).toEqual(picks[0])
    for (const [slot, weight] of [1, 2, 5].entries()) {
      const share = picks[0]!.filter((picked) => picked === slot).length / someKeys.length
      expect(Math.abs(share - weight / 8)).toBeLessThan(0.015)
    }
  })
})

test('the assignment is the same from one version of Weir to the next', () => {
  const here = world(servers(1, 1, 1, 1))
  const balancer = start(hash, here)
  const pick = (address: string) => balancer.pick(here.pool, hashAddress(address), 0, -1)
  const picks = (prefix: string) => Array.from({ length: 24 }, (_, i) => pick(prefix + i)).join('')
  expect(picks('192.0.2.')).toMatchInlineSnapshot(`"311233133132031322331201"`)
  expect(picks('2001:db8::')).toMatchInlineSnapshot(`"213313002202320201112321"`)
})

test('maglev: with one of 8 or of 64 servers removed, hardly more keys move than have to', () => {
  for (const [n, removals, limit] of [
    [8, 8, 1.05],
    [64, 4, 1.4],
  ] as const) {
    const list = named(n)
    const before = assign(list, manyKeys)
    let moved = 0
    for (let i = 0; i < removals; i++) {
      moved += movedShare(before, assign(list.toSpliced((i * 13) % n, 1), manyKeys)) / removals
    }
    expect(moved * n).toBeGreaterThan(0.97)
    expect(moved * n).toBeLessThanOrEqual(limit)
  }
})

test('maglev: of several hundred servers, one that is removed moves at most three times its own keys', () => {
  const list = named(300)
  const moved = movedShare(assign(list, manyKeys), assign(list.toSpliced(100, 1), manyKeys))
  expect(moved * 300).toBeLessThan(3)
})

test('maglev: the busiest server has at most 6 % more than the mean of 200,000 keys', () => {
  for (const n of [2, 3, 8, 16, 33, 64]) {
    expect(Math.max(...sharesOf(assign(named(n), manyKeys)).values()) * n).toBeLessThanOrEqual(1.06)
  }
})

test('maglev: a weight that changes moves about what it has to', () => {
  const list = named(8)
  const heavier = list.map((server) => (server.name === 'web-1' ? { ...server, weight: 200 } : server))
  const moved = movedShare(assign(list, manyKeys), assign(heavier, manyKeys))
  expect(moved).toBeGreaterThan(2 / 9 - 1 / 8 - 0.005)
  expect(moved).toBeLessThan(1.25 * (2 / 9 - 1 / 8))
})

test('ring: one that is removed gives away its own keys, and no other key moves', () => {
  const options = { ...defaultBalanceOptions, table: 'ring' } as const
  for (const n of [2, 8, 64]) {
    const list = named(n)
    const before = assign(list, someKeys, options)
    const after = assign(list.slice(0, -1), someKeys, options)
    expect(before.filter((name, i) => name !== `web-${n}` && name !== after[i])).toEqual([])
  }
})

test('ring: shares follow the weights as well as 160 points for each server can', () => {
  const options = { ...defaultBalanceOptions, table: 'ring' } as const
  for (const weights of [
    [1, 1, 1, 1, 1, 1, 1, 1],
    [50, 100, 200, 400],
    [65535, 16384, 32768],
  ]) {
    const sum = weights.reduce((a, b) => a + b)
    const list = weights.map((weight, i): ServerState => ({ name: `web-${i}`, weight }))
    const shares = sharesOf(assign(list, manyKeys, options))
    for (const { name, weight } of list) expect(Math.abs(shares.get(name)! / (weight / sum) - 1)).toBeLessThan(0.25)
  }
})

test('with one in thirty usable, keys are still spread by weight', () => {
  const list = named(60).map((s, i): ServerState => (i < 2 ? { ...s, weight: 100 * (i + 1) } : { ...s, health: 2 }))
  expect(Math.abs(sharesOf(assign(list)).get('web-1')! - 1 / 3)).toBeLessThan(0.02)
})
