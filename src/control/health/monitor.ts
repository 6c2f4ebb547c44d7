// Runs the health checks of all servers, once for all workers, and says when one has changed its state.
// One loop per server: check, step, sleep. A slow check delays the next one of the same server and never overlaps it.
// What to send and how to judge it is the probes' business, the rise/fall rule is step.ts, the timing is schedule.ts. What
// a state means for the traffic is control/balance/keeper.ts.
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
  readonly group: CheckedBackend
  readonly server: ServerSpec
  health: Health
  since: number
  last: { readonly text: string; readonly at: number; readonly duration: number } | null
}

export class HealthMonitor {
  readonly #board: Scoreboard
  readonly #verdicts: Verdicts
  readonly #log: Logger
  readonly #gate: Gate
  readonly #random: () => number
  readonly #watched = new Map<number, Watched>()
  readonly #end = new AbortController()
  readonly #loops: Promise<void>[] = []

  constructor({ board, verdicts, log, concurrency = 64, random = Math.random }: MonitorOptions) {
    this.#board = board
    this.#verdicts = verdicts
    this.#log = log
    this.#gate = new Gate(concurrency)
    this.#random = random
  }

  /** Probes every server at once, as far as the concurrency allows, and goes on by interval. Called once. */
  start(backends: readonly CheckedBackend[]): void {
    for (const group of backends) {
      for (const server of group.backend.servers) {
        const watched: Watched = { group, server, health: checking, since: Date.now(), last: null }
        this.#watched.set(server.slot, watched)
        if (group.check === null) this.#enter(watched, up(0))
        else this.#loops.push(this.#loop(watched, group.check, group.probeFor(server)))
      }
    }
  }

  /** @param slot of a server that start() was given; others answer as never checked */
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

  /** Ends the checks under way, without a verdict, and makes no more. */
  async close(): Promise<void> {
    this.#end.abort()
    await Promise.all(this.#loops)
  }

  async #loop(watched: Watched, spec: CheckSpec, probe: Probe): Promise<void> {
    const { signal } = this.#end
    for (let checks = 1; !signal.aborted; checks++) {
      const start = performance.now()
      if (Atomics.load(this.#board.shared.server.admin, watched.server.slot) !== ADMIN_MAINT) {
        await this.#gate.run(() => this.#check(watched, spec, probe))
      }
      const wait = nextCheckAfter(watched.health, spec, checks, this.#random()) - (performance.now() - start)
      await sleep(Math.max(0, wait), signal)
    }
  }

  async #check(watched: Watched, spec: CheckSpec, probe: Probe): Promise<void> {
    const { signal } = this.#end
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

/** Resolves after `delay` milliseconds or when the signal is aborted. */
function sleep(delay: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, delay)
    signal.addEventListener('abort', done, { once: true })
    if (signal.aborted) done()
  })
}
