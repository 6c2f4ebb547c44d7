// A keeper over a board, under a clock of the test's own; the workers are played by buildPool and by boards of their rows.
import { expect } from 'vitest'
import { Board } from '../../../src/balance/board.ts'
import type { Outcome } from '../../../src/balance/outcome.ts'
import { buildPool } from '../../../src/balance/pool.ts'
import { BalanceKeeper } from '../../../src/control/balance/keeper.ts'
import { setUpBoard, shapeFor } from '../../../src/control/board.ts'
import type { BackendSpec } from '../../../src/messages/snapshot.ts'
import { ms } from '../../../src/model/units.ts'
import { microsOf } from '../../../src/scoreboard/clock.ts'
import { balancingColumns } from '../../../src/scoreboard/scoreboard.ts'
import { backendSpec, memoryLog, serverSpec } from '../health/fixtures.ts'
import { snapshotOf } from '../fixtures.ts'

export const named = (count: number) =>
  Array.from({ length: count }, (_, slot) => serverSpec({ slot, name: `s${slot + 1}` }))

export function setUp(backend: Partial<BackendSpec> = {}) {
  const spec = backendSpec({ servers: named(3), slowStart: ms(10_000), ...backend })
  const snapshot = snapshotOf({ backends: [spec] })
  const board = setUpBoard(snapshot, shapeFor(snapshot, 2))
  const { log, lines } = memoryLog()
  const tables: SharedArrayBuffer[] = []
  const clock = { now: 1000 }
  const keeper = new BalanceKeeper({
    board,
    snapshot,
    onTable: (slot, table) => {
      expect(slot).toBe(0)
      tables.push(table)
    },
    log,
    now: () => clock.now,
  })
  const columns = balancingColumns(board)
  return {
    spec,
    snapshot,
    board,
    keeper,
    columns,
    tables,
    lines,
    clock,
    counts: new Board(columns, board.rows[0]!.owned, 0),
    /** So many attempts end on a server, all alike, counted by both workers in turn. */
    answers(slot: number, times: number, outcome: Outcome, latency = 5000) {
      for (let i = 0; i < times; i++) {
        const row = board.rows[i % 2]!
        const counts = new Board(columns, row.owned, 0)
        counts.start(slot, microsOf(clock.now))
        counts.answer(slot, microsOf(clock.now), latency, outcome)
        counts.end(slot)
        row.counters.server.latencySum[slot]! += latency / 1000
        row.counters.server.latencyCount[slot]!++
      }
    },
    messages: () => lines.map(({ message }) => message),
    generation: () => board.shared.backend.generation[0]!,
    ramps: () => [...board.shared.server.ramp.subarray(0, spec.servers.length)],
    pool: () => buildPool({ backend: 0, members: spec.servers, rules: spec.rules, states: board.shared.server }),
    up: () => spec.servers.forEach(({ slot }) => keeper.setHealth(slot, 'up')),
    /** Ticks ten times a second for so many milliseconds. */
    pass(span: number) {
      for (const end = clock.now + span; clock.now < end;) {
        clock.now += 100
        keeper.tick(clock.now)
      }
    },
  }
}
