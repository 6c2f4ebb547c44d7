// How much a server still has to do, for whoever waits until it is empty: requests (tcp: connections) in flight, open
// connections, and the sessions that belong to it. Sessions that only a cookie tells cannot be counted: nobody holds them.
import { performance } from 'node:perf_hooks'
import type { BackendSpec } from '../../messages/snapshot.ts'
import { millisOf } from '../../scoreboard/clock.ts'
import { KeyedTable } from '../../scoreboard/keyed-table.ts'
import type { Operator } from './operator.ts'
import type { FoundServer } from './problem.ts'

export interface Load {
  readonly inflight: number
  /** To the server, idle ones included. */
  readonly connections: number
  /** Live ones in the table; null: the backend has no table. */
  readonly sessions: number | null
  /** Nothing in flight, and no session that would bring a client back. */
  readonly empty: boolean
}

type Ground = Pick<Operator, 'view' | 'sessions'>

export function loadOf(ground: Ground, { backend, server }: FoundServer): Load {
  const { inflight, connections } = ground.view.board.shared.server
  const sessions = sessionsOf(ground, backend)?.get(server.slot) ?? null
  const busy = Atomics.load(inflight, server.slot)
  return {
    inflight: busy,
    connections: Atomics.load(connections, server.slot),
    sessions,
    empty: busy === 0 && (sessions ?? 0) === 0,
  }
}

/** Live sessions by server slot, 0 for those that have none; null: the backend has no table. A walk over the table. */
export function sessionsOf(
  { sessions }: Ground,
  { slot, servers, persistence }: BackendSpec,
): Map<number, number> | null {
  const memory = sessions()[slot]
  const table = persistence?.table
  if (memory === undefined || !table) return null
  const found = new Map(servers.map((server) => [server.slot, 0]))
  const rows = new KeyedTable(memory)
  const owners = rows.column(0)
  const now = millisOf(performance.now())
  for (let entry = 0; entry < rows.entries; entry++) {
    const owner = owners[entry]! - 1
    const count = found.get(owner)
    if (count === undefined || !rows.isTaken(entry) || ((now - rows.seen[entry]!) | 0) > table.idle) continue
    found.set(owner, count + 1)
  }
  return found
}

const LOOK_MS = 50

/** Resolves when the server is empty or the time is over. @param idleOnly sessions do not count @returns the last look */
export async function whenEmpty(ground: Ground, found: FoundServer, wait: number): Promise<Load> {
  for (const end = performance.now() + wait; ;) {
    const load = loadOf(ground, found)
    const left = end - performance.now()
    if (load.empty || left <= 0) return load
    await new Promise((resolve) => setTimeout(resolve, Math.min(LOOK_MS, left)))
  }
}
