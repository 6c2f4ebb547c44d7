// Reload: another configuration takes the place of the one that runs, in the same process. It is read and checked in full
// before anything is touched; what is bad changes nothing, and says so to whoever asked and in the log. One at a time, in
// the order in which they were asked for.
// What it does to the traffic is the business of whom it is handed to (`install`): the supervisor.
import type { Logger } from 'pino'
import { isDeepStrictEqual } from 'node:util'
import { formatProblems } from '../../config/format.ts'
import { loadConfig, type Loaded } from '../../config/load.ts'
import type { Config } from '../../config/config.ts'
import type { Millis } from '../../model/units.ts'
import { checkBalancerFiles } from '../balance/check-files.ts'
import type { Preparation, Prepared } from '../prepare.ts'
import { differences, type Live } from './differences.ts'
import { Trial, type Vitals } from './trial.ts'
import type { Change, Overlay, Reloader, ReloadOutcome } from './types.ts'

export interface ReloaderOptions {
  /** Null: Weir was started by options alone, so that there is nothing to be read again. */
  readonly path: string | null
  /** What runs already, which is what the file says under the overlay. */
  readonly first: Prepared
  readonly file: Config
  readonly overlay: Overlay
  /** Another configuration runs, or the same by another file. */
  readonly onChange: () => void
  readonly preparation: Preparation
  /** Makes it the one that runs. @returns null, or why it can't be: nothing has changed then */
  readonly install: (prepared: Prepared) => Promise<string | null>
  readonly live: Live
  readonly vitals: () => Vitals
  readonly log: Logger
}

export class ConfigReloader implements Reloader {
  readonly #options: ReloaderOptions
  #path: string | null
  #fileConfig: Config
  #running: Prepared
  #overlay: Overlay
  #trial: Trial | null = null
  #busy: Promise<unknown> = Promise.resolve()
  #history = { succeeded: 0, failed: 0, lastOk: true, lastAt: Date.now() }

  constructor(options: ReloaderOptions) {
    this.#options = options
    this.#path = options.path
    this.#running = options.first
    this.#fileConfig = options.file
    this.#overlay = options.overlay
  }

  get fileConfig(): Config {
    return this.#fileConfig
  }

  get config(): Config {
    return this.#running.config
  }

  get path(): string | null {
    return this.#path
  }

  get history(): Reloader['history'] {
    return this.#history
  }

  reload(who: string): Promise<ReloadOutcome> {
    return this.#inTurn(() => this.#load(this.#path, who))
  }

