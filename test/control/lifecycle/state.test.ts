// What one process tells another in an upgrade, and what that makes of it: the giver and the taker, without processes.
import { expect, test } from 'vitest'
import { StateGiver } from '../../../src/control/lifecycle/state-giver.ts'
import { StateTaker } from '../../../src/control/lifecycle/state-taker.ts'
import type { StateWord } from '../../../src/control/lifecycle/upgrade-words.ts'
import type { TicketKeyState } from '../../../src/control/certificates/ticket-keys.ts'
import type { Snapshot } from '../../../src/messages/snapshot.ts'
import { millisOf } from '../../../src/scoreboard/clock.ts'
import { createKeyedTable, KeyedTable } from '../../../src/scoreboard/keyed-table.ts'
import { backendWith, byTable } from '../../data/persistence/requests.ts'
import { memoryLog } from '../health/fixtures.ts'

const app = backendWith(byTable({ cookie: 'SID' }))
const snapshot = { backends: [app] } as unknown as Snapshot
const createTable = (entries: number): SharedArrayBuffer => createKeyedTable({ entries, columns: 1, workers: 0 })

/** An old process with a table of 256, and a new one whose own has room for so many. */
function processes(entries: number, after = snapshot) {
  const memory = createTable(256)
  const table = new KeyedTable(memory)
  const words: StateWord[] = []
  const ticketKeys = (): TicketKeyState => ({ keys: [Buffer.alloc(48, 9)], shared: true, age: 77 })
  const state = { snapshot: () => snapshot, sessions: () => ({ [app.slot]: memory }), ticketKeys }
  const giver = new StateGiver(state, async (word) => void words.push(JSON.parse(JSON.stringify(word)) as StateWord))
  const { log, lines } = memoryLog()
  const sessions = { [app.slot]: createTable(entries) }
  const inherited: TicketKeyState[] = []
  const inherit = (keys: TicketKeyState): boolean => inherited.push(keys) > 0
  const taker = new StateTaker({ snapshot: () => after, sessions, ticketKeys: { inherit }, log })
  return {
    giver,
    taker,
    inherited,
    lines,
    words,
    remember(key: number): void {
      const now = millisOf(performance.now())
      const entry = table.claim(key, key, now)
      table.column(0)[entry] = app.servers[key % 3]!.slot + 1
      table.seen[entry] = now
    },
    hand(): void {
      for (const word of words.splice(0)) taker.take(word)
    },
    get taken() {
      return new KeyedTable(sessions[app.slot]!)
    },
    secrets: table.secrets,
  }
}

test.each([
  { entries: 1024, size: 256 },
  { entries: 64, size: 64 },
])('a table of 256 in the place of one of $entries has $size', async ({ entries, size }) => {
  const spec = backendWith(byTable({ cookie: 'SID', entries }))
  const old = processes(entries, { backends: [spec] } as unknown as Snapshot)
  for (let key = 2; key < 12; key++) old.remember(key)
  await old.giver.all()
  expect(old.words.map(({ type }) => type)).toEqual(['ticket-keys', 'table', 'sessions', 'told'])
  old.hand()
  expect(old.inherited).toEqual([{ keys: [new Uint8Array(48).fill(9)], shared: true, age: 77 }])
  expect(old.taken).toMatchObject({ entries: size, size: 10, secrets: old.secrets })
  old.taker.settle()
  expect(old.lines.at(-1)).toMatchObject({ sessions: 10, tables: 1, ticketKeys: true })
})

test('what is made later follows, and workers that run keep their table', async () => {
  const old = processes(256)
  old.remember(2)
  await old.giver.all()
  old.hand()
  old.taker.settle()
  const { taken } = old
  old.remember(3)
  await old.giver.changes()
  old.hand()
  const entry = taken.find(3, 3)
  expect(taken.column(0)[entry]).toBe(app.servers[0]!.slot + 1)
  old.taker.end()
  expect(old.lines.at(-1)).toMatchObject({ sessions: 1 })

  await old.giver.all()
  old.hand()
  expect(taken.find(3, 3)).toBe(old.taken.find(3, 3))
  expect(old.taken.size).toBe(2)
})

test('sessions of a table that was not taken are not taken either', async () => {
  const old = processes(256)
  old.taker.settle() // its word comes too late
  old.remember(2)
  await old.giver.all()
  old.hand()
  expect(old.taken.size).toBe(0)
  expect(old.taken.secrets).not.toEqual(old.secrets)
})

test('a backend that is gone, or has no table any more, takes nothing', async () => {
  for (const backends of [[], [{ ...app, persistence: null }], [{ ...app, name: 'other' }]]) {
    const old = processes(256, { backends } as unknown as Snapshot)
    old.remember(2)
    await old.giver.all()
    old.hand()
    expect(old.taken.size).toBe(0)
    expect(old.lines.filter(({ level }) => level === 'error')).toEqual([])
  }
})
