import { expect, test } from 'vitest'
import { without } from '../../src/balance/pool.ts'
import { ADMIN_DRAIN, ADMIN_MAINT, HEALTH_CHECKING, HEALTH_DOWN, HEALTH_UP } from '../../src/model/states.ts'
import { servers, world, type ServerState } from './world.ts'

const primary = (name: string, health: number): ServerState => ({ name, weight: 1, health })
const backup = (name: string, health: number): ServerState => ({ name, weight: 1, health, backup: true })
const usable = (...list: ServerState[]) => world(list).pool.names

test('primaries that are up come first, and nothing else with them', () => {
  const list = [primary('new', HEALTH_CHECKING), primary('up', HEALTH_UP), backup('spare', HEALTH_UP)]
  expect(usable(...list, primary('down', HEALTH_DOWN))).toEqual(['up'])
})

test('then backups that are up, before servers not probed yet', () => {
  const list = [primary('new', HEALTH_CHECKING), backup('spare', HEALTH_UP), primary('down', HEALTH_DOWN)]
  expect(usable(...list)).toEqual(['spare'])
  expect(world(list).pool.backup).toBe(true)
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
