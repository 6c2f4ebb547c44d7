import { describe, expect, test } from 'vitest'
import { panicVerdict, plainRules, without, type PoolRules } from '../../src/balance/pool.ts'
import {
  ADMIN_DRAIN,
  ADMIN_MAINT,
  ADMIN_READY,
  HEALTH_CHECKING,
  HEALTH_DOWN,
  HEALTH_UP,
} from '../../src/model/states.ts'
import { servers, world, type ServerState } from './world.ts'

const primary = (name: string, health: number): ServerState => ({ name, weight: 1, health })
const backup = (name: string, health: number): ServerState => ({ name, weight: 1, health, tier: 1 })
const usable = (...list: ServerState[]) => world(list).pool.names
const under = (rules: Partial<PoolRules>, list: readonly ServerState[]) =>
  world(list, undefined, { ...plainRules, ...rules }).pool

test('primaries that are up come first, and nothing else with them', () => {
  const list = [primary('new', HEALTH_CHECKING), primary('up', HEALTH_UP), backup('spare', HEALTH_UP)]
  expect(usable(...list, primary('down', HEALTH_DOWN))).toEqual(['up'])
})

test('then backups that are up, before servers not probed yet', () => {
  const list = [primary('new', HEALTH_CHECKING), backup('spare', HEALTH_UP), primary('down', HEALTH_DOWN)]
  expect(usable(...list)).toEqual(['spare'])
  expect(world(list).pool.tier).toBe(1)
})

test('servers not probed yet are used when nothing better is left, primaries first', () => {
  const spare = backup('spare', HEALTH_CHECKING)
  expect(usable(spare, primary('new', HEALTH_CHECKING), primary('down', HEALTH_DOWN))).toEqual(['new'])
  expect(usable(spare, primary('down', HEALTH_DOWN))).toEqual(['spare'])
})

test('nothing is left when all are down, drained, in maintenance or of weight 0', () => {
  const up = { weight: 1, health: HEALTH_UP }
  const list: ServerState[] = [
    primary('down', HEALTH_DOWN),
    { ...up, name: 'drain', admin: ADMIN_DRAIN },
    { ...up, name: 'maint', admin: ADMIN_MAINT },
    { ...up, name: 'zero', weight: 0 },
  ]
  const { pool } = world(list)
  expect(pool).toMatchObject({ n: 0, weightSum: 0, names: [] })
  expect(pool.members.map((m) => m.name)).toEqual(['down', 'drain', 'maint'])
})

test('a drained primary lets backups in', () => {
  expect(usable({ ...primary('a', HEALTH_UP), admin: ADMIN_DRAIN }, backup('spare', HEALTH_UP))).toEqual(['spare'])
})

test('slots and weights are dense, in config order', () => {
  const { pool } = world([
    { name: 'c', weight: 3, slot: 7 },
    { name: 'a', weight: 0, slot: 2 },
    { name: 'b', weight: 5, slot: 4 },
  ])
  expect(pool).toMatchObject({ n: 2, slot: Int32Array.of(7, 4), weight: Int32Array.of(3, 5), weightSum: 8 })
})

test('without leaves out the servers that failed, keeps the members and the pool it came from', () => {
  const { pool } = world(servers(1, 2, 3))
  const rest = without(pool, [0, 2, 9])
  expect(rest).toMatchObject({ n: 1, slot: Int32Array.of(1), weightSum: 2, names: ['b'] })
  expect(rest.members).toBe(pool.members)
  expect(pool.n).toBe(3)
  expect(without(pool, [0, 1, 2]).n).toBe(0)
})

describe('tiers', () => {
  const tiered = (tier: number, ...health: number[]): ServerState[] =>
    health.map((each, i) => ({ name: `${'abc'[tier]}${i + 1}`, weight: 1, health: each, tier }))

  test('a tier with enough healthy servers serves alone', () => {
    const list = [...tiered(0, HEALTH_UP, HEALTH_UP, HEALTH_DOWN), ...tiered(1, HEALTH_UP)]
    expect(under({ minHealthy: 2 }, list)).toMatchObject({ names: ['a1', 'a2'], tier: 0 })
  })

  test('one with too few is joined by the next, and by one more if that is still too few', () => {
    const list = [...tiered(0, HEALTH_UP, HEALTH_DOWN), ...tiered(1, HEALTH_UP), ...tiered(2, HEALTH_UP)]
    expect(under({ minHealthy: 1 }, list)).toMatchObject({ names: ['a1'], tier: 0 })
    expect(under({ minHealthy: 2 }, list)).toMatchObject({ names: ['a1', 'b1'], tier: 1 })
    expect(under({ minHealthy: 3 }, list)).toMatchObject({ names: ['a1', 'b1', 'c1'], tier: 2 })
    expect(under({ minHealthy: 9 }, list)).toMatchObject({ names: ['a1', 'b1', 'c1'], tier: 2 })
  })

  test('a tier without servers is passed over', () => {
    expect(under({}, [...tiered(0, HEALTH_DOWN), ...tiered(2, HEALTH_UP)])).toMatchObject({ names: ['c1'], tier: 2 })
  })

  test('servers not probed yet are tiered too', () => {
    const list = [...tiered(0, HEALTH_CHECKING), ...tiered(1, HEALTH_CHECKING)]
    expect(under({}, list).names).toEqual(['a1'])
    expect(under({ minHealthy: 2 }, list).names).toEqual(['a1', 'b1'])
  })
})

