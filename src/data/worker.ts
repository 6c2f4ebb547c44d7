// The data plane of one worker thread: builds backends and listeners from the snapshot, and ends them without loss.
import { randomInt } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { createDice } from '../balance/dice.ts'
import type { AccessLogSpec, BackendSpec, Snapshot } from '../messages/snapshot.ts'
import type { Millis } from '../model/units.ts'
import type { WorkerContext } from './context.ts'
import type { Log } from './log.ts'
import { HttpFrontend } from './http1/frontend.ts'
import { Clock } from './io/clock.ts'
import { Admission } from './listener/admission.ts'
import { Listener } from './listener/listener.ts'
import { createSessions } from './persistence/sessions.ts'
import { Backend } from './upstream/backend.ts'
import { microsOf } from '../scoreboard/clock.ts'
import { listenForWakes } from '../scoreboard/queue-board.ts'
import { openScoreboard } from '../scoreboard/scoreboard.ts'
import type { WorkerData } from '../messages/messages.ts'
import { AccessLog } from './access-log/access-log.ts'
import { Overload } from './overload.ts'

export class DataPlane {
  readonly #context: WorkerContext
  readonly #backends: readonly Backend[]
  readonly #listeners: readonly Listener[]
  readonly #clock: Clock
  readonly #shutdownTimeout: Millis

  constructor(data: WorkerData, log: Log) {
    const { worker, snapshot } = data
    const board = openScoreboard(data.scoreboard)
    this.#clock = new Clock(performance.now())
    const row = board.rows[worker]!
    const dice = createDice(randomInt(2 ** 31)) // of its own: workers and machines that roll alike would herd
    this.#context = {
      worker,
      board,
      row,
      clock: this.#clock,
      dice,
      overload: new Overload(snapshot.overload, board, row, dice, log),
      sessions: data.sessions,
      accessLog: snapshot.accessLog === null ? null : openLog(snapshot.accessLog, log),
      draining: false,
      log,
    }
    this.#shutdownTimeout = snapshot.shutdownTimeout
    this.#backends = backendsOf(data, this.#context)
    const admission = new Admission(this.#context, snapshot.maxConnections, data.sources)
    this.#listeners = listenersOf(snapshot, this.#backends, admission, this.#context)
  }

  /**
   * Opens all binds.
   * @param ports real ports of binds with port 0, as the first worker got them
   * @returns the ports by bind id
   * @throws ListenError
   */
  async listen(ports: Readonly<Record<string, number>>): Promise<Record<string, number>> {
    const found: Record<string, number> = {}
    for (const listener of this.#listeners) {
      const { id, port, path } = listener.bind
      if (path !== null && this.#context.worker !== 0) continue
      try {
        found[id] = await listener.listen(ports[id] ?? port)
      } catch (error) {
        throw new ListenError(id, error as NodeJS.ErrnoException)
      }
    }
    listenForWakes(this.#context.board, this.#context.worker, () => this.#serveQueues())
    this.#clock.everyTick(() => this.#tick())
    this.#clock.start()
    return found
  }

  /** Another worker has freed a place that may be ours. */
  #serveQueues(): void {
    for (const { queue } of this.#backends) queue?.serveSoon()
  }

  #tick(): void {
    const now = performance.now()
    const micros = microsOf(now)
    this.#context.overload.tick(now)
    for (const backend of this.#backends) {
      backend.sweep(now)
      backend.tick(micros)
    }
    this.#context.accessLog?.flush()
  }

  /** Accepts nothing more and waits for what is under way, but no longer than the shutdown timeout. */
  drain(): Promise<void> {
    this.#context.draining = true
    setTimeout(() => this.#listeners.forEach((listener) => listener.cutOff()), this.#shutdownTimeout).unref()
    return new Promise((resolve) => {
      const check = (): void => {
        if (this.#listeners.some((listener) => listener.connections > 0)) return
        resolve(this.#close())
      }
      for (const listener of this.#listeners) {
        listener.onEmpty = check
        listener.drain()
      }
      check()
    })
  }

  /** The table that a balancer goes by from now on. @param backend its slot */
  setTable(backend: number, table: SharedArrayBuffer): void {
    this.#backends.find(({ spec }) => spec.slot === backend)?.setTable(table)
  }

  reopenLog(): void {
    this.#context.accessLog?.reopen()
  }

  async #close(): Promise<void> {
    for (const backend of this.#backends) backend.close()
    this.#clock.stop()
    await this.#context.accessLog?.close()
  }
}

/** Traffic matters more than its log: a file that can't be opened is reported, and nothing is logged. */
function openLog(spec: AccessLogSpec, log: Log): AccessLog | null {
  try {
    return new AccessLog(spec, (message, fields) => log('warn', message, fields))
  } catch (error) {
    log('error', 'Cannot open the access log', { target: spec.target, error: (error as Error).message })
    return null
  }
}

/** A bind that could not be opened. */
export class ListenError extends Error {
  readonly bind: string
  readonly code: string
  constructor(bind: string, cause: NodeJS.ErrnoException) {
    super(cause.message, { cause })
    this.bind = bind
    this.code = cause.code ?? 'UNKNOWN'
  }
}

/** Every backend, with those that stand in for others when their circuit breaker is open. */
function backendsOf({ snapshot, tables }: WorkerData, context: WorkerContext): Backend[] {
  const backends = snapshot.backends.map((spec) => new Backend(spec, tables[spec.slot] ?? null, context))
  for (const backend of backends) backend.fallback = backends[backend.spec.breaker?.fallback ?? -1] ?? null
  return backends
}

function listenersOf(
  snapshot: Snapshot,
  backends: readonly Backend[],
  admission: Admission,
  context: WorkerContext,
): Listener[] {
  const sessionsOf = (spec: BackendSpec) => createSessions(spec, context.sessions[spec.slot] ?? null)
  return snapshot.frontends.flatMap((frontend) => {
    const http = frontend.mode === 'http' ? new HttpFrontend(frontend, backends, context, sessionsOf) : null
    return frontend.binds.map((bind) => new Listener(bind, frontend, http, backends, context, admission))
  })
}
