// Sessions from the table of one process to that of another: which ones go along, where they are found there, and what counts
// when both have one.
import { expect, test } from 'vitest'
import { enterSessions, packed, sessionsIn, toldBy, unpacked } from '../../../src/control/lifecycle/session-rows.ts'
import { SessionTable } from '../../../src/data/persistence/session-table.ts'
import { ms } from '../../../src/model/units.ts'
import { millisOf } from '../../../src/scoreboard/clock.ts'
import { createKeyedTable, KeyedTable } from '../../../src/scoreboard/keyed-table.ts'
import { keyPart } from '../../support/key-parts.ts'
import { backendWith, byTable, tableSpec } from '../../data/persistence/requests.ts'

const idle = 60_000
const spec = { idle: ms(idle) }
/** Servers s1, s2 and s3 at slots 0 to 2. */
const before = backendWith(byTable(spec))
const { servers } = before
/** The same servers but for the second one, in another order. */
const after = { ...before, servers: [servers[2]!, servers[0]!].map((server, slot) => ({ ...server, slot: slot + 10 })) }

/** A table, and sessions by name as a worker keeps them in it. */
function tableOf(entries: number, backend = before, secrets?: KeyedTable['secrets']) {
  const memory = createKeyedTable({ entries, columns: 1, workers: 0, ...(secrets === undefined ? {} : { secrets }) })
  const worker = new SessionTable(backend, spec, memory)
  const at = (name: string): { place: number; key: number } => {
    const bytes = Buffer.from(name)
    worker.digest.begin()
    worker.digest.add(bytes, 0, bytes.length)
    worker.digest.end()
    return { place: worker.digest.place, key: worker.digest.key }
  }
  return {
    table: new KeyedTable(memory),
    remember(name: string, slot: number, now: number) {
      const { place, key } = at(name)
      worker.remember(place, key, slot, millisOf(now))
    },
    find(name: string, now: number): number {
      const { place, key } = at(name)
      return worker.find(place, key, now)
    },
  }
}

const start = performance.now()
const users = (count: number): string[] => Array.from({ length: count }, (_, i) => `user ${i}`)
/** Everything that there is at a time, over the wire. */
function hand(from: KeyedTable, to: KeyedTable, now: number, within = idle): number {
  let entered = 0
  for (const { servers: names, rows } of sessionsIn(from, before, within, millisOf(now))) {
    entered += enterSessions(to, after, { servers: names, rows: unpacked(packed(rows)) }, millisOf(now))
  }
  return entered
}

test.each([
  ['as large', 65_536],
  ['smaller', 8192],
])('sessions are found in a table that is %s, at their servers', (_, entries) => {
  const from = tableOf(65_536)
  const to = tableOf(entries, after, from.table.secrets)
  const names = users(4000)
  for (const [i, name] of names.entries()) from.remember(name, i % 3, start)
  const wanted = [11, -1, 10] // the second server is no more
  const entered = hand(from.table, to.table, start + 1)
  expect(entered).toBe(names.filter((_, i) => wanted[i % 3]! >= 0).length)
  const found = names.map((name) => to.find(name, start + 1))
  const right = found.filter((slot, i) => slot === wanted[i % 3]).length
  expect(right).toBeGreaterThan(names.length * 0.95) // in the smaller one, a few sets are full
  expect(found.filter((slot, i) => slot >= 0 && slot !== wanted[i % 3])).toEqual([])
  expect(to.find('a stranger', start + 1)).toBe(-1)
})

test('more than fit into one piece', () => {
  const from = tableOf(131_072)
  const to = tableOf(131_072, after, from.table.secrets)
  for (const name of users(40_000)) from.remember(name, 0, start)
  const pieces = [...sessionsIn(from.table, before, idle, millisOf(start))]
  expect(pieces.length).toBeGreaterThan(2)
  expect(pieces.map(({ servers: names }) => names)).toEqual(pieces.map(() => ['s1']))
  expect(hand(from.table, to.table, start)).toBe(to.table.size)
  expect(to.table.size).toBe(from.table.size)
})

test('what has ended stays behind, and what goes along ends when it would have', () => {
  const from = tableOf(64)
  const to = tableOf(64, after, from.table.secrets)
  from.remember('ann', 0, start)
  from.remember('bob', 0, start + 50_000)
  expect(hand(from.table, to.table, start + idle + 10_000)).toBe(1)
  expect(to.find('ann', start + idle + 10_000)).toBe(-1)
  expect(to.find('bob', start + 50_000 + idle + 1000)).toBe(-1)
  expect(to.table.size).toBe(1)
})

test('only what was seen lately', () => {
  const from = tableOf(64)
  const to = tableOf(64, after, from.table.secrets)
  from.remember('ann', 0, start)
  from.remember('bob', 0, start + 20_000)
  expect(hand(from.table, to.table, start + 21_000, 2000)).toBe(1)
  expect([to.find('ann', start + 21_000), to.find('bob', start + 21_000)]).toEqual([-1, 11])
})

test('when both processes have a session, the server counts that had it last', () => {
  const from = tableOf(64)
  const to = tableOf(64, after, from.table.secrets)
  from.remember('ann', 0, start)
  hand(from.table, to.table, start)
  to.remember('ann', 10, start + 300) // moved here, within the second in which a last sight is not written anew
  expect(hand(from.table, to.table, start + 400)).toBe(0)
  expect(to.find('ann', start + 400)).toBe(10)
  from.remember('ann', 2, start + 500)
  from.remember('ann', 0, start + 600)
  expect(hand(from.table, to.table, start + 700)).toBe(1)
  expect(to.find('ann', start + 700)).toBe(11)
})

test('sessions that are told by something else have nothing in common', () => {
  const byUser = tableSpec({ by: [keyPart('header', { name: 'x-user' })] })
  expect(toldBy(byUser)).toBe(toldBy({ ...byUser, entries: 1024, idle: ms(5) }))
  expect(toldBy(byUser)).not.toBe(toldBy(tableSpec({ by: [keyPart('header', { name: 'x-key' })] })))
  expect(toldBy(byUser)).not.toBe(toldBy(tableSpec({ cookie: 'x-user' })))
})

test('in a table that is too small, those give way that were not seen for longest', () => {
  const from = tableOf(4096)
  const to = tableOf(64, after, from.table.secrets)
  const names = users(1000)
  for (const [i, name] of names.entries()) from.remember(name, 0, start + i * 10)
  hand(from.table, to.table, start + 10_000)
  const found = names.map((name) => to.find(name, start + 10_000) >= 0)
  const last = found.slice(500).filter(Boolean).length
  expect(found.filter(Boolean)).toHaveLength(64)
  expect(last).toBeGreaterThan(found.slice(0, 500).filter(Boolean).length)
})