describe('panic', () => {
  const four = (...health: number[]): ServerState[] => health.map((each, i) => primary('abcd'[i]!, each))

  test('below the share, all that are ready are used, healthy or not; from the share on, the healthy ones', () => {
    expect(under({ panic: 50 }, four(HEALTH_UP, HEALTH_UP, HEALTH_DOWN, HEALTH_DOWN)).names).toEqual(['a', 'b'])
    expect(under({ panic: 51 }, four(HEALTH_UP, HEALTH_UP, HEALTH_DOWN, HEALTH_DOWN)).n).toBe(4)
    expect(under({ panic: 50 }, four(HEALTH_UP, HEALTH_DOWN, HEALTH_DOWN, HEALTH_DOWN)).n).toBe(4)
  })

  test('with none healthy all are used, or none where panic is off', () => {
    const dead = four(HEALTH_DOWN, HEALTH_DOWN)
    expect(under({ panic: 1 }, dead).names).toEqual(['a', 'b'])
    expect(under({ panic: 0 }, dead).names).toEqual([])
  })

  test('what the operator has taken out stays out, and does not count', () => {
    const drained = { ...primary('x', HEALTH_UP), admin: ADMIN_DRAIN }
    const list = [drained, drained, ...four(HEALTH_UP, HEALTH_DOWN)]
    expect(under({ panic: 50 }, list).names).toEqual(['a'])
    expect(under({ panic: 60 }, list).names).toEqual(['a', 'b'])
  })
})

describe('ejected servers', () => {
  const ejected = (name: string, health = HEALTH_UP): ServerState => ({ ...primary(name, health), ejected: 1 })

  test('are out while there are others, be it backups or servers not probed yet, unless there is panic', () => {
    const list = [primary('a', HEALTH_UP), ejected('b'), primary('c', HEALTH_UP)]
    expect(under({}, list).names).toEqual(['a', 'c'])
    expect(under({ panic: 70 }, list).names).toEqual(['a', 'b', 'c'])
    expect(usable(ejected('b'), backup('spare', HEALTH_UP))).toEqual(['spare'])
    expect(usable(ejected('b'), primary('new', HEALTH_CHECKING))).toEqual(['new'])
  })

  test('serve when nothing else is left, so that an ejection alone never leaves a backend without a server', () => {
    expect(usable(ejected('a'))).toEqual(['a'])
    expect(usable(ejected('a'), primary('down', HEALTH_DOWN), ejected('b', HEALTH_CHECKING))).toEqual(['a', 'b'])
    expect(usable(ejected('a', HEALTH_DOWN))).toEqual([])
    expect(usable({ ...ejected('a'), admin: ADMIN_DRAIN })).toEqual([])
  })
})

test('the verdict on panic is that of the pool, with its figures', () => {
  const verdict = (panic: number, ...list: ServerState[]) => {
    const column = (of: (server: ServerState) => number): Int32Array => Int32Array.from(list, of)
    const states = {
      admin: column(({ admin = ADMIN_READY }) => admin),
      health: column(({ health = HEALTH_UP }) => health),
      weight: column(({ weight }) => weight),
      ramp: column(() => 0),
      ejected: column(({ ejected = 0 }) => ejected),
    }
    const rules = { ...plainRules, panic }
    return panicVerdict({ members: world(list).members, rules, states })
  }
  const mixed = [primary('a', HEALTH_UP), { ...primary('b', HEALTH_UP), ejected: 1 }, primary('c', HEALTH_DOWN)]
  expect(verdict(50, ...mixed)).toEqual({ panic: true, healthy: 1, of: 3 })
  expect(verdict(33, ...mixed)).toEqual({ panic: false, healthy: 1, of: 3 })
  expect(verdict(1, primary('a', HEALTH_DOWN))).toEqual({ panic: true, healthy: 0, of: 1 })
  expect(verdict(0, primary('a', HEALTH_DOWN))).toEqual({ panic: false, healthy: 0, of: 1 })
  expect(verdict(50)).toEqual({ panic: false, healthy: 0, of: 0 })
})

