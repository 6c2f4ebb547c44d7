// The control plane of one process, from start to stop. In order: every bind is tried, the admin bind and the control
// socket open, the balancing is looked after, the health checks begin, the workers start. Whatever fails on the way undoes what was there before.
// Where options come from is cli/run.ts, what signals do is signals.ts.
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import type { FrontendSpec, Snapshot } from '../messages/snapshot.ts'
import type { Preparation, Prepared } from './prepare.ts'
import type { ProcessLog } from './log.ts'
import { allOrNothing, stays } from './reload/all-or-nothing.ts'
import { Installation } from './reload/install.ts'
import { ConfigReloader } from './reload/reloader.ts'
import type { Reloader } from './reload/types.ts'
import { watchConfig } from './reload/watch.ts'
import { ms, type Millis } from '../model/units.ts'
import { Baseline } from './admin/baseline.ts'
import { placeOf, probeBinds } from './binds.ts'
import { BalanceKeeper } from './balance/keeper.ts'
import { CertificateOffice } from './certificate-office.ts'
import { setUpBoard } from './board.ts'
import { DescriptorWatch } from './descriptors.ts'
import { HealthMonitor } from './health/monitor.ts'
import { Doors } from './lifecycle/doors.ts'
import type { InheritedSockets } from './lifecycle/inherited.ts'
import { becomeLameDuck } from './lifecycle/lame-duck.ts'
import { Recycler } from './lifecycle/recycle.ts'
import { Resizer } from './lifecycle/resize.ts'
import { heartbeats, type Supervision } from './lifecycle/systemd.ts'
import { serversAreKnown } from './lifecycle/servers-known.ts'
import { StateTaker } from './lifecycle/state-taker.ts'
import type { Takeover } from './lifecycle/takeover.ts'
import { ownCommand, Upgrade } from './lifecycle/upgrade.ts'
import { MemoryWatch } from './overload.ts'
import { askConnections, askFailures, askSockets, tellChallenges } from './runtime/ask-workers.ts'
import { driftOf } from './runtime/drift.ts'
import type { Journal } from './runtime/journal.ts'
import type { Operator } from './runtime/operator.ts'
import { RequestProblem } from './runtime/problem.ts'
import { Runtime } from './runtime/runtime.ts'
import { createSharedTables } from './shared-tables.ts'
import type { View } from './view.ts'
import { Workers } from './workers.ts'
import type { Ports } from './workers-types.ts'

/** Workers cut off at the shutdown timeout by themselves and write their logs out; this is the time they have for it. */
const grace = 500
/** Of the scoreboard, for a worker that takes the place of another while both run. */
const SPARE_ROWS = 1

export interface WeirOptions {
  readonly version: string
  /** It says how much room there is for what comes later. */
  readonly preparation: Preparation
  /** What it starts with. */
  readonly first: Prepared
  /** What the file says, of which `first` is made under the overrides of the journal. */
  readonly file: Config
  readonly journal: Journal
  /** Folder of the store of certificates; null: there is none. */
  readonly certificateStore?: string | null
  /** Of the configuration; null: there is none. */
  readonly path: string | null
  /** Reload when the file changes, whatever the file says. */
  readonly watch?: boolean
  readonly log: Logger
  /** What `log` writes to, for a reload that changes it; null: none does. */
  readonly processLog?: Pick<ProcessLog, 'prepare'> | null
  /** Listening sockets that this process was started with; null: it opens its own. */
  readonly sockets?: InheritedSockets | null
  /** Another Weir serves until this one does; null: there is none. */
  readonly takeover?: Takeover | null
  readonly supervision?: Supervision | null
  /** Another entry than src/worker.ts; for tests. */
  readonly entry?: URL
}

