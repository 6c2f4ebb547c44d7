// Runs the health checks of all servers, once for all workers, and says when one has changed its state.
// One loop per server: check, step, sleep. A slow check delays the next one of the same server and never overlaps it.
// What to send and how to judge it is the probes' business, the rise/fall rule is step.ts, the timing is schedule.ts. What
// a state means for the traffic is control/balance/keeper.ts.
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import { ADMIN_MAINT, type HealthState } from '../../model/states.ts'
import type { BackendSpec, ServerSpec } from '../../messages/snapshot.ts'
import type { Scoreboard } from '../../scoreboard/scoreboard.ts'
import { Gate } from './gate.ts'
import { fail, errorText, type CheckSpec, type Probe, type ProbeResult } from './probe.ts'
import { nextCheckAfter } from './schedule.ts'
import { checking, step, up, type Health } from './step.ts'

/** What the checks know of one server, for `weir status`. */
export interface ServerHealth {
  readonly state: HealthState
  /** When the state began, in milliseconds since the epoch. */
  readonly since: number
  /** Words of the last check; null before the first, and where none are made. */
  readonly lastResult: string | null
  /** When the last check ended, in milliseconds since the epoch; null before the first. */
  readonly lastCheckAt: number | null
  /** How long the last check took, in milliseconds. */
  readonly lastDuration: number | null
}

/** The servers of one backend and how to check them; `check` null: not at all, they count as up. */
export interface CheckedBackend {
  readonly backend: BackendSpec
  readonly check: CheckSpec | null
  readonly probeFor: (server: ServerSpec) => Probe
  /** What the probe of a server is made of: as long as it is equal, the checks of a server just go on. */
  readonly probedAs?: (server: ServerSpec) => unknown
}

/** What takes the verdicts, each before it is logged. */
export interface Verdicts {
  setHealth(slot: number, state: HealthState): void
}

export interface MonitorOptions {
  /** Only looked at, for servers in maintenance. */
  readonly board: Scoreboard
  readonly verdicts: Verdicts
  readonly log: Logger
  /** Checks running at a time. */
  readonly concurrency?: number
  /** Uniform in 0 to 1, 1 excluded. */
  readonly random?: () => number
}

interface Watched {
  group: CheckedBackend
  server: ServerSpec
  /** Ends its loop; null: it has none. */
  end: AbortController | null
  health: Health
  since: number
  last: { readonly text: string; readonly at: number; readonly duration: number } | null
  /** Ends the pause before its next check; does nothing during a check. */
  wake: () => void
  /** Those who wait for the end of a check. */
  readonly waiting: (() => void)[]
}

export class HealthMonitor {
  readonly #board: Scoreboard
  readonly #verdicts: Verdicts
  readonly #log: Logger
  readonly #gate: Gate
  readonly #random: () => number
  readonly #watched = new Map<number, Watched>()
  readonly #end = new AbortController()
  readonly #loops = new Set<Promise<void>>()

  constructor({ board, verdicts, log, concurrency = 64, random = Math.random }: MonitorOptions) {
    this.#board = board
    this.#verdicts = verdicts
    this.#log = log
    this.#gate = new Gate(concurrency)
    this.#random = random
  }

