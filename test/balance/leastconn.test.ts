import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createDice } from '../../src/balance/dice.ts'
import { balancers } from '../../src/balance/balancers.ts'
import { countPicks, permutations, servers, start, world } from './world.ts'

const { leastconn } = balancers

const anyServer = fc.record({
  weight: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 65535 })),
  inflight: fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 2 ** 31 - 2 })),
})

test('no other server would be as lightly loaded as the one picked with one request more', () => {
  fc.assert(
    fc.property(fc.array(anyServer, { minLength: 1, maxLength: 40 }), (list) => {
      const here = world(servers(...list.map((s) => s.weight)))
      list.forEach((s, i) => (here.columns.server.inflight[i] = s.inflight))
      const picked = list[start(leastconn, here).pick(here.pool, 0, 0, -1)]!
      for (const other of list) {
        if (other === picked) continue
        const withOneMore = BigInt(other.inflight + 1) * BigInt(picked.weight)
        expect(withOneMore > BigInt(picked.inflight) * BigInt(other.weight)).toBe(true)
      }
    }),
  )
})

test('with equal weights the fewest in flight wins, always', () => {
  fc.assert(
    fc.property(
      fc.array(anyServer, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 65535 }),
      (list, weight) => {
        const here = world(servers(...list.map(() => weight)))
        list.forEach((s, i) => (here.columns.server.inflight[i] = s.inflight))
        const picked = list[start(leastconn, here).pick(here.pool, 0, 0, -1)]!
        expect(picked.inflight).toBe(Math.min(...list.map((s) => s.inflight)))
      },
    ),
  )
})

test('servers that tie are equally likely, and a worse one that came first is out of the draw', () => {
  for (const order of permutations(servers(7, 7, 7, 7))) {
    const here = world(order)
    here.columns.server.inflight.set([3, 3, 4, 3])
    const counts = countPicks(start(leastconn, here), here.pool, 6000)
    expect(counts.has(2)).toBe(false)
    for (const slot of [0, 1, 3]) expect(Math.abs(counts.get(slot)! - 2000)).toBeLessThan(4.5 * Math.sqrt(2000))
  }
})

test('an idle server of little weight does not draw what a busy one of much weight has room for', () => {
  const here = world(servers(1, 10))
  here.columns.server.inflight.set([0, 1])
  const counts = countPicks(start(leastconn, here), here.pool, 5000) // the level is 2/10: rooms 2/10 and 10/10
  expect(Math.abs(counts.get(0)! / 5000 - 1 / 6)).toBeLessThan(0.025)
})

test.each([[1], [3], [20], [400]])(
  'with %i requests in flight all the time, the shares follow the weights (the hard case is 3)',
  (clients) => {
    for (const order of permutations(servers(1, 3, 6))) {
      const here = world(order)
      const { inflight } = here.columns.server
      const balancer = start(leastconn, here)
      const dice = createDice(9)
      const running: number[] = []
      const counts = [0, 0, 0]
      for (let i = 0; i < 20_000; i++) {
        if (running.length === clients) {
          const done = dice.below(clients)
          inflight[running[done]!]!--
          running[done] = running.at(-1)!
          running.pop()
        }
        const slot = balancer.pick(here.pool, 0, 0, -1)
        inflight[slot]!++
        counts[slot]!++
        running.push(slot)
      }
      const shares = counts.map((n) => n / 20_000)
      for (const [slot, share] of [0.1, 0.3, 0.6].entries())
        expect(Math.abs(shares[slot]! - share)).toBeLessThan(clients === 3 ? 0.08 : 0.06)
    }
  },
)

test('a server whose requests take ten times as long gets fewer of them', () => {
  const here = world(servers(1, 1, 1))
  const { inflight } = here.columns.server
  const balancer = start(leastconn, here)
  const ends: { at: number; slot: number }[] = []
  const counts = [0, 0, 0]
  for (let now = 0; now < 10_000; now++) {
    for (const end of ends.filter((e) => e.at <= now)) inflight[end.slot]!--
    ends.splice(0, ends.length, ...ends.filter((e) => e.at > now))
    const slot = balancer.pick(here.pool, 0, 0, -1)
    inflight[slot]!++
    counts[slot]!++
    ends.push({ at: now + (slot === 0 ? 100 : 10), slot })
  }
  expect(counts[0]! / counts[1]!).toBeLessThan(0.2)
  expect(Math.max(...inflight) - Math.min(...inflight.subarray(0, 3))).toBeLessThanOrEqual(2)
})
