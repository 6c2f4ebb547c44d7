import { expect, test } from 'vitest'
import { balancers } from '../../src/balance/balancers.ts'
import { createColumns } from '../../src/balance/columns.ts'
import { defaultBalanceOptions } from '../../src/model/balancers.ts'
import { countPicks, servers, start, world } from './world.ts'

const { p2c } = balancers
const PICKS = 12_000

test('the better of two different servers: with 4 at different loads, 3, 2, 1 and 0 sixths', () => {
  const here = world(servers(1, 1, 1, 1))
  here.columns.server.inflight.set([1, 2, 3, 4])
  const counts = countPicks(start(p2c, here), here.pool, PICKS)
  for (const [slot, sixths] of [3, 2, 1, 0].entries()) {
    const due = (PICKS * sixths) / 6
    expect(Math.abs((counts.get(slot) ?? 0) - due)).toBeLessThan(4.5 * Math.sqrt(due) + 5)
  }
})

test('load is by weight', () => {
  const here = world(servers(1, 4))
  here.columns.server.inflight.set([2, 7])
  expect(countPicks(start(p2c, here), here.pool, PICKS).get(1)).toBeGreaterThan(0.99 * PICKS)
  here.columns.server.inflight.set([2, 9])
  expect(countPicks(start(p2c, here), here.pool, PICKS).get(0)).toBeGreaterThan(0.9 * PICKS) // 1 in 5 draws shows it
})

test('with as many choices as servers it nearly always finds the least loaded', () => {
  const here = world(servers(1, 1, 1, 1, 1))
  here.columns.server.inflight.set([4, 3, 1, 2, 5])
  const balancer = start(p2c, here, 1, { ...defaultBalanceOptions, choices: 5 })
  expect(countPicks(balancer, here.pool, PICKS).get(2)).toBeGreaterThan(0.98 * PICKS)
})

test('more choices find a free server in a large pool more often', () => {
  const n = 100
  const here = world(servers(...Array<number>(n).fill(1)), createColumns(n))
  here.columns.server.inflight.fill(3)
  for (let slot = 0; slot < 25; slot++) here.columns.server.inflight[slot] = 0
  const free = [1, 2, 4].map((choices) => {
    const counts = countPicks(start(p2c, here, 1, { ...defaultBalanceOptions, choices }), here.pool, PICKS)
    let sum = 0
    for (const [slot, count] of counts) if (slot < 25) sum += count
    return sum / PICKS
  })
  for (const [i, due] of [0.25, 1 - 0.75 ** 2, 1 - 0.75 ** 4].entries())
    expect(Math.abs(free[i]! - due)).toBeLessThan(0.025)
})

test('a retry finds another server also where nearly every draw is the one to avoid', () => {
  const here = world(servers(65535, 1, 1))
  const counts = countPicks(start(p2c, here), here.pool, 1000, 0)
  expect(new Set(counts.keys())).toEqual(new Set([1, 2]))
})