  /**
   * Checks these servers from now on, and no others. New ones are probed at once, as far as the concurrency allows, and
   * then by interval; of those that were there before the state stays, and their checks go by the rules of now.
   */
  follow(backends: readonly CheckedBackend[]): void {
    const gone = new Set(this.#watched.keys())
    for (const group of backends) {
      for (const server of group.backend.servers) {
        gone.delete(server.slot)
        this.#watch(group, server)
      }
    }
    for (const slot of gone) {
      this.#watched.get(slot)!.end?.abort()
      this.#watched.delete(slot)
    }
  }

  #watch(group: CheckedBackend, server: ServerSpec): void {
    let watched = this.#watched.get(server.slot)
    const before = watched?.group
    if (watched === undefined) {
      watched = { group, server, end: null, health: checking, since: Date.now(), last: null, wake() {}, waiting: [] }
      this.#watched.set(server.slot, watched)
    }
    const same = before !== undefined && isDeepStrictEqual(probedBy(before, watched.server), probedBy(group, server))
    watched.group = group
    watched.server = server
    if (same) return
    watched.end?.abort()
    watched.end = null
    if (group.check === null) {
      if (before === undefined || watched.health.state !== 'up') this.#enter(watched, up(0))
      return
    }
    watched.end = new AbortController()
    const signal = AbortSignal.any([this.#end.signal, watched.end.signal])
    const loop = this.#loop(watched, group.check, group.probeFor(server), signal, before !== undefined)
    this.#loops.add(loop)
    void loop.then(() => this.#loops.delete(loop))
  }

  /** @param slot of a server that follow() was given; others answer as never checked */
  of(slot: number): ServerHealth {
    const watched = this.#watched.get(slot)
    const last = watched?.last ?? null
    return {
      state: watched?.health.state ?? 'checking',
      since: watched?.since ?? 0,
      lastResult: last?.text ?? null,
      lastCheckAt: last?.at ?? null,
      lastDuration: last?.duration ?? null,
    }
  }

  /**
   * Checks a server without waiting for its interval; a check that is under way is as good.
   * @returns what is known of it then; null: it is not checked
   */
  async checkNow(slot: number): Promise<ServerHealth | null> {
    const watched = this.#watched.get(slot)
    if (watched === undefined || watched.end === null) return null
    const checked = new Promise<void>((resolve) => watched.waiting.push(resolve))
    watched.wake()
    await checked
    return this.of(slot)
  }

  /** Ends the checks under way, without a verdict, and makes no more. */
  async close(): Promise<void> {
    this.#end.abort()
    await Promise.all(this.#loops)
  }

  /** @param known it has been checked before, so that there is no hurry: not all at once after a change */
  async #loop(watched: Watched, spec: CheckSpec, probe: Probe, signal: AbortSignal, known: boolean): Promise<void> {
    if (known) await sleep(this.#random() * spec.interval, signal, (wake) => (watched.wake = wake))
    for (let checks = 1; !signal.aborted; checks++) {
      const start = performance.now()
      if (Atomics.load(this.#board.shared.server.admin, watched.server.slot) !== ADMIN_MAINT) {
        await this.#gate.run(() => this.#check(watched, spec, probe, signal))
      }
      for (const tell of watched.waiting.splice(0)) tell()
      const wait = nextCheckAfter(watched.health, spec, checks, this.#random()) - (performance.now() - start)
      await sleep(Math.max(0, wait), signal, (wake) => (watched.wake = wake))
    }
    for (const tell of watched.waiting.splice(0)) tell()
  }

  async #check(watched: Watched, spec: CheckSpec, probe: Probe, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const start = performance.now()
    const result = await probe(signal).catch((error: unknown) => fail(errorText(error)))
    if (signal.aborted) return
    watched.last = { text: result.text, at: Date.now(), duration: performance.now() - start }
    const before = watched.health
    const after = step(before, result.passed, spec)
    if (after.state === before.state) {
      watched.health = after
      return
    }
    this.#enter(watched, after)
    this.#report(watched, before.state, result)
  }

  #enter(watched: Watched, health: Health): void {
    watched.health = health
    watched.since = Date.now()
    this.#verdicts.setHealth(watched.server.slot, health.state)
  }

  #report({ group, server, health }: Watched, from: HealthState, { text }: ProbeResult): void {
    const { name: backend, servers } = group.backend
    const left = servers.filter(({ slot }) => this.#watched.get(slot)?.health.state === 'up').length
    const level = health.state === 'up' ? 'info' : left === 0 ? 'error' : 'warn'
    this.#log[level](
      { backend, server: server.name, from, to: health.state, reason: text, serversUp: left, servers: servers.length },
      `server ${backend}/${server.name} is ${health.state}: ${text}; ${left} of ${servers.length} servers up`,
    )
  }
}

const probedBy = (group: CheckedBackend, server: ServerSpec): unknown =>
  group.probedAs === undefined ? group : [group.check, group.probedAs(server)]

/** Resolves after `delay` milliseconds or when the signal is aborted. @param onStart gets what ends it before */
function sleep(delay: number, signal: AbortSignal, onStart: (wake: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, delay)
    onStart(done)
    signal.addEventListener('abort', done, { once: true })
    if (signal.aborted) done()
  })
}