export interface Weir {
  readonly view: View
  readonly reloader: Reloader
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
  /** Starts the program anew and leaves the listening sockets to it; this one then ends. @throws Error with the reason why not */
  upgrade(who: string): Promise<{ readonly pid: number }>
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
  const { preparation, first, log, processLog = null, sockets = null } = options
  const { snapshot } = first
  let stopping: Promise<void> | null = null
  await using undo = new AsyncDisposableStack()
  const board = setUpBoard(snapshot, { ...preparation.shape, workers: preparation.shape.workers + SPARE_ROWS })
  const onTable = (backend: number, table: SharedArrayBuffer): void => workers.sendTable(backend, table)
  const { version, certificateStore: folder = null } = options
  const certificates = new CertificateOffice({
    version,
    config: first.config,
    folder,
    tell: (message) => workers.tell(message),
    tellChallenges: (challenges) => tellChallenges(workers.threads, challenges),
    board,
    snapshot: () => installation.snapshot,
    ports: () => workers.ports,
    log,
  })
  const keeper = new BalanceKeeper({ board, snapshot, onTable, log })
  const monitor = new HealthMonitor({ board, verdicts: keeper, log })
  const ended = Promise.withResolvers<number>()
  preparation.reuseRowsOf(board)
  preparation.installed(first)
  const { sources, shape } = preparation
  const memories = createSharedTables(snapshot, { workers: shape.workers + SPARE_ROWS, sources })
  const workers = new Workers({
    count: preparation.workersFor(first.config),
    board,
    snapshot,
    tables: () => keeper.tables,
    memories,
    tls: () => certificates.keeper.workerTls,
    log,
    onGiveUp: (error) => void giveUp(error),
    sockets,
    ...(options.entry === undefined ? {} : { entry: options.entry }),
  })
  const deadline = (): Millis => ms(view.snapshot.shutdownTimeout + grace)
  const recycler = new Recycler(workers, deadline, log)
  const resizer = new Resizer({ workers, deadline, exclusively: (task) => recycler.exclusively(task), log })
  const parts = { board, keeper, monitor, workers, resizer, memories, certificates: certificates.manager }
  const installation = new Installation(parts, first)
  const { live, vitals } = installation
  const install = async (next: Prepared): Promise<string | null> => {
    if (stopping !== null) return 'this process is about to end'
    const { global } = next.config
    const parts = [() => doors.prepare(global), async () => (await processLog?.prepare(global.log)) ?? stays]
    const problem = await allOrNothing(parts, () => installation.install(next))
    if (problem === null) {
      memory.follow(next.snapshot.overload)
      certificates.follow(next.config)
    }
    return problem
  }
  const { path, file, journal } = options
  const { overlay } = journal
  const onChange = (): void => runtime.settle()
  const reloader = new ConfigReloader({ path, first, file, overlay, onChange, preparation, install, live, vitals, log })
  const memory = new MemoryWatch({ board, overload: snapshot.overload, log })
  const view: View = {
    version: options.version,
    startedAt: Date.now(),
    get snapshot() {
      return installation.snapshot
    },
    board,
    workers: () => workers.status,
    ports: () => workers.ports,
    reloads: () => reloader.history,
    health: (slot) => monitor.of(slot),
    upkeep: () => certificates.upkeep.view,
    certificates: () => certificates.summary,
    drift: () => driftOf(journal, certificates.store.uses),
  }
  const kill = (worker: number): boolean => workers.kill(worker)
  const operator: Operator = {
    view,
    reloader,
    balance: keeper,
    sessions: () => memories.sessions,
    log,
    kill,
    recycle: (worker) => recycler.recycle(worker),
    checkNow: (slot) => monitor.checkNow(slot),
    connections: (match, close) => askConnections(workers.threads, match, close),
    failures: () => askFailures(workers.threads),
    certificates: certificates.manager,
    acme: certificates.acme && (() => certificates.acme!.statuses),
    upgrade: (who) =>
      upgrade.start(who).catch((error: Error) => {
        throw new RequestProblem(409, error.message)
      }),
  }
  const runtime = new Runtime(operator, journal)
  const baseline = new Baseline()
  runtime.settle()

  const { takeover = null, supervision = null } = options
  const doors = new Doors({ places: first.config.global, runtime, baseline, log })
  undo.defer(() => doors.close())
  const upgrade = new Upgrade({
    command: ownCommand(),
    sockets: async () => {
      const activated = sockets?.activated ?? {}
      const open = Object.entries(await askSockets(workers.threads)).filter(([bind]) => !(bind in activated))
      const spare = workers.spareSockets
      return {
        sockets: Object.fromEntries(open.map(([bind, fds]) => [bind, [...fds, ...(spare[bind] ?? [])]])),
        activated,
      }
    },
    state: {
      snapshot: () => installation.snapshot,
      sessions: () => memories.sessions,
      ticketKeys: () => certificates.ticketKeys.state,
    },
    giveUp: () => doors.close(),
    leave: (successor) => void (stopping ??= stop(successor)),
    log,
  })

