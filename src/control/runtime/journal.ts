// The overrides on disk: one JSON file beside the configuration, written anew with each change, so that they outlive reloads,
// crashes and restarts. Readable by its owner alone, because it says who did what. A file takes the place of the one before
// by rename, so that no reader and no crash ever sees half of one. Where it cannot be written, Weir goes on with what it has
// in memory and says so once: an operator in trouble must be able to drain a server of a Weir whose disk is full.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../../config/config.ts'
import type { Overlay } from '../reload/types.ts'
import { isCheckWish } from './check-wish.ts'
import { applyOverrides, holding, placeOf, type Difference, type Override } from './override.ts'

/** Of the file's format. */
const VERSION = 1

interface Contents {
  readonly version: number
  readonly overrides: readonly Override[]
}

/** Beside a file it is `weir.yaml.overrides.json`; beside a folder `weir.d.overrides.json`. */
export const journalPath = (configPath: string): string => `${configPath.replace(/\/+$/, '')}.overrides.json`

export class Journal {
  /** Null: kept in memory only. */
  readonly path: string | null
  readonly #log: Logger
  #overrides: readonly Override[]
  #unwritable = false

  /** @param path of the journal; null for a Weir that has no configuration file */
  constructor(path: string | null, log: Logger) {
    this.path = path
    this.#log = log
    this.#overrides = path === null ? [] : this.#read(path)
  }

  get overrides(): readonly Override[] {
    return this.#overrides
  }

  /** The last change could not be written: a restart would forget it. */
  get inMemoryOnly(): boolean {
    return this.path === null || this.#unwritable
  }

  /** For the reloader: the file's configuration under the overrides that there are when it is called. */
  readonly overlay: Overlay = (config: Config) => applyOverrides(config, this.#overrides)

  /** In place of those about the same things. @param about what is said something of, whether it is different or not */
  put(overrides: readonly Override[], about: readonly Difference[] = overrides): void {
    const places = new Set(about.map(placeOf))
    this.replace([...this.#overrides.filter((each) => !places.has(placeOf(each))), ...overrides])
  }

  drop(gone: (override: Override) => boolean): void {
    if (this.#overrides.some(gone)) this.replace(this.#overrides.filter((each) => !gone(each)))
  }

  replace(overrides: readonly Override[]): void {
    this.#overrides = overrides
    this.#write()
  }

  /** Forgets those that hold no more under this configuration. @returns them */
  prune(file: Config): readonly Override[] {
    const kept = new Set(holding(this.#overrides, file))
    const gone = this.#overrides.filter((each) => !kept.has(each))
    if (gone.length > 0) this.replace([...kept])
    return gone
  }

  #read(path: string): readonly Override[] {
    try {
      const contents = JSON.parse(readFileSync(path, 'utf8')) as Contents
      if (contents.version !== VERSION || !Array.isArray(contents.overrides))
        throw new Error(`it is not of version ${VERSION}`)
      return contents.overrides.filter(isOverride)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT')
        this.#log.error({ file: path }, `cannot read the overrides in ${path}: ${message}; going on without them`)
      return []
    }
  }

  #write(): void {
    const { path } = this
    if (path === null) return
    try {
      if (this.#overrides.length === 0) rmSync(path, { force: true })
      else {
        const contents: Contents = { version: VERSION, overrides: this.#overrides }
        const draft = `${path}.${process.pid}.tmp`
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(draft, `${JSON.stringify(contents, null, 2)}\n`, { mode: 0o600, flush: true })
        renameSync(draft, path)
      }
      this.#unwritable = false
    } catch (error) {
      if (!this.#unwritable)
        this.#log.warn(
          { file: path },
          `cannot write the overrides to ${path}: ${(error as Error).message}; a restart will forget them`,
        )
      this.#unwritable = true
    }
  }
}

const fields = new Set(['admin', 'weight', 'max_connections', 'added', 'removed', 'health_check', 'paused'])

/** Enough of a look that a journal that somebody has edited cannot bring Weir down. */
function isOverride(value: unknown): value is Override {
  if (typeof value !== 'object' || value === null) return false
  const { field, backend, server, frontend, by, at } = value as Record<string, unknown>
  if (typeof field !== 'string' || !fields.has(field) || typeof by !== 'string' || typeof at !== 'number') return false
  const { value: now } = value as { value?: unknown }
  if (field === 'paused') return typeof frontend === 'string'
  if (field === 'health_check') return typeof backend === 'string' && isCheckWish(now)
  if (typeof backend !== 'string' || typeof server !== 'string') return false
  if (field === 'weight' || field === 'max_connections') return Number.isInteger(now) && (now as number) >= 0
  if (field === 'added') return typeof (now as { address?: unknown } | null)?.address === 'string'
  return field === 'removed' || now === 'drain' || now === 'maint'
}
