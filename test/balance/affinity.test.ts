import { expect, test } from 'vitest'
import { balancers } from '../../src/balance/balancers.ts'
import { createBoard } from '../../src/balance/board.ts'
import { createColumns } from '../../src/balance/columns.ts'
import { createDice } from '../../src/balance/dice.ts'
import { mix } from '../../src/balance/hash.ts'
import { defaultBalanceOptions } from '../../src/model/balancers.ts'
import { servers, start, world, type ServerState, type World } from './world.ts'

const { affinity, hash } = balancers

const keys = Int32Array.from({ length: 4000 }, (_, i) => mix(i + 1))
const homes = (here: World): number[] => {
  const balancer = start(hash, here)
  return Array.from(keys, (key) => balancer.pick(here.pool, key, 0, -1))
}
const picks = (here: World, bound = 1.25): number[] => {
  const balancer = start(affinity, here, 1, { ...defaultBalanceOptions, bound })
  return Array.from(keys, (key) => balancer.pick(here.pool, key, 0, -1))
}

test('on an idle pool, and on an evenly busy one, every key is at the home that hash gives it', () => {
  const here = world(servers(1, 2, 3, 4, 5))
  expect(picks(here)).toEqual(homes(here))
  here.columns.server.inflight.set([10, 20, 30, 40, 50])
  expect(picks(here)).toEqual(homes(here))
})

test('one request more than others have moves no key: there is room for one above the bound', () => {
  const here = world(servers(1, 1, 1, 1))
  here.columns.server.inflight[2] = 1
  expect(picks(here)).toEqual(homes(here))
})

test('a home that is busier than the bound is left, for servers below it, and others keep their keys', () => {
  const here = world(servers(1, 1, 1, 1))
  here.columns.server.inflight.set([8, 8, 40, 8])
  const before = homes(here)
  const after = picks(here)
  expect(after).not.toContain(2)
  expect(before.filter((home, i) => home !== 2 && home !== after[i])).toEqual([])
  expect(new Set(after.filter((_, i) => before[i] === 2))).toEqual(new Set([0, 1, 3]))
})

test('the bound is bound * (1 + mean) + 1, over the cost of the home', () => {
  for (const [bound, load, stays] of [
    [1.25, 15, true], // mean 11.25: the bound is at 16.3, the cost 16
    [1.25, 16, false], // mean 11.5: 16.6 and 17
    [2, 34, true], // mean 16: 35 and 35
    [2, 35, false], // mean 16.25: 35.5 and 36
  ] as const) {
    const here = world(servers(1, 1, 1, 1))
    here.columns.server.inflight.set([load, 10, 10, 10])
    const mean = (load + 30) / 4
    expect(1 + load <= bound * (1 + mean) + 1).toBe(stays)
    expect(picks(here, bound).includes(0)).toBe(stays)
  }
})

test('in flight is counted by weight', () => {
  const here = world(servers(1, 4))
  here.columns.server.inflight.set([2, 20])
  expect(picks(here)).toEqual(homes(here))
  here.columns.server.inflight.set([20, 2])
  expect(picks(here)).not.toContain(0)
})

test('a home that is slow or fails is left too, with nothing in flight', () => {
  const here = world(servers(1, 1, 1, 1))
  here.columns.server.factor[1] = 2.3
  expect(picks(here)).not.toContain(1)
  here.columns.server.factor[1] = 2.2
  expect(picks(here)).toEqual(homes(here))
})

test('when every server is above the bound, the cheapest one of those tried is taken', () => {
  const here = world(servers(1, 1, 1))
  here.columns.server.factor.set([30, 20, 25])
  const shares = picks(here)
  expect(shares.filter((slot) => slot === 1).length / keys.length).toBeGreaterThan(0.9) // 1 - (2/3)^8
  expect(shares).not.toContain(0)
})

test('in a large pool a load that comes is noticed within n / 4 picks', () => {
  const list = Array.from({ length: 100 }, (_, i): ServerState => ({ name: `n${i}`, weight: 1 }))
  const here = world(list, createColumns(100))
  const balancer = start(affinity, here)
  const pick = () => Array.from(keys, (key) => balancer.pick(here.pool, key, 0, -1))
  const home = pick()
  expect(home).toEqual(homes(here))
  here.columns.server.inflight.fill(6)
  here.columns.server.inflight[3] = 9 // its cost is 10, and the bound rises from 2.3 to 9.8
  for (let i = 0; i < 25; i++) balancer.pick(here.pool, keys[i]!, 0, -1)
  expect(pick().filter((slot, i) => slot !== home[i] && home[i] !== 3)).toEqual([])
  expect(pick()).not.toContain(3)
})

test('one key that has a quarter of all traffic is spread within the bound, and the others are mostly at home', () => {
  const here = world(servers(1, 1, 1, 1, 1, 1, 1, 1))
  const board = createBoard(here.columns)
  const balancer = affinity.create({ board, dice: createDice(1), options: defaultBalanceOptions })
  balancer.update?.(here.pool, affinity.table!(here.members, defaultBalanceOptions))
  const home = homes(here)
  const dice = createDice(5)
  const open: number[] = []
  let atHome = 0
  let others = 0
  let highest = 0
  for (let i = 0; i < 20_000; i++) {
    const which = dice.below(4) === 0 ? 0 : dice.below(keys.length)
    const slot = balancer.pick(here.pool, keys[which]!, 0, -1)
    board.start(slot, 0)
    open.push(slot)
    if (which > 0) {
      others++
      if (slot === home[which]) atHome++
    }
    highest = Math.max(highest, here.columns.server.inflight[slot]!)
    if (open.length > 80) board.end(open.splice(dice.below(open.length), 1)[0]!)
  }
  expect(highest).toBeLessThanOrEqual(Math.ceil(1.25 * (1 + 81 / 8)) + 2)
  expect(atHome / others).toBeGreaterThan(0.7)
})

test('a retry goes elsewhere, and what is down is not picked, with and without a table', () => {
  const here = world([...servers(1, 1, 1), { name: 'down', weight: 1, health: 2, slot: 3 }])
  for (const table of [null, affinity.table!(here.members, defaultBalanceOptions)]) {
    const balancer = affinity.create({
      board: createBoard(here.columns),
      dice: createDice(1),
      options: defaultBalanceOptions,
    })
    balancer.update?.(here.pool, table)
    for (const key of keys.subarray(0, 300)) {
      expect([0, 1, 2]).toContain(balancer.pick(here.pool, key, 0, -1))
      expect([0, 2]).toContain(balancer.pick(here.pool, key, 0, 1))
    }
  }
})

test('without a table the bound holds as well', () => {
  const here = world(servers(1, 1, 1, 1))
  const balancer = affinity.create({
    board: createBoard(here.columns),
    dice: createDice(1),
    options: defaultBalanceOptions,
  })
  balancer.update?.(here.pool, null)
  const pick = () => Array.from(keys, (key) => balancer.pick(here.pool, key, 0, -1))
  const before = pick()
  here.columns.server.inflight[2] = 30
  const after = pick()
  expect(before).toContain(2)
  expect(after).not.toContain(2)
  expect(before.filter((home, i) => home !== 2 && home !== after[i])).toEqual([])
})