  apply(path: string, confirm: Millis | null, who: string): Promise<ReloadOutcome> {
    return this.#inTurn(async () => {
      const [path0, file, running] = [this.#path, this.#fileConfig, this.#running]
      const { vitals, log } = this.#options
      const before = vitals()
      const outcome = await this.#load(path, who)
      if (!outcome.ok || confirm === null) return outcome
      const back = (why: string): Promise<unknown> =>
        this.#inTurn(async () => {
          log.warn({ path: path0, why }, `the configuration of before returns: ${why}`)
          this.#trial = null
          this.#path = path0
          const problem = await this.#change(file, running.config)
          if (problem !== null) log.error(`the configuration of before cannot return: ${problem}`)
        })
      this.#trial = new Trial({ span: confirm, before, vitals, onFailure: (why) => void back(why) })
      return { ...outcome, confirmBy: this.#trial.until }
    })
  }

  confirm(who: string): boolean {
    if (this.#trial === null) return false
    this.#trial.end()
    this.#trial = null
    this.#options.log.info({ who }, `the configuration is confirmed by ${who}`)
    return true
  }

  plan(path: string): Promise<ReloadOutcome> {
    return this.#inTurn(async () => {
      const loaded = await this.#read(path)
      if (loaded.config === null) return this.#refused(problemsOf(loaded))
      const next = this.#overlay(loaded.config)
      return this.#outcome(this.#changesTo(next), formatProblems(loaded.warnings, loaded.sources, 'text'))
    })
  }

  setOverlay(overlay: Overlay, who: string): Promise<ReloadOutcome> {
    return this.#inTurn(async () => {
      const before = this.#overlay
      this.#overlay = overlay
      const outcome = await this.#go(this.#fileConfig, '', who)
      if (!outcome.ok) this.#overlay = before
      return outcome
    })
  }

  /** Ends what waits for a confirmation, without a verdict. */
  close(): void {
    this.#trial?.end()
  }

  #inTurn<T>(job: () => Promise<T>): Promise<T> {
    const turn = this.#busy.then(job)
    this.#busy = turn.catch(() => {})
    return turn
  }

  async #read(path: string): Promise<Loaded> {
    return checkBalancerFiles(loadConfig(path))
  }

  async #load(path: string | null, who: string): Promise<ReloadOutcome> {
    if (path === null) return this.#failed('there is no configuration file: Weir was started by options\n', who)
    const loaded = await this.#read(path)
    if (loaded.config === null) return this.#failed(problemsOf(loaded), who)
    const outcome = await this.#go(loaded.config, formatProblems(loaded.warnings, loaded.sources, 'text'), who)
    if (outcome.ok) this.#path = path
    return outcome
  }

  /** Goes over to this configuration of the file. @param warnings as they are shown */
  async #go(file: Config, warnings: string, who: string): Promise<ReloadOutcome> {
    const next = this.#overlay(file)
    const changes = this.#changesTo(next)
    const startedAt = performance.now()
    const problem = await this.#change(file, next)
    if (problem !== null) return this.#failed(`${problem}\n`, who)
    this.#history = { ...this.#history, succeeded: this.#history.succeeded + 1, lastOk: true, lastAt: Date.now() }
    const took = Math.round(performance.now() - startedAt)
    const { log } = this.#options
    const { version } = this.#running.snapshot
    log.info(
      { who, version, changes: changes.length, took },
      `configuration ${version} runs (${who}): ${inWords(changes)}`,
    )
    for (const { what, detail } of changes.filter(({ needsRestart }) => needsRestart)) {
      log.warn({ what }, `${what}${detail} takes effect with a restart only`)
    }
    return this.#outcome(changes, warnings)
  }

  /** @returns null, or why it can't run: nothing has changed then */
  async #change(file: Config, next: Config): Promise<string | null> {
    if (isDeepStrictEqual(next, this.#running.config)) {
      this.#fileConfig = file
      this.#options.onChange()
      return null
    }
    let prepared: Prepared
    try {
      prepared = this.#options.preparation.next(next)
    } catch (error) {
      return (error as Error).message
    }
    const problem = await this.#options.install(prepared)
    if (problem !== null) return problem
    this.#running = prepared
    this.#options.preparation.installed(prepared)
    this.#fileConfig = file
    this.#options.onChange()
    return null
  }

  #changesTo(next: Config): Change[] {
    const { live, preparation } = this.#options
    return differences(this.#running.config, next, live, preparation.shape.workers)
  }

  #failed(problems: string, who: string): ReloadOutcome {
    this.#history = { ...this.#history, failed: this.#history.failed + 1, lastOk: false, lastAt: Date.now() }
    const { log } = this.#options
    log.error(
      { who, problems: problems.trimEnd().split('\n') },
      `the configuration was not changed (${who}): ${problems.trimEnd()}`,
    )
    return this.#refused(problems)
  }

  #refused(problems: string): ReloadOutcome {
    return { ok: false, version: this.#running.snapshot.version, changes: [], problems, confirmBy: null }
  }

  #outcome(changes: readonly Change[], problems: string): ReloadOutcome {
    const confirmBy = this.#trial?.until ?? null
    return { ok: true, version: this.#running.snapshot.version, changes, problems, confirmBy }
  }
}

const problemsOf = (loaded: Extract<Loaded, { config: null }>): string =>
  formatProblems(loaded.problems, loaded.sources, 'text')

/** The first few, and how many more. */
function inWords(changes: readonly Change[]): string {
  if (changes.length === 0) return 'nothing has changed'
  const shown = changes
    .slice(0, 5)
    .map(({ kind, what, detail }) => (detail === '' ? `${what} ${kind}` : `${what} ${detail}`))
  return changes.length > 5 ? `${shown.join('; ')}; and ${changes.length - 5} more` : shown.join('; ')
}
