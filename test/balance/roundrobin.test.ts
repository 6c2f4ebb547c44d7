import fc from 'fast-check'
import { expect, test } from 'vitest'
import { buildRotation, serverOf } from '../../src/balance/rotation.ts'
import { balancers } from '../../src/balance/balancers.ts'
import { nameOf, servers, start, world } from './world.ts'

const { roundrobin } = balancers

const sequence = (weights: number[], picks: number): number[] => {
  const here = world(servers(...weights))
  const balancer = start(roundrobin, here)
  return Array.from({ length: picks }, () => balancer.pick(here.pool, 0, 0, -1))
}

test('weights 5, 1, 1 are spread smoothly', () => {
  expect(sequence([5, 1, 1], 7).map(nameOf).join(' ')).toBe('a a b a c a a')
})

test('equal weights go round in the order of the configuration', () => {
  expect(sequence([4, 4, 4], 7)).toEqual([0, 1, 2, 0, 1, 2, 0])
})

/** Shares in every window of `length` turns, by sliding one. */
function expectExactInEveryWindow(picks: number[], weights: number[], length: number): void {
  const counts = weights.map(() => 0)
  picks.forEach((slot, at) => {
    counts[slot]!++
    if (at >= length) counts[picks[at - length]!]!--
    if (at >= length - 1)
      weights.forEach((weight, i) => counts[i] === weight || expect.fail(`at ${at}: ${counts.join()}`))
  })
}

test('shares are exact over every window of the total weight', () => {
  const weight = fc.integer({ min: 1, max: 30 })
  fc.assert(
    fc.property(
      fc.array(weight, { minLength: 2, maxLength: 12 }),
      fc.integer({ min: 1, max: 2000 }),
      (weights, factor) => {
        const divisor = weights.reduce((a, b) => greatest(a, b))
        const reduced = weights.map((w) => w / divisor)
        const length = reduced.reduce((a, b) => a + b)
        expectExactInEveryWindow(
          sequence(
            weights.map((w) => w * factor),
            3 * length,
          ),
          reduced,
          length,
        )
      },
    ),
    { numRuns: 50 },
  )
})

test('shares are exact over every window too when the rotation is too long to write out', () => {
  for (const weights of [
    [65535, 65534],
    [5000, 1, 1],
    [4099, 2048, 517, 3, 1],
  ]) {
    const length = weights.reduce((a, b) => a + b)
    expectExactInEveryWindow(sequence(weights, 2 * length), weights, length)
  }
})

test('a long rotation is as even as a short one: no server runs ahead by more than a few turns', () => {
  const weights = Int32Array.of(6553, 3271, 1637, 12289)
  const rotation = buildRotation(weights)
  expect(rotation.order).toHaveLength(0)
  const counts = [0, 0, 0, 0]
  let worst = 0
  for (let turn = 0; turn < rotation.length; turn++) {
    counts[serverOf(rotation, turn)]!++
    counts.forEach((n, i) => (worst = Math.max(worst, Math.abs(n - ((turn + 1) * weights[i]!) / rotation.length))))
  }
  expect(worst).toBeLessThan(5)
})

test('the largest sums of weights stay exact: every place is visited by one turn', () => {
  const weights = new Int32Array(32_000).fill(65535).with(0, 65534)
  const rotation = buildRotation(weights)
  expect(rotation.length).toBe(32_000 * 65535 - 1)
  for (const turn of [0, 1, 2 ** 20, 2 ** 30 + 7, rotation.length - 1]) {
    const place = Number((BigInt(turn) * BigInt(rotation.step)) % BigInt(rotation.length))
    expect(serverOf(rotation, turn)).toBe(rotation.ends.findIndex((end) => place < end))
  }
})

test('workers that take turns in any pattern share one exact rotation', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 3 }), { minLength: 80, maxLength: 80 }), (pattern) => {
      const here = world(servers(5, 2, 1))
      const workers = [0, 1, 2, 3].map((seed) => start(roundrobin, here, seed))
      expectExactInEveryWindow(
        pattern.map((worker) => workers[worker]!.pick(here.pool, 0, 0, -1)),
        [5, 2, 1],
        8,
      )
    }),
  )
})

test('the counter goes on past 2^31', () => {
  const here = world(servers(2, 1))
  here.columns.backend.cursor[0] = 2 ** 31 - 4
  const balancer = start(roundrobin, here)
  const picks = Array.from({ length: 9 }, () => balancer.pick(here.pool, 0, 0, -1))
  expectExactInEveryWindow(picks, [2, 1], 3)
})

test('a server to avoid is passed over for the next other one', () => {
  const here = world(servers(1, 1, 1))
  const balancer = start(roundrobin, here)
  expect([0, 0, 0, 0].map(() => balancer.pick(here.pool, 0, 0, 0))).toEqual([1, 1, 2, 1])
})
const greatest = (a: number, b: number): number => (b === 0 ? a : greatest(b, a % b))
