// The tables that workers are given: how large, and for whom.
import { expect, test } from 'vitest'
import { createSharedTables } from '../../src/control/shared-tables.ts'
import type { BackendSpec, PersistenceSpec } from '../../src/messages/snapshot.ts'
import { ms } from '../../src/model/units.ts'
import { KeyedTable } from '../../src/scoreboard/keyed-table.ts'
import { backendSpec } from './health/fixtures.ts'

const persistent = (slot: number, table: PersistenceSpec['table']): BackendSpec => ({
  ...backendSpec({ slot }),
  persistence: { strict: false, cookie: null, table },
})

test('one table of sources, and one of sessions for each backend that keeps its clients by a table', () => {
  const table = { by: [], cookie: 'id', entries: 1000, idle: ms(1000) }
  const backends = [backendSpec({ slot: 0 }), persistent(1, null), persistent(5, table)]
  const { sources, sessions } = createSharedTables({ backends }, { workers: 3, sources: 2000 })
  expect(new KeyedTable(sources).entries).toBe(2048)
  expect(Object.keys(sessions)).toEqual(['5'])
  const kept = new KeyedTable(sessions[5]!)
  expect(kept.entries).toBe(1024)
  expect(kept.column(0)).toHaveLength(1024)
})
