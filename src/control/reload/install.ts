// How another configuration takes the place of the one that runs: rows and tables for what is new, then who looks after the
// servers, then the workers. If a new bind can't be had, all of it goes back to what was before.
import { isDeepStrictEqual } from 'node:util'
import type { FrontendSpec, Snapshot } from '../../messages/snapshot.ts'
import { HEALTH_UP } from '../../model/states.ts'
import { total, type Scoreboard } from '../../scoreboard/scoreboard.ts'
import type { BalanceKeeper } from '../balance/keeper.ts'
import type { CertificateManager } from '../certificates/manager.ts'
import { probeBinds } from '../binds.ts'
import { enterServers } from '../board.ts'
import type { HealthMonitor } from '../health/monitor.ts'
import type { Prepared } from '../prepare.ts'
import { addSessionTables, type SharedTables } from '../shared-tables.ts'
import type { Workers } from '../workers.ts'
import type { Live } from './differences.ts'
import type { Vitals } from './trial.ts'

export interface Parts {
  readonly board: Scoreboard
  readonly keeper: BalanceKeeper
  readonly monitor: HealthMonitor
  readonly workers: Workers
  /** Has as many workers as this. @returns null, or why there can't be so many: there are as many as before then */
  readonly resizer: { resize(count: number): Promise<string | null> }
  readonly memories: SharedTables
  readonly certificates: Pick<CertificateManager, 'follow' | 'settle'>
}

/** What runs, and the way to something else. */
export class Installation {
  readonly #parts: Parts
  #running: Prepared

  constructor(parts: Parts, first: Prepared) {
    this.#parts = parts
    this.#running = first
  }

  get snapshot(): Snapshot {
    return this.#running.snapshot
  }

  /** @returns null, or why it can't be: nothing has changed then */
  async install(next: Prepared): Promise<string | null> {
    const { board, keeper, monitor, workers, resizer, memories, certificates } = this.#parts
    const before = this.#running
    const problems = await probeBinds(withNewBinds(before.snapshot, next.snapshot))
    if (problems.length > 0) return problems.join('; ')
    // New workers begin with what runs, and go over with the others; those that are too many still do that, and leave then.
    const missing = await resizer.resize(Math.max(before.workers, next.workers))
    if (missing !== null) return missing
    await certificates.follow(next.config)
    addSessionTables(memories.sessions, next.snapshot.backends)
    enterServers(board, before.snapshot, next.snapshot)
    this.#lookAfter(next)
    const problem = await workers.apply(next.snapshot, unchanged(before.snapshot, next.snapshot))
    certificates.settle((problem === null ? next : before).config)
    const others = await resizer.resize((problem === null ? next : before).workers)
    if (problem === null) return others
    enterServers(board, next.snapshot, before.snapshot)
    this.#running = before
    keeper.follow(before.snapshot)
    monitor.follow(before.checks)
    return problem
  }

  #lookAfter(next: Prepared): void {
    this.#running = next
    this.#parts.keeper.follow(next.snapshot)
    this.#parts.monitor.follow(next.checks)
  }

  /** What is under way, by the names of the configuration that runs. */
  readonly live: Live = {
    frontend: (name) => {
      const frontend = this.snapshot.frontends.find((each) => each.name === name)
      return frontend === undefined ? 0 : this.#parts.board.shared.frontend.connections[frontend.slot]!
    },
    server: (backend, name) => {
      const servers = this.snapshot.backends.find((each) => each.name === backend)?.servers
      const slot = servers?.find((each) => each.name === name)?.slot
      return slot === undefined ? 0 : this.#parts.board.shared.server.inflight[slot]!
    },
  }

  /** How well things go. */
  readonly vitals = (): Vitals => {
    const { board } = this.#parts
    let [requests, failures] = [0, 0]
    for (const { slot } of this.snapshot.frontends) {
      requests += total(board, ({ counters }) => counters.frontend.requests, slot)
      failures += total(board, ({ counters }) => counters.frontend.status5xx, slot)
    }
    const servers = this.snapshot.backends.flatMap((backend) => backend.servers.map(({ slot }) => slot))
    const up = servers.filter((slot) => board.shared.server.health[slot] === HEALTH_UP)
    return { requests, failures, servers: new Set(servers), up: new Set(up) }
  }
}

/** Slots of backends that are the same in both. */
function unchanged(before: Snapshot, after: Snapshot): number[] {
  const old = new Map(before.backends.map((backend) => [backend.slot, backend]))
  return after.backends.filter((backend) => isDeepStrictEqual(backend, old.get(backend.slot))).map(({ slot }) => slot)
}

/**
 * The frontends with those of their binds alone that have to be tried: not those on addresses that we hold already, where
 * only our own sockets would be found.
 */
function withNewBinds(before: Snapshot, after: Snapshot): FrontendSpec[] {
  const held = new Set(before.frontends.flatMap(({ binds }) => binds.map(({ path, port }) => path ?? port)))
  return after.frontends.map((frontend) => ({
    ...frontend,
    binds: frontend.binds.filter(({ path, port }) => (path === null && port === 0) || !held.has(path ?? port)),
  }))
}
