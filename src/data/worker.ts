// The data plane of one worker thread: builds backends and listeners from the snapshot, and ends them without loss.
import { randomInt } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { createDice } from '../balance/dice.ts'
import type { AccessLogSpec, Snapshot } from '../messages/snapshot.ts'
import type { Millis } from '../model/units.ts'
import type { WorkerContext } from './context.ts'
import { HttpFrontend } from './http1/frontend.ts'
import { Clock } from './io/clock.ts'
import { Listener } from './listener/listener.ts'
import { Backend } from './upstream/backend.ts'
import { microsOf } from '../scoreboard/clock.ts'
import { openScoreboard } from '../scoreboard/scoreboard.ts'
import type { WorkerData } from '../messages/messages.ts'
import { AccessLog } from './access-log/access-log.ts'

export class DataPlane {
  readonly #context: WorkerContext
  readonly #backends: readonly Backend[]
  readonly #listeners: readonly Listener[]
  readonly #clock: Clock
  readonly #shutdownTimeout: Millis

  constructor(data: WorkerData, log: WorkerContext['log']) {
    const { worker, snapshot } = data
    const board = openScoreboard(data.scoreboard)
    this.#clock = new Clock(performance.now())
    this.#context = {
      worker,
      board,
      row: board.rows[worker]!,
      clock: this.#clock,
      dice: createDice(randomInt(2 ** 31)), // of its own: workers and machines that roll alike would herd
      accessLog: snapshot.accessLog === null ? null : openLog(snapshot.accessLog, log),
      draining: false,
      log,
    }
    this.#shutdownTimeout = snapshot.shutdownTimeout
    this.#backends = snapshot.backends.map(
      (backend) => new Backend(backend, data.tables[backend.slot] ?? null, this.#context),
    )
    this.#listeners = listenersOf(snapshot, this.#backends, this.#context)
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
    this.#clock.everyTick(() => this.#tick())
    this.#clock.start()
    return found
  }

  #tick(): void {
    const now = performance.now()
    const micros = microsOf(now)
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
function openLog(spec: AccessLogSpec, log: WorkerContext['log']): AccessLog | null {
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

function listenersOf(snapshot: Snapshot, backends: readonly Backend[], context: WorkerContext): Listener[] {
  return snapshot.frontends.flatMap((frontend) => {
    const http = frontend.mode === 'http' ? new HttpFrontend(frontend, backends, context) : null
    return frontend.binds.map((bind) => new Listener(bind, frontend, http, backends, context, snapshot.maxConnections))
  })
}
