// The data plane of one worker thread: builds backends and listeners from the snapshot, goes over to another one while they
// serve, and ends them without loss.
import { randomInt } from 'node:crypto'
import { closeSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { createDice } from '../balance/dice.ts'
import type { AccessLogSpec, BackendSpec, BindSpec, FrontendSpec, Snapshot } from '../messages/snapshot.ts'
import type { WorkerContext } from './context.ts'
import type { Log } from './log.ts'
import { HttpFrontend, type CompiledBackends } from './http1/frontend.ts'
import { compileRequestKey } from './http1/request-key.ts'
import { Clock } from './io/clock.ts'
import { Admission } from './listener/admission.ts'
import { Listener } from './listener/listener.ts'
import type { Served } from './listener/served.ts'
import { oncePerBackend } from './once-per-backend.ts'
import { createSessions } from './persistence/sessions.ts'
import { Backend } from './upstream/backend.ts'
import { microsOf } from '../scoreboard/clock.ts'
import { listenForWakes } from '../scoreboard/queue-board.ts'
import { openScoreboard } from '../scoreboard/scoreboard.ts'
import type { ToWorker, WorkerData } from '../messages/messages.ts'
import { AccessLog } from './access-log/access-log.ts'
import { findConnections } from './listener/open-connections.ts'
import { Overload } from './overload.ts'
import { TlsState } from './tls/tls-state.ts'
import { RecentFailures } from './recent-failures.ts'

/** For how long requests wait while backends go over to another configuration, in ms. */
const MOST_AT_ONCE = 5

/** A configuration that takes the place of the one that runs. */
type Applied = Extract<ToWorker, { type: 'apply' }>

export class DataPlane {
  readonly #context: WorkerContext
  readonly #admission: Admission
  readonly #clock: Clock
  #snapshot: Snapshot
  /** In the order of the snapshot: routes refer to them by index. */
  #backends: readonly Backend[]
  /** By bind id. */
  #listeners: ReadonlyMap<string, Listener>
  readonly #compiled: CompiledBackends
  /** Of binds that are gone: their connections end in order. */
  readonly #leaving = new Set<Listener>()
  /** Listening sockets that were there before this worker, by bind id. */
  readonly #fds: NonNullable<WorkerData['fds']>
  readonly #opensPaths: boolean
  /** By slot. */
  readonly #staged = new Map<number, BackendSpec>()

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
      failures: new RecentFailures(),
      tls: new TlsState(data.tls, log),
      accessLog: snapshot.accessLog === null ? null : openLog(snapshot.accessLog, log),
      draining: false,
      log,
    }
    this.#snapshot = snapshot
    this.#fds = data.fds ?? {}
    this.#opensPaths = data.opensPaths ?? worker === 0
    this.#backends = backendsOf(snapshot, data.tables, new Map(), this.#context)
    this.#admission = new Admission(this.#context, snapshot, data.sources)
    this.#compiled = {
      keyOf: oncePerBackend(({ balance }) => compileRequestKey(balance, dice)),
      sessionsOf: oncePerBackend((spec) => createSessions(spec, this.#context.sessions[spec.slot] ?? null)),
    }
    const listeners = [...this.#servedBy(snapshot.frontends, this.#backends)].map(
      ([id, served]) => [id, new Listener(served, this.#context, this.#admission)] as const,
    )
    this.#listeners = new Map(listeners)
  }

  /**
   * Opens all binds.
   * @param ports real ports of binds with port 0, as the first worker got them
   * @returns the ports by bind id
   * @throws ListenError
   */
  async listen(ports: Readonly<Record<string, number>>): Promise<Record<string, number>> {
    const found = await this.#open(this.#listeners.values(), ports)
    listenForWakes(this.#context.board, this.#context.worker, () => this.#serveQueues())
    this.#clock.everyTick(() => this.#tick())
    this.#clock.start()
    return found
  }

  /** @throws ListenError */
  async #open(listeners: Iterable<Listener>, ports: Readonly<Record<string, number>>): Promise<Record<string, number>> {
    const found: Record<string, number> = {}
    for (const listener of listeners) {
      const { id, port, path } = listener.bind
      const fd = this.#fds[id]
      if (path !== null && !this.#opensPaths && fd === undefined) continue
      try {
        found[id] = await listener.listen(ports[id] ?? port, fd)
      } catch (error) {
        throw new ListenError(id, error as NodeJS.ErrnoException)
      }
    }
    return found
  }

  /** Backends that the configuration which comes next names by their slots. */
  stage(backends: readonly BackendSpec[]): void {
    for (const backend of backends) this.#staged.set(backend.slot, backend)
  }

  get staged(): Iterable<BackendSpec> {
    return this.#staged.values()
  }

  /**
   * Goes over to another configuration. What exists in both stays as it is: listeners, backends, servers with their
   * connections, those who wait. First the new binds are opened, which may fail; then backends follow one after the other, and
   * in one turn the frontends.
   * @returns the ports of the new binds by bind id
   * @throws ListenError when a new bind can't be had: nothing has changed then
   */
  async apply({ snapshot: changed, tables, sessions, ports }: Applied): Promise<Record<string, number>> {
    const context = this.#context
    context.sessions = sessions
    const known = new Map(this.#backends.map((backend) => [backend.spec.slot, backend]))
    const specOf = (slot: number): BackendSpec => this.#staged.get(slot) ?? known.get(slot)!.spec
    const specs = changed.backends.map((each) => (typeof each === 'number' ? specOf(each) : each))
    this.#staged.clear()
    const snapshot: Snapshot = { ...changed, backends: specs }
    const backends = backendsOf(snapshot, tables, known, context)
    context.overload.follow(snapshot.overload) // gates are compiled by it
    const isNew = (bind: BindSpec): boolean => !this.#listeners.has(bind.id)
    const withNewBinds = snapshot.frontends.filter(({ binds }) => binds.some(isNew))
    const fresh = new Map<string, Listener>()
    for (const [id, served] of this.#servedBy(withNewBinds, backends)) {
      if (!this.#listeners.has(id)) fresh.set(id, new Listener(served, context, this.#admission))
    }
    const found = await this.#open(fresh.values(), ports).catch((error: unknown) => {
      context.overload.follow(this.#snapshot.overload)
      for (const listener of fresh.values()) this.#dismiss(listener)
      throw error
    })

    let since = performance.now()
    for (const [i, spec] of specs.entries()) {
      const backend = backends[i]!
      if (backend.spec !== spec && backend === known.get(spec.slot)) backend.follow(spec, tables[spec.slot] ?? null)
      if (performance.now() - since < MOST_AT_ONCE) continue
      await setImmediate()
      since = performance.now()
    }
    const kept = new Set(backends)
    for (const backend of this.#backends) if (!kept.has(backend)) backend.close()
    pairUp(backends)
    this.#followGlobals(snapshot)
    const listeners = new Map<string, Listener>()
    for (const [id, served] of this.#servedBy(snapshot.frontends, backends)) {
      const listener = fresh.get(id) ?? this.#listeners.get(id)!
      listener.follow(served)
      listeners.set(id, listener)
    }
    for (const [id, listener] of this.#listeners) if (!listeners.has(id)) this.#dismiss(listener)
    this.#backends = backends
    this.#listeners = listeners
    this.#snapshot = snapshot
    if (context.draining) for (const listener of fresh.values()) listener.drain() // the end came meanwhile
    return found
  }

  /** What every bind serves, by its id. */
  #servedBy(frontends: readonly FrontendSpec[], backends: readonly Backend[]): ReadonlyMap<string, Served> {
    const served = new Map<string, Served>()
    for (const frontend of frontends) {
      const http = new Map<number, HttpFrontend>()
      for (const bind of frontend.binds) {
        const own = bind.backend < 0 ? frontend : { ...frontend, backend: bind.backend }
        if (frontend.mode === 'http' && !http.has(own.backend)) {
          http.set(own.backend, new HttpFrontend(own, backends, this.#context, this.#compiled))
        }
        served.set(bind.id, {
          bind,
          frontend: own,
          http: http.get(own.backend) ?? null,
          backend: backends[own.backend] ?? null,
          passthrough: bind.tls === null ? [] : bind.tls.passthrough.map((rule) => backends[rule.backend]!),
        })
      }
    }
    return served
  }

  /** What is not of a frontend or a backend. */
  #followGlobals({ maxConnections, accessLog }: Snapshot): void {
    const context = this.#context
    this.#admission.follow(maxConnections)
    if (isDeepStrictEqual(accessLog, this.#snapshot.accessLog)) return
    void context.accessLog?.close()
    context.accessLog = accessLog === null ? null : openLog(accessLog, context.log)
  }

  /** The bind is gone: it takes no connection any more, and those that it has get as long as for a stop. */
  #dismiss(listener: Listener): void {
    this.#leaving.add(listener)
    const over = (): void => {
      if (listener.isOver) this.#leaving.delete(listener)
    }
    listener.onEmpty = over
    listener.drain()
    over()
    setTimeout(() => listener.cutOff(), this.#snapshot.shutdownTimeout).unref()
  }

  /** Another worker has freed a place that may be ours. */
  #serveQueues(): void {
    for (const { queue } of this.#backends) queue?.serveSoon()
  }

  #tick(): void {
    const now = performance.now()
    const micros = microsOf(now)
    this.#context.overload.tick(now)
    this.#context.row.marks.process.beat[0]!++
    for (const backend of this.#backends) {
      backend.sweep(now)
      backend.tick(micros)
    }
    this.#context.accessLog?.flush()
  }

  /** Accepts from these sockets too, by bind id, besides from its own. */
  adopt(id: number, fds: Readonly<Record<string, number>>): void {
    for (const [bind, fd] of Object.entries(fds)) {
      const listener = this.#listeners.get(bind)
      if (listener === undefined || this.#context.draining) closeSync(fd)
      else listener.adopt(id, fd)
    }
  }

  release(id: number): void {
    for (const listener of this.#listeners.values()) listener.release(id)
  }

  /** Descriptors of the listening sockets by bind id, for whoever is to accept from them too. */
  get sockets(): Record<string, number> {
    return Object.fromEntries([...this.#listeners].flatMap(([id, { fd }]) => (fd < 0 ? [] : [[id, fd] as const])))
  }

  /**
   * Accepts nothing more and waits for what is under way, but no longer than the shutdown timeout.
   * @param handedOver somebody else accepts from the same listening sockets
   */
  drain(handedOver = false): Promise<void> {
    this.#context.draining = true
    const listeners = [...this.#listeners.values(), ...this.#leaving]
    setTimeout(() => listeners.forEach((listener) => listener.cutOff()), this.#snapshot.shutdownTimeout).unref()
    return new Promise((resolve) => {
      const check = (): void => {
        if (listeners.some((listener) => !listener.isOver)) return
        resolve(this.#close())
      }
      for (const listener of listeners) {
        listener.onEmpty = check
        listener.drain(handedOver)
      }
      check()
    })
  }

  /** The table that a balancer goes by from now on. @param backend its slot */
  setTable(backend: number, table: SharedArrayBuffer): void {
    this.#backends.find(({ spec }) => spec.slot === backend)?.setTable(table)
  }

  /** Certificates, challenges and keys of tickets, which binds go by from now on. */
  get tls(): TlsState {
    return this.#context.tls
  }

  /** For whoever looks on: what has failed last. */
  get failures(): RecentFailures['list'] {
    return this.#context.failures.list
  }

  /** The connections that match, or the end of them. */
  connections({ match, close }: Extract<ToWorker, { type: 'connections' }>): ReturnType<typeof findConnections> {
    return findConnections([...this.#listeners.values(), ...this.#leaving], match, close)
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

/** Every backend of the snapshot: those that are known (by slot), as long as they speak the same, and new ones. */
function backendsOf(
  snapshot: Snapshot,
  tables: WorkerData['tables'],
  known: ReadonlyMap<number, Backend>,
  context: WorkerContext,
): readonly Backend[] {
  const backends = snapshot.backends.map((spec) => {
    const one = known.get(spec.slot)
    return one?.spec.mode === spec.mode ? one : new Backend(spec, tables[spec.slot] ?? null, context)
  })
  if (known.size === 0) pairUp(backends)
  return backends
}

/** Which backends stand in for which when their circuit breaker is open. */
function pairUp(backends: readonly Backend[]): void {
  for (const backend of backends) backend.fallback = backends[backend.spec.breaker?.fallback ?? -1] ?? null
}