  undo.defer(() => certificates.close())
  await certificates.open().catch((error: Error) => {
    throw new StartError([error.message])
  })
  const problems = await probeBinds(withoutInherited(snapshot, sockets))
  if (takeover === null) problems.push(...(await doors.open()))
  if (problems.length > 0) throw new StartError(problems)

  undo.defer(() => keeper.close())
  keeper.start()
  undo.defer(() => reloader.close())
  undo.defer(() => memory.close())
  memory.start()
  const descriptors = new DescriptorWatch({ connections: () => board.shared.process.connections[0]!, log })
  undo.defer(() => descriptors.close())
  descriptors.start()
  undo.defer(() => monitor.close())
  monitor.follow(first.checks)
  if (takeover !== null) {
    await serversAreKnown(board, snapshot)
    const { ticketKeys } = certificates
    const { sessions } = memories
    await takeover.inherit(new StateTaker({ snapshot: () => view.snapshot, sessions, ticketKeys, log }), log)
  }
  undo.defer(() => workers.terminate())
  const ports = await workers.start().catch((error: Error) => {
    throw new StartError([error.message])
  })
  await workers.adopt(sockets?.takeRest() ?? [])
  sockets?.retain(snapshot.frontends.flatMap(({ binds }) => binds.map(({ id }) => id)))
  await takeover?.ready()
  await certificates.start(takeover !== null)
  if (takeover !== null) for (const problem of await doors.open()) log.error(problem)
  logListening(log, snapshot, ports)
  doors.report()
  supervision?.watch(heartbeats(board, () => workers.status))
  if (options.path !== null && (options.watch === true || first.config.global.watch)) {
    undo.defer(watchConfig(options.path, () => void reloader.reload('a change of the file'), log))
  }
  const running = undo.move()

  /** Called only when all workers had been running: before that, start() is what fails. */
  async function giveUp(error: Error): Promise<void> {
    log.fatal(error.message)
    await running.disposeAsync()
    ended.resolve(1)
  }

  /** @param successor the process that serves from now on, so that no client needs to look elsewhere; null: there is none */
  async function stop(successor: number | null): Promise<void> {
    const { shutdownTimeout, lameDuck } = view.snapshot
    certificates.leave()
    const told = successor === null ? null : supervision?.handOver(successor)
    if (successor === null) {
      upgrade.abort()
      void supervision?.stopping('finishing what is under way')
      await becomeLameDuck(board, lameDuck, log)
    }
    const { connections } = board.shared.process
    log.info(
      { connections: connections[0] },
      `stopping: waiting up to ${shutdownTimeout} ms for ${connections[0]} connections`,
    )
    const cut = await workers.drain(ms(shutdownTimeout + grace), successor !== null)
    if (cut > 0)
      log.warn(
        { workers: cut },
        `connections of ${cut} ${cut === 1 ? 'worker' : 'workers'} had not finished in time and were cut off`,
      )
    await upgrade.close()
    await told // before we end, or our end would be that of the service
    await running.disposeAsync()
    ended.resolve(0)
  }

  return {
    view,
    reloader,
    balance: keeper,
    get adminPort() {
      return doors.admin?.port ?? null
    },
    get controlSocket() {
      return doors.control?.path ?? null
    },
    kill,
    reopen: () => workers.reopen(),
    upgrade: (who) => upgrade.start(who),
    stop: () => (stopping ??= stop(null)),
    ended: ended.promise,
  }
}

/** The binds that have to be free: all, but for those whose sockets are here already. */
const withoutInherited = ({ frontends }: Snapshot, sockets: InheritedSockets | null): FrontendSpec[] =>
  frontends.map((frontend) => ({ ...frontend, binds: frontend.binds.filter(({ id }) => sockets?.has(id) !== true) }))

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
