// The control plane of one process, from start to stop. In order: every bind is tried, the admin bind and the control
// socket open, the balancing is looked after, the health checks begin, the workers start. Whatever fails on the way undoes what was there before.
// Where options come from is cli/run.ts, what signals do is signals.ts.
import type { Logger } from 'pino'
import type { AdminAddress } from '../config/config.ts'
import type { Snapshot } from '../messages/snapshot.ts'
import { ms } from '../model/units.ts'
import type { Shape } from '../scoreboard/layout.ts'
import { openAdminBind } from './admin/admin-bind.ts'
import { openControlSocket } from './admin/control-socket.ts'
import { placeOf, probeBinds } from './binds.ts'
import { BalanceKeeper } from './balance/keeper.ts'
import { setUpBoard } from './board.ts'
import { DescriptorWatch } from './descriptors.ts'
import { HealthMonitor, type CheckedBackend } from './health/monitor.ts'
import { MemoryWatch } from './overload.ts'
import { createSharedTables } from './shared-tables.ts'
import type { View } from './view.ts'
import { Workers, type Ports } from './workers.ts'

/** Workers cut off at the shutdown timeout by themselves and write their logs out; this is the time they have for it. */
const grace = 500

export interface WeirOptions {
  readonly version: string
  /** Its number of workers is how many are started. */
  readonly shape: Shape
  /** Sources of clients that are remembered at a time. */
  readonly sources: number
  readonly snapshot: Snapshot
  readonly checks: readonly CheckedBackend[]
  readonly admin: AdminAddress | null
  /** Absolute path, 'auto', or null. */
  readonly controlSocket: string | null
  readonly log: Logger
  /** Another entry than src/worker.ts; for tests. */
  readonly entry?: URL
}

export interface Weir {
  readonly view: View
  /** For what an operator changes while it runs: weights and admin states. */
  readonly balance: Pick<BalanceKeeper, 'setWeight' | 'setAdmin'>
  /** Of the admin bind; null when there is none. */
  readonly adminPort: number | null
  /** Path of the control socket; null when there is none. */
  readonly controlSocket: string | null
  /** Ends a worker as a crash would. */
  kill(worker: number): boolean
  /** Opens the workers' logs anew. */
  reopen(): void
  /** Drains and ends everything; the same promise however often it is called. */
  stop(): Promise<void>
  /** Resolves with the exit code when everything has ended: 0 after stop(), 1 when there is no way to go on. */
  readonly ended: Promise<number>
}

