import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { balancers } from '../../src/balance/balancers.ts'
import { buildRing, findPoint } from '../../src/balance/ring.ts'
import { defaultBalanceOptions } from '../../src/model/balancers.ts'
import { start, world, type ServerState } from './world.ts'

const words = (text: string): number[] => {
  const digest = createHash('md5').update(text).digest()
  return [0, 4, 8, 12].map((at) => digest.readUInt32LE(at))
}

const host = (i: number): string => `10.0.1.${i + 1}`
const ring = { ...defaultBalanceOptions, table: 'ring' } as const

test('points are those of the digests of the names, four of each, by the share of the weight', () => {
  const weights = [600, 300, 200, 350, 1000, 800, 950, 100]
  const digests = [44, 22, 14, 26, 74, 59, 70, 7] // floor(8 * 40 * weight / 4300)
  const expected = weights
    .flatMap((_, i) =>
      Array.from({ length: digests[i]! }, (_, k) => words(`${host(i)}-${k}`).map((point) => ({ point, owner: i }))),
    )
    .flat()
    .toSorted((a, b) => a.point - b.point)
  const built = buildRing(weights.map((weight, i) => ({ name: host(i), weight })))
  expect([...built.points]).toEqual(expected.map(({ point }) => point))
  expect([...built.owners]).toEqual(expected.map(({ owner }) => owner))
})

test('servers of equal weight have 160 points each, however many they are', () => {
  for (let n = 1; n <= 40; n++) {
    const { owners } = buildRing(Array.from({ length: n }, (_, i) => ({ name: `s${i}`, weight: 17 })))
    expect(owners.length).toBe(160 * n)
  }
})

test('names are hashed as UTF-8', () => {
  expect([...buildRing([{ name: 'zürich', weight: 1 }]).points]).toEqual(expect.arrayContaining(words('zürich-39')))
})

test('a key belongs to the first point at or after it, and past the last one to the first', () => {
  const points = Uint32Array.of(10, 20, 0x9000_0000, 0xf000_0000)
  for (const [key, at] of [
    [0, 0],
    [10, 0],
    [11, 1],
    [20, 1],
    [21, 2],
    [0x7fff_ffff, 2],
    [0x9000_0000, 2],
    [0x9000_0001, 3],
    [0xf000_0000, 3],
    [0xf000_0001, 0],
    [0xffff_ffff, 0],
  ] as const) {
    expect(findPoint(points, key)).toBe(at)
    expect(findPoint(points, key | 0)).toBe(at)
  }
})

// Servers 10.0.1.1 to 10.0.1.8, keys "key-0" to "key-63": the number of the server of each, from a program that asked
// libmemcached 1.1.4 (MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, MEMCACHED_HASH_MD5, port 11211, which it leaves out of names).
test.each([
  [[1, 1, 1, 1, 1, 1, 1, 1], '3735623582181272123237733778745765275485158317275568616286462873'],
  [[600, 300, 200, 350, 1000, 800, 950, 100], '5755657735151275128237734771715765275555155317575568616256565573'],
])('keys have the servers that libmemcached gives them, with weights %j', (weights, expected) => {
  const list = weights.map((weight, i): ServerState => ({ name: host(i), weight }))
  const here = world(list)
  const balancer = start(balancers.hash, here, 1, ring)
  const picks = Array.from({ length: 64 }, (_, i) => balancer.pick(here.pool, words(`key-${i}`)[0]! | 0, 0, -1) + 1)
  expect(picks.join('')).toBe(expected)
})

test('a server that is down is skipped on the ring: its keys are where they are without it', () => {
  const list = Array.from({ length: 8 }, (_, i): ServerState => ({ name: host(i), weight: 1, slot: i }))
  const down = world(list.map((server, i) => (i === 2 || i === 5 ? { ...server, health: 2 } : server)))
  const gone = world(list.filter((_, i) => i !== 2 && i !== 5))
  const [first, second] = [start(balancers.hash, down, 1, ring), start(balancers.hash, gone, 1, ring)]
  for (let i = 0; i < 5000; i++) {
    const key = words(`key-${i}`)[0]! | 0
    expect(first.pick(down.pool, key, 0, -1)).toBe(second.pick(gone.pool, key, 0, -1))
  }
})
