// How large the scoreboard of a process is, and what stands on it before the workers start.
import { ADMIN_READY, HEALTH_CHECKING } from '../model/states.ts'
import type { Snapshot } from '../messages/snapshot.ts'
import type { Shape } from '../scoreboard/layout.ts'
import { createScoreboard, type Scoreboard } from '../scoreboard/scoreboard.ts'

/** As much of a configuration or a snapshot as its size takes. */
interface Sized {
  readonly frontends: readonly unknown[]
  readonly backends: readonly { readonly servers: readonly unknown[] }[]
}

/** Rows for four times what there is now, so that reloads have room; untouched memory costs nothing. */
export function shapeFor({ frontends, backends }: Sized, workers: number): Shape {
  const servers = backends.reduce((sum, backend) => sum + backend.servers.length, 0)
  return {
    workers,
    frontends: Math.max(64, 4 * frontends.length),
    backends: Math.max(256, 4 * backends.length),
    servers: Math.max(1024, 4 * servers),
  }
}

/** The scoreboard with the weights of all servers on it; every server is ready, and its health not known yet. */
export function setUpBoard(snapshot: Snapshot, shape: Shape): Scoreboard {
  const board = createScoreboard(shape)
  enterServers(board, null, snapshot)
  return board
}

/**
 * Brings the rows of the servers in line with a snapshot: those of new servers begin anew, and of those that were there
 * before, a weight that the configuration has changed counts; what the operator has set stays otherwise.
 */
export function enterServers(board: Scoreboard, before: Snapshot | null, after: Snapshot): void {
  const known = new Map(before?.backends.flatMap(({ servers }) => servers.map(({ slot, weight }) => [slot, weight])))
  const { weight: weights, admin, health, ramp, ejected } = board.shared.server
  for (const { slot, weight } of after.backends.flatMap(({ servers }) => servers)) {
    if (known.get(slot) !== weight) Atomics.store(weights, slot, weight)
    if (known.has(slot)) continue
    Atomics.store(admin, slot, ADMIN_READY)
    Atomics.store(health, slot, HEALTH_CHECKING)
    Atomics.store(ramp, slot, 0)
    Atomics.store(ejected, slot, 0)
    board.learnt.server.factor[slot] = 1
  }
}
