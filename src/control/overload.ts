// Watches the memory of the process, and has all workers shed load before the system would kill it: the level on the
// scoreboard is the percentage of requests that are turned away (503 `overloaded`). It goes up by UP with each look at which
// too much is used, and down by DOWN when it is well below again, so that it settles where the load can be borne. It never
// reaches 100, or nothing would be left that shows whether it helps.
// The memory that the process may have is the smaller of its control group's limit and what the machine has.
// Delays of the event loop are each worker's own business (data/overload.ts).
import { totalmem } from 'node:os'
import { performance } from 'node:perf_hooks'
import type { Logger } from 'pino'
import type { OverloadSpec } from '../messages/snapshot.ts'
import type { Scoreboard } from '../scoreboard/scoreboard.ts'
import { residentMemory } from './memory.ts'

const PERIOD_MS = 250
const UP = 10
const DOWN = 5
const MOST = 95
/** Of the threshold: below this the level goes down. */
const WELL_BELOW = 0.9

/** Bytes that the process may have. libuv looks up the control group (v1 and v2), and says 0 or more than there is for none. */
export function memoryLimit(constrained = process.constrainedMemory(), installed = totalmem()): number {
  return constrained > 0 ? Math.min(constrained, installed) : installed
}

/** @param level percent of requests that are shed now @returns what it is to be from now on */
export function nextLevel(level: number, used: number, threshold: number): number {
  if (used > threshold) return Math.min(MOST, level + UP)
  return used < WELL_BELOW * threshold ? Math.max(0, level - DOWN) : level
}

export interface MemoryWatchOptions {
  readonly board: Scoreboard
  readonly overload: OverloadSpec
  readonly log: Logger
  /** In bytes; for tests. */
  readonly limit?: number
  readonly used?: () => number | null
}

export class MemoryWatch {
  readonly #board: Scoreboard
  readonly #log: Logger
  readonly #limit: number
  readonly #used: () => number | null
  /** Bytes from which load is shed; 0: never. */
  #threshold = 0
  #peak = 0
  #since = 0
  #timer: NodeJS.Timeout | undefined

  constructor({ board, overload, log, limit = memoryLimit(), used = residentMemory }: MemoryWatchOptions) {
    this.#board = board
    this.#log = log
    this.#limit = limit
    this.#used = used
    this.#threshold = (limit * overload.memory) / 100
  }

  /** Another threshold, from now on. */
  follow({ memory }: OverloadSpec): void {
    this.#threshold = (this.#limit * memory) / 100
    if (this.#threshold > 0) return this.start()
    this.close()
    Atomics.store(this.#board.shared.process.shedding, 0, 0)
  }

  /** Begins to look; that alone does not keep the process alive. */
  start(): void {
    if (this.#threshold > 0) this.#timer ??= setInterval(() => this.look(), PERIOD_MS).unref()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  look(): void {
    const used = this.#used()
    if (used === null) return
    const { shedding } = this.#board.shared.process
    const before = shedding[0]!
    const level = nextLevel(before, used, this.#threshold)
    if (level === before) return
    Atomics.store(shedding, 0, level)
    this.#peak = before === 0 ? level : Math.max(this.#peak, level)
    if (before === 0) this.#begin(used)
    else if (level === 0) this.#end(used)
  }

  #begin(used: number): void {
    this.#since = performance.now()
    const fields = { used, limit: this.#limit, threshold: Math.round(this.#threshold) }
    this.#log.warn(fields, `memory is short: ${this.#figures(used)}; load is shed, beginning with ${this.#peak} %`)
  }

  #end(used: number): void {
    const span = Math.round((performance.now() - this.#since) / 100) / 10
    this.#log.info(
      { used, limit: this.#limit, peak: this.#peak, seconds: span },
      `memory is no longer short: ${this.#figures(used)}; load was shed for ${span} s, up to ${this.#peak} %`,
    )
  }

  #figures(used: number): string {
    const percent = Math.round((100 * used) / this.#limit)
    return `${mebibytes(used)} of ${mebibytes(this.#limit)} in use (${percent} %)`
  }
}

const mebibytes = (bytes: number): string => `${Math.round(bytes / 1024 ** 2)} MiB`
