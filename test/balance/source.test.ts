import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashAddress } from '../../src/balance/hash.ts'
import { buildMaglev, MAGLEV_CELLS } from '../../src/balance/maglev.ts'
import { without } from '../../src/balance/pool.ts'
import { source } from '../../src/balance/source.ts'
import { HEALTH_DOWN } from '../../src/model/states.ts'
import { servers, start, world, type ServerState } from './world.ts'

const keys = Array.from({ length: 20_000 }, (_, i) => hashAddress(`10.${i & 7}.${(i >> 3) & 255}.${i >> 11}`))

/** The name of the server of each key. */
function assign(list: readonly ServerState[]): string[] {
  const here = world(list)
  const balancer = start(source, here, list.length)
  return keys.map((key) => list.find((s, i) => (s.slot ?? i) === balancer.pick(here.pool, key, -1))!.name)
}

const down = (list: readonly ServerState[], ...names: string[]): ServerState[] =>
  list.map((s) => (names.includes(s.name) ? { ...s, health: HEALTH_DOWN } : s))

const named = (n: number): ServerState[] => Array.from({ length: n }, (_, i) => ({ name: `web-${i + 1}`, weight: 100 }))

test('balancers on other machines agree, whatever the order of the servers and their slots', () => {
  const list = named(9).map((s, i) => ({ ...s, weight: 1 + (i % 3) }))
  const elsewhere = list.toReversed().map((s, i) => ({ ...s, slot: 20 + i }))
  expect(assign(elsewhere)).toEqual(assign(list))
  expect(assign(down(elsewhere, 'web-2', 'web-5'))).toEqual(assign(down(list, 'web-2', 'web-5')))
})

test('the assignment is the same from one version of Weir to the next', () => {
  const here = world(servers(1, 1, 1, 1))
  const balancer = start(source, here)
  const pick = (address: string) => balancer.pick(here.pool, hashAddress(address), -1)
  const picks = (prefix: string) => Array.from({ length: 24 }, (_, i) => pick(prefix + i)).join('')
  expect(picks('192.0.2.')).toMatchInlineSnapshot(`"311233133132031322331201"`)
  expect(picks('2001:db8::')).toMatchInlineSnapshot(`"213313002202320201112321"`)
})

test('a health flip moves only the keys of that server, spreads them by weight, and they come back', () => {
  const list = named(8)
  const before = assign(list)
  const during = assign(down(list, 'web-3'))
  keys.forEach((_, i) => before[i] === 'web-3' || before[i] === during[i] || expect.fail(`key ${i} moved`))
  const moved = during.filter((_, i) => before[i] === 'web-3')
  for (const { name } of list) {
    const share = moved.filter((other) => other === name).length / moved.length
    if (name === 'web-3') expect(share).toBe(0)
    else expect(share).toBeGreaterThan(0.1) // 1 / 7 is fair
  }
  expect(assign(list)).toEqual(before)
})

test('with any servers down or not, one more that fails moves its own keys only', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 3, maxLength: 30 }), fc.nat(), (up, which) => {
      const list = up.map((isUp, i): ServerState => ({ name: `n${i}`, weight: 1 + (i % 4), health: isUp ? 1 : 2 }))
      const victim = which % list.length
      const [before, after] = [1, 2].map((health) => world(list.map((s, i) => (i === victim ? { ...s, health } : s))))
      const [first, second] = [start(source, before!), start(source, after!)]
      for (const key of keys.slice(0, 200)) {
        const slot = first.pick(before!.pool, key, -1)
        if (slot !== victim) expect(second.pick(after!.pool, key, -1)).toBe(slot)
      }
    }),
    { numRuns: 25 },
  )
})

test('the table is kept through health flips by one balancer too', () => {
  const list = named(6)
  const here = world(list)
  const balancer = start(source, here)
  const pick = (pool = here.pool) => keys.slice(0, 2000).map((key) => balancer.pick(pool, key, -1))
  const before = pick()
  const flipped = world(down(list, 'web-1')).pool
  balancer.update?.(flipped)
  expect(pick(flipped)).not.toContain(0)
  balancer.update?.(here.pool)
  expect(pick()).toEqual(before)
})

test.each([[2], [8], [33]])('of %i servers, one that is removed takes few keys of others with it', (n) => {
  const list = named(n)
  const before = assign(list)
  const after = assign(list.slice(0, -1))
  const moved = keys.filter((_, i) => before[i] !== after[i]).length / keys.length
  expect(moved).toBeLessThan((1 / n) * 1.25 + 0.005)
})

test('shares follow the weights within a few per cent', () => {
  const list = [50, 100, 200, 400].map((weight, i) => ({ name: `w${i}`, weight }))
  const names = assign(list)
  for (const { name, weight } of list) {
    const share = names.filter((other) => other === name).length / keys.length
    expect(Math.abs(share / (weight / 750) - 1)).toBeLessThan(0.08)
  }
})

test('cells of the table are exact by weight, for one server to many', () => {
  for (const weights of [
    [1],
    [1, 1, 1],
    [65535, 1],
    [3, 5, 7, 11],
    Array.from({ length: 300 }, (_, i) => 1 + (i % 10)),
  ]) {
    const cells = buildMaglev(weights.map((weight, i) => ({ name: `m${String(i).padStart(3, '0')}`, weight })))
    const counts = weights.map(() => 0)
    for (const member of cells) counts[member]!++
    const sum = weights.reduce((a, b) => a + b)
    weights.forEach((w, i) => expect(Math.abs(counts[i]! - (w / sum) * MAGLEV_CELLS)).toBeLessThanOrEqual(1.5))
  }
})

test('a retry goes elsewhere, to the server that the key would have if the first were down', () => {
  const list = named(5)
  const here = world(list)
  const balancer = start(source, here)
  for (const key of keys.slice(0, 500)) {
    const first = balancer.pick(here.pool, key, -1)
    const second = balancer.pick(here.pool, key, first)
    const downPool = world(down(list, list[first]!.name))
    expect(second).not.toBe(first)
    expect(balancer.pick(without(here.pool, [first]), key, -1)).toBe(second)
    expect(balancer.pick(downPool.pool, key, -1)).toBe(second)
  }
})

test('a backup that waits takes no part: adding one moves no key', () => {
  const list = named(4)
  expect(assign([...list, { name: 'spare', weight: 100, backup: true }])).toEqual(assign(list))
})

test('keys go to backups when no primary is up, and come back', () => {
  const list = [...named(3), { name: 'spare-1', weight: 1, backup: true }, { name: 'spare-2', weight: 1, backup: true }]
  const failed = assign(down(list, 'web-1', 'web-2', 'web-3'))
  expect(new Set(failed)).toEqual(new Set(['spare-1', 'spare-2']))
  expect(assign(list)).toEqual(assign(named(3)))
})

test('with one in fifty usable, keys are still spread by weight', () => {
  const list = named(60).map((s, i): ServerState => (i < 2 ? { ...s, weight: 100 * (i + 1) } : { ...s, health: 2 }))
  const share = assign(list).filter((name) => name === 'web-1').length / keys.length
  expect(Math.abs(share - 1 / 3)).toBeLessThan(0.04)
})
