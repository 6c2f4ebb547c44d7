// From a configuration to what the supervisor needs: how many workers, the snapshot for them, the checks to run, and how
// many connections there can be. Looks at the machine (cores, limit of open files) and opens nothing.
import { randomBytes } from 'node:crypto'
import { availableParallelism, hostname } from 'node:os'
import type { Logger } from 'pino'
import { hashString } from '../balance/hash.ts'
import type { Config } from '../config/config.ts'
import type { Snapshot } from '../messages/snapshot.ts'
import type { Shape } from '../scoreboard/layout.ts'
import { shapeFor } from './board.ts'
import type { CheckedBackend } from './health/monitor.ts'
import { planChecks } from './health/plan.ts'
import { connectionsUnder, descriptorLimit, descriptorsFor, type Needs } from './limits.ts'
import { createSnapshot, SlotTable } from './snapshot.ts'

export interface Prepared {
  readonly shape: Shape
  /** Sources of clients that are remembered at a time. */
  readonly sources: number
  readonly snapshot: Snapshot
  readonly checks: readonly CheckedBackend[]
}

export function prepare(config: Config, log: Logger): Prepared {
  const workers = config.global.workers === 'auto' ? availableParallelism() : config.global.workers
  const binds = config.frontends.reduce((sum, frontend) => sum + frontend.binds.length, 0)
  const shape = shapeFor(config, workers)
  const snapshot = createSnapshot(config, {
    slots: new SlotTable(shape),
    version: 1,
    maxConnections: maxConnections(config.global.maxConnections, { workers, binds }, log),
    instance: hashString(hostname()),
    ticketKeys: randomBytes(48),
  })
  return { shape, sources: config.global.sources, snapshot, checks: planChecks(config, snapshot) }
}

/** What is configured, or what fits under the limit of open files; says so in either case. */
function maxConnections(configured: number | 'auto', needs: Needs, log: Logger): number {
  const limit = descriptorLimit()
  const fits = limit === null ? null : connectionsUnder(limit, needs)
  if (configured === 'auto') {
    const max = fits ?? connectionsUnder(1024, needs) // POSIX promises less, but every system gives this much
    log.info(
      { maxConnections: max, openFiles: limit },
      `up to ${max} connections, from a limit of ${limit ?? 'unknown'} open files`,
    )
    return max
  }
  if (fits !== null && configured > fits) {
    const wanted = descriptorsFor(configured, needs)
    log.warn(
      { maxConnections: configured, fits, openFiles: limit, wanted },
      `max_connections is ${configured}, but a limit of ${limit} open files allows ${fits}: raise it to ${wanted} (ulimit -n, LimitNOFILE=)`,
    )
  }
  return configured
}