/** What kept Weir from starting, one sentence each. */
export class StartError extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/** @throws StartError after undoing what had been started */
export async function startWeir(options: WeirOptions): Promise<Weir> {
  const { snapshot, log } = options
  await using undo = new AsyncDisposableStack()
  const board = setUpBoard(snapshot, options.shape)
  const onTable = (backend: number, table: SharedArrayBuffer): void => workers.sendTable(backend, table)
  const keeper = new BalanceKeeper({ board, snapshot, onTable, log })
  const monitor = new HealthMonitor({ board, verdicts: keeper, log })
  const ended = Promise.withResolvers<number>()
  const workers = new Workers({
    count: options.shape.workers,
    board,
    snapshot,
    tables: () => keeper.tables,
    memories: createSharedTables(snapshot, { workers: options.shape.workers, sources: options.sources }),
    log,
    onGiveUp: (error) => void giveUp(error),
    ...(options.entry === undefined ? {} : { entry: options.entry }),
  })
  let ports: Ports = {}
  const view: View = {
    version: options.version,
    startedAt: Date.now(),
    snapshot,
    board,
    workers: () => workers.status,
    ports: () => ports,
    health: (slot) => monitor.of(slot),
  }
  const kill = (worker: number): boolean => workers.kill(worker)

  const problems = await probeBinds(snapshot.frontends)
  const admin = await openAdmin(options, problems, view)
  if (admin) undo.defer(() => admin.close())
  const socket = await openSocket(options, problems, view, kill)
  if (socket) undo.defer(() => socket.close())
  if (problems.length > 0) throw new StartError(problems)

  undo.defer(() => keeper.close())
  keeper.start()
  const memory = new MemoryWatch({ board, overload: snapshot.overload, log })
  undo.defer(() => memory.close())
  memory.start()
  const descriptors = new DescriptorWatch({ connections: () => board.shared.process.connections[0]!, log })
  undo.defer(() => descriptors.close())
  descriptors.start()
  undo.defer(() => monitor.close())
  monitor.start(options.checks)
  undo.defer(() => workers.terminate())
  ports = await workers.start().catch((error: Error) => {
    throw new StartError([error.message])
  })
  logListening(log, snapshot, ports)
  if (admin)
    log.info({ port: admin.port }, `admin on ${placeOf({ host: options.admin!.host, port: admin.port, path: null })}`)
  if (socket) log.info({ path: socket.path }, `control socket ${socket.path}`)
  const running = undo.move()

  /** Called only when all workers had been running: before that, start() is what fails. */
  async function giveUp(error: Error): Promise<void> {
    log.fatal(error.message)
    await running.disposeAsync()
    ended.resolve(1)
  }

  async function stop(): Promise<void> {
    Atomics.store(board.shared.process.draining, 0, 1)
    const { connections } = board.shared.process
    log.info(
      { connections: connections[0] },
      `stopping: waiting up to ${snapshot.shutdownTimeout} ms for ${connections[0]} connections`,
    )
    const cut = await workers.drain(ms(snapshot.shutdownTimeout + grace))
    if (cut > 0)
      log.warn(
        { workers: cut },
        `connections of ${cut} ${cut === 1 ? 'worker' : 'workers'} had not finished in time and were cut off`,
      )
    await running.disposeAsync()
    ended.resolve(0)
  }

  let stopping: Promise<void> | null = null
  return {
    view,
    balance: keeper,
    adminPort: admin?.port ?? null,
    controlSocket: socket?.path ?? null,
    kill,
    reopen: () => workers.reopen(),
    stop: () => (stopping ??= stop()),
    ended: ended.promise,
  }
}

/** Runs one step of the start; an error becomes one of the problems. */
async function attempt<T>(problems: string[], open: () => Promise<T> | null): Promise<T | null> {
  try {
    return await open()
  } catch (error) {
    problems.push((error as Error).message)
    return null
  }
}

/** What was asked for must be there; what is there by default may be missing, for a second Weir on the machine. */
async function openAdmin({ admin, log }: WeirOptions, problems: string[], view: View) {
  if (admin === null) return null
  const found: string[] = []
  const bind = await attempt(found, () => openAdminBind(admin, view))
  if (!admin.byDefault) problems.push(...found)
  else for (const problem of found) log.warn(`${problem}; there will be no metrics (see global.admin)`)
  return bind
}

async function openSocket(
  { controlSocket, log }: WeirOptions,
  problems: string[],
  view: View,
  kill: (worker: number) => boolean,
) {
  if (controlSocket === null) return null
  const found: string[] = []
  const socket = await attempt(found, () => openControlSocket(controlSocket, view, kill))
  if (controlSocket !== 'auto') problems.push(...found)
  else for (const problem of found) log.warn(`${problem}; weir status will not work (see global.control_socket)`)
  return socket
}

function logListening(log: Logger, snapshot: Snapshot, ports: Ports): void {
  for (const { name, mode, binds } of snapshot.frontends) {
    for (const bind of binds) {
      const address = placeOf({ ...bind, port: ports[bind.id] ?? bind.port })
      const tls = bind.tls !== null
      log.info(
        { frontend: name, bind: bind.id, address, port: ports[bind.id] ?? bind.port, mode, tls },
        `listening on ${address} (frontend ${name}, ${mode}${tls ? ' over TLS' : ''})`,
      )
    }
  }
}