describe('zones', () => {
  const at = (zone: string, weight = 1, health = HEALTH_UP): ServerState => ({ name: zone, weight, health, zone })

  test('the own zone has all the traffic while it has its even share of the healthy weight', () => {
    const list = [at('here'), at('here'), at('there'), at('there')]
    expect(under({ zone: 'here' }, list).names).toEqual(['here', 'here'])
    expect(under({ zone: 'here' }, [at('here', 2), at('there'), at('far')]).names).toEqual(['here'])
    expect(under({ zone: null }, list).n).toBe(4)
  })

  test('with less than that all zones help', () => {
    const list = [at('here'), at('here', 1, HEALTH_DOWN), at('there'), at('there')]
    expect(under({ zone: 'here' }, list).names).toEqual(['here', 'there', 'there'])
    expect(under({ zone: 'here' }, [at('here', 1), at('there', 2)]).n).toBe(2)
  })

  test('zones of backups that wait do not count', () => {
    const backup: ServerState = { ...at('far'), tier: 1 }
    expect(under({ zone: 'here' }, [at('here'), at('there'), at('there'), backup]).n).toBe(3)
    expect(under({ zone: 'here' }, [at('here', 2), at('there'), at('there'), at('far', 1, HEALTH_DOWN)]).n).toBe(1)
  })

  test('without a healthy server of its own, or one at all, the others serve', () => {
    expect(under({ zone: 'here' }, [at('here', 1, HEALTH_DOWN), at('there')]).names).toEqual(['there'])
    expect(under({ zone: 'nowhere' }, [at('here'), at('there')]).n).toBe(2)
  })
})

describe('subsets', () => {
  const many = Array.from({ length: 40 }, (_, i) => primary(`server-${i}`, HEALTH_UP))
  const pick = (instance: number, list = many, subset = 12): readonly string[] =>
    under({ subset, instance }, list).names

  test('so many servers are used, always the same ones, in config order', () => {
    const names = pick(7)
    expect(names).toHaveLength(12)
    expect(pick(7)).toEqual(names)
    expect(names).toEqual(many.map(({ name }) => name).filter((name) => names.includes(name)))
    expect(pick(7, many, 0)).toHaveLength(40)
    expect(pick(7, many, 40)).toHaveLength(40)
  })

  test('the order in the configuration does not matter', () => {
    expect(pick(7, many.toReversed()).toSorted()).toEqual([...pick(7)].toSorted())
  })

  test('other machines use others, and together all of them', () => {
    const seen = new Set<string>()
    for (let instance = 0; instance < 40; instance++) for (const name of pick(instance)) seen.add(name)
    expect(pick(1)).not.toEqual(pick(2))
    expect(seen.size).toBe(40)
  })

  test('one that goes down is replaced by one other', () => {
    const before = pick(7)
    const down = many.map((server) => (server.name === before[0] ? { ...server, health: HEALTH_DOWN } : server))
    const after = pick(7, down)
    expect(after).toHaveLength(12)
    expect(after.filter((name) => !before.includes(name))).toHaveLength(1)
  })
})

describe('slow start', () => {
  const ramped = (weight: number, ramp = 0): ServerState => ({ name: `w${weight}`, weight, ramp, health: HEALTH_UP })

  test('a percentage of the weight counts, exactly, however small the weight is', () => {
    expect(under({}, [ramped(1), ramped(1, 10)]).weight).toEqual(Int32Array.of(100, 10))
    expect(under({}, [ramped(3, 35), ramped(200)]).weight).toEqual(Int32Array.of(105, 20_000))
  })

  test('large weights stay within their bounds, and a server always has something', () => {
    expect(under({}, [ramped(65_535), ramped(1000, 10), ramped(1, 10)]).weight).toEqual(Int32Array.of(65_535, 100, 1))
  })

  test('when it is over the weights are as configured', () => {
    expect(under({}, [ramped(2), ramped(5)]).weight).toEqual(Int32Array.of(2, 5))
  })

  test('the members keep their own weights, so that keys do not move', () => {
    expect(under({}, [ramped(2, 10), ramped(5)]).members.map(({ weight }) => weight)).toEqual([2, 5])
  })

  test('a pool that is all in slow start is as even as one that is not', () => {
    expect(under({}, [ramped(1, 10), ramped(1, 10)])).toMatchObject({ uniform: true, n: 2 })
  })
})
