// How large the scoreboard of a process is, and what stands on it before the workers start.
import { ADMIN_READY } from '../model/states.ts'
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
  for (const { servers } of snapshot.backends) {
    for (const { slot, weight } of servers) {
      Atomics.store(board.shared.server.weight, slot, weight)
      Atomics.store(board.shared.server.admin, slot, ADMIN_READY)
      board.learnt.server.factor[slot] = 1
    }
  }
  return board
}
