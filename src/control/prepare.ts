// From a configuration to what the supervisor needs: how many workers, the snapshot for them, the checks to run, and how
// many connections there can be. Looks at the machine (cores, limit of open files) and opens nothing. It is kept for the life
// of the process: every further snapshot has the same rows for the same names, and the same secrets.
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
import { storePath } from './certificates/store.ts'
import { Journal, journalPath } from './runtime/journal.ts'
import { clearRow, isIdle, type Scoreboard } from '../scoreboard/scoreboard.ts'
import { createSnapshot, SlotTable, type Reuse } from './snapshot.ts'

/** One configuration, numbered. */
export interface Prepared {
  readonly config: Config
  readonly snapshot: Snapshot
  readonly checks: readonly CheckedBackend[]
  /** Threads that are to serve it. */
  readonly workers: number
}

/** Rows for so many workers at the least, so that a reload can add some on a small machine. */
const LEAST_ROOM = 8

const workersOf = ({ global: { workers } }: Config): number => (workers === 'auto' ? availableParallelism() : workers)

const one = { frontends: 'frontend', backends: 'backend', servers: 'server' } as const

export class Preparation {
  readonly shape: Shape
  /** Sources of clients that are remembered at a time. */
  readonly sources: number
  readonly #log: Logger
  readonly #slots: SlotTable
  #reuse: Reuse | null = null
  #version = 0
  /** What was said last about connections, which is not said again. */
  #said = ''

  /** @param config the one that the process starts with: it says how much room there is for others */
  constructor(config: Config, log: Logger) {
    this.shape = shapeFor(config, Math.max(workersOf(config), availableParallelism(), LEAST_ROOM))
    this.sources = config.global.sources
    this.#log = log
    this.#slots = new SlotTable(this.shape, () => this.#reuse)
  }

  /** As many workers as the configuration asks for, but no more than there is room for. */
  workersFor(config: Config): number {
    return Math.min(workersOf(config), this.shape.workers)
  }

  /** From now on rows of what is gone may be given to what is new. */
  reuseRowsOf(board: Scoreboard): void {
    this.#reuse = {
      isIdle: (kind, slot) => isIdle(board, one[kind], slot),
      clear: (kind, slot) => clearRow(board, one[kind], slot),
    }
  }

  /** This is the configuration that runs. */
  installed({ config }: Prepared): void {
    this.#slots.installed(config)
  }

  /** @throws Error when the scoreboard has no room for it */
  next(config: Config): Prepared {
    const binds = config.frontends.reduce((sum, frontend) => sum + frontend.binds.length, 0)
    const workers = this.workersFor(config)
    const needs = { workers, binds }
    const snapshot = createSnapshot(config, {
      slots: this.#slots,
      version: ++this.#version,
      workers,
      maxConnections: this.#connections(config.global.maxConnections, needs),
      instance: hashString(hostname()),
    })
    return { config, snapshot, checks: planChecks(config, snapshot), workers }
  }

  /** What is configured, or what fits under the limit of open files; says so in either case. */
  #connections(configured: number | 'auto', needs: Needs): number {
    const limit = descriptorLimit()
    const fits = limit === null ? null : connectionsUnder(limit, needs)
    const max = configured === 'auto' ? (fits ?? connectionsUnder(1024, needs)) : configured // POSIX promises less, but every system gives 1024
    const said = `${configured} ${max} ${limit}`
    if (said === this.#said) return max
    this.#said = said
    if (configured === 'auto') {
      const words = `up to ${max} connections, from a limit of ${limit ?? 'unknown'} open files`
      this.#log.info({ maxConnections: max, openFiles: limit }, words)
    } else if (fits !== null && configured > fits) {
      const wanted = descriptorsFor(configured, needs)
      this.#log.warn(
        { maxConnections: configured, fits, openFiles: limit, wanted },
        `max_connections is ${configured}, but a limit of ${limit} open files allows ${fits}: raise it to ${wanted} (ulimit -n, LimitNOFILE=)`,
      )
    }
    return max
  }
}

/** What a process starts with: the file, under what operators have changed before. @param path of the configuration; null: there is none, Weir was started by options */
export function prepareStart(config: Config, log: Logger, path: string | null = null) {
  const preparation = new Preparation(config, log)
  const journal = new Journal(path === null ? null : journalPath(path), log)
  const certificateStore = config.global.certificateStore ?? (path === null ? null : storePath(path))
  const first = preparation.next(journal.overlay(config))
  return { preparation, file: config, first, path, journal, certificateStore }
}
