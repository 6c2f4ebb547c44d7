// Changing the configuration of a running Weir: what the signal, the watcher, the control socket and the runtime commands
// ask for, and what they are told. How it is done is reloader.ts.
import type { Config } from '../../config/config.ts'
import type { Millis } from '../../model/units.ts'

/** What differs between the running configuration and another. */
export interface Change {
  readonly kind: 'added' | 'removed' | 'changed'
  /** 'frontend web', 'bind web/0.0.0.0:443', 'backend app', 'server app/s1', 'global'. */
  readonly what: string
  /** What exactly, for people: 'weight 1 -> 3'; '' when the kind says it all. */
  readonly detail: string
  /** Live connections or requests in flight that it touches; they end in order. */
  readonly live: number
  /** It takes effect only with a restart. */
  readonly needsRestart: boolean
}

export interface ReloadOutcome {
  /** False: nothing has changed, and `problems` says why. */
  readonly ok: boolean
  /** Of the snapshot that runs now. */
  readonly version: number
  readonly changes: readonly Change[]
  /** As `weir check` prints them; '' when there are none. */
  readonly problems: string
  /** Changes that wait for `weir confirm`: when they are taken back, in ms since the epoch; null: none do. */
  readonly confirmBy: number | null
}

/** Turns the configuration of the file into the one that runs: what operators have changed while running. */
export type Overlay = (config: Config) => Config

export interface Reloader {
  /** The configuration of the file, without overlay. */
  readonly fileConfig: Config
  /** What runs: the file's with the overlay. */
  readonly config: Config
  /** Null when Weir was started by options alone. */
  readonly path: string | null
  /** How often, and whether the last one was good; for metrics and status. */
  readonly history: {
    readonly succeeded: number
    readonly failed: number
    readonly lastOk: boolean
    readonly lastAt: number
  }
  /** Reads the file again. @param who for the log: 'SIGHUP', 'root (pid 12) by control socket' */
  reload(who: string): Promise<ReloadOutcome>
  /** What another file would change; changes nothing. */
  plan(path: string): Promise<ReloadOutcome>
  /**
   * Goes over to another file, which is read again from then on.
   * @param confirm unless `confirm` comes within this, or if more requests fail or fewer servers are up, the old one returns;
   * null: it stays
   */
  apply(path: string, confirm: Millis | null, who: string): Promise<ReloadOutcome>
  /** @returns false when nothing waits for it */
  confirm(who: string): boolean
  /** Applies another overlay to the file's configuration. A bad result changes nothing. */
  setOverlay(overlay: Overlay, who: string): Promise<ReloadOutcome>
}
