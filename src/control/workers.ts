// The workers, all together: started, told what changes, recycled, made more or fewer, drained and ended. The first one
// starts alone, because it finds out the ports of binds that leave the choice to the system; the others then listen on the same ones.
// What a worker does is src/worker.ts; the life of each thread, and who takes its place when it dies, is worker-threads.ts.
import type { Worker } from 'node:worker_threads'
import type { ToWorker, WorkerData } from '../messages/messages.ts'
import type { Snapshot } from '../messages/snapshot.ts'
import type { Millis } from '../model/units.ts'
import { goOver } from './go-over.ts'
import { copiesOf, SpareSockets, type Adopter } from './lifecycle/spare-sockets.ts'
import { askSockets } from './runtime/ask-workers.ts'
import { WorkerSlot as Slot } from './worker-slot.ts'
import { WorkerThreads } from './worker-threads.ts'
import type { Ports, TlsMessage, WorkersOptions, WorkerStatus } from './workers-types.ts'

export class Workers {
  readonly #options: WorkersOptions
  /** The workers, in the order of their first numbers. */
  readonly #slots: Slot[]
  /** Threads that are about to take the place of one of them, or that have lost it. */
  readonly #beside = new Set<Slot>()
  /** Rows of the scoreboard that no worker has. */
  readonly #freeRows: number[]
  /** The ends of workers that are about to go; each leaves a row free. */
  readonly #ends = new Set<Promise<void>>()
  readonly #spares = new SpareSockets()
  readonly #starter: WorkerThreads
  #started = false

  constructor(options: WorkersOptions) {
    this.#options = options
    this.#starter = new WorkerThreads(options, {
      onListening: (slot) => this.#introduce(slot),
      onLost: (error) => {
        if (this.#started) options.onGiveUp(error) // before that, start() throws it
      },
    })
    this.#slots = Array.from({ length: options.count }, (_, worker) => new Slot(worker, worker === 0))
    this.#freeRows = Array.from({ length: options.board.shape.workers - options.count }, (_, i) => options.count + i)
  }

  /**
   * Starts all workers.
   * @returns the real ports by bind id, when every worker listens
   * @throws Error when a bind cannot be had, or when a worker cannot be started however often it is tried
   */
  async start(): Promise<Ports> {
    const [first, ...others] = this.#slots
    this.#starter.spawn(first!, await this.#starter.inherited())
    await first!.started.promise
    for (const slot of others) this.#starter.spawn(slot, await this.#starter.inherited())
    await Promise.all(others.map((slot) => slot.started.promise))
    this.#started = true
    return this.#starter.ports
  }

  get status(): readonly WorkerStatus[] {
    return this.#slots.map(({ worker, state, since, restarts }) => ({ worker, state, since, restarts }))
  }

  /** Every worker takes connections. */
  get ready(): boolean {
    return this.#slots.every(({ state }) => state === 'listening')
  }

  /** Ends one thread as if it had crashed. @returns false when there is no such worker now */
  kill(worker: number): boolean {
    const thread = this.#slots.find((slot) => slot.worker === worker)?.thread
    if (!thread) return false
    void thread.terminate()
    return true
  }

  /** Gives all workers another table for the balancer of a backend; those that start later get it from the options. */
  sendTable(backend: number, table: SharedArrayBuffer): void {
    for (const { thread } of this.#all) post(thread, { type: 'table', backend, table })
  }

  /** For all that run; those that start later get what is valid then from the options. */
  tell(message: TlsMessage): void {
    for (const { thread } of this.#all) post(thread, message)
  }

  /**
   * Has every worker go over to another snapshot, the first one before the others, because it finds out new ports. Those
   * that start later begin with it.
   * @param unchanged slots of backends that are as they were
   * @returns null, or why a new bind can't be had: then all workers go by the snapshot of before
   */
  async apply(snapshot: Snapshot, unchanged: readonly number[]): Promise<string | null> {
    const before = this.#starter.snapshot
    this.#starter.snapshot = snapshot
    const [first, ...others] = this.#all
    const problem =
      (await this.#applyTo(first!, unchanged)) ??
      (await Promise.all(others.map((slot) => this.#applyTo(slot, unchanged)))).find((each) => each !== null) ??
      null
    if (problem === null) {
      const binds = snapshot.frontends.flatMap((frontend) => frontend.binds.map(({ id }) => id))
      this.#options.sockets?.retain(binds)
      this.#spares.retain(binds)
      this.#starter.ports = Object.fromEntries(
        binds.flatMap((id) => (id in this.#starter.ports ? [[id, this.#starter.ports[id]!]] : [])),
      )
      return null
    }
    this.#starter.snapshot = before
    await Promise.all(this.#all.map((slot) => this.#applyTo(slot, [])))
    return problem
  }

  async #applyTo({ thread, state }: Slot, unchanged: readonly number[]): Promise<string | null> {
    if (thread === null || state === 'draining' || state === 'ended') return null
    const { tables, memories } = this.#options
    const surroundings = { tables: tables(), sessions: memories.sessions, ports: this.#starter.ports }
    return goOver(thread, this.#starter.snapshot, unchanged, surroundings)
  }

  get ports(): Ports {
    return this.#starter.ports
  }

  /** It accepts from sockets that have no worker, too. */
  #introduce(slot: Slot): void {
    const introduced = this.#spares.introduce((message) => post(slot.thread, message))
    void introduced.catch((error: Error) => this.#options.log.error(error.message))
  }

  /** Those that run, to be asked something (runtime/ask-workers.ts). */
  get threads(): readonly { readonly worker: number; readonly thread: Worker }[] {
    return this.#all.flatMap(({ worker, thread }) => (thread === null ? [] : [{ worker, thread }]))
  }

  /** Has the access logs opened anew. */
  reopen(): void {
    for (const { thread } of this.#all) post(thread, { type: 'reopen' })
  }

  get #all(): readonly Slot[] {
    return [...this.#slots, ...this.#beside]
  }

  /** Listening sockets of one worker, by bind id. @throws Error when it does not run */
  async socketsOf(worker: number): Promise<Readonly<Record<string, number>>> {
    const found = await askSockets(this.threads.filter((each) => each.worker === worker))
    return Object.fromEntries(Object.entries(found).map(([bind, fds]) => [bind, fds[0]!]))
  }

  /**
   * Starts a worker in the place of another, on a row that is free; the other one then ends in order, and its row is free.
   * @param fds the new one's listening sockets, which it closes
   * @returns the new one's number
   * @throws Error when it cannot be started: nothing has changed then
   */
  async renew(worker: number, fds: NonNullable<WorkerData['fds']>, deadline: Millis): Promise<number> {
    const old = this.#slots.find((slot) => slot.worker === worker)
    if (old?.state !== 'listening' || this.#starter.stopping) throw new Error(`worker ${worker} does not run`)
    const fresh = await this.#begin(old.opensPaths, fds)
    fresh.restarts = old.restarts
    this.#slots[this.#slots.indexOf(old)] = fresh
    await this.#end(old, deadline)
    return fresh.worker
  }

  /**
   * One more, with the sockets of one that was there before, where there are some.
   * @returns its number
   * @throws Error when it cannot be started: nothing has changed then
   */
  async add(): Promise<number> {
    const set = this.#spares.take()
    const others = this.#adopters
    try {
      const fds = {
        ...(await this.#starter.inherited()),
        ...(set === null ? {} : await copiesOf(Object.fromEntries(set.fds))),
      }
      const fresh = await this.#begin(false, fds)
      this.#slots.push(fresh)
      if (set !== null) this.#spares.give(set, others)
      return fresh.worker
    } catch (error) {
      if (set !== null) await this.#spares.put(set, []) // the others accept from it still
      throw error
    }
  }

  /** One fewer. Resolves when the others accept from its sockets; it ends by and by, at the latest at the deadline. */
  async remove(worker: number, deadline: Millis): Promise<void> {
    const slot = this.#slots.find((each) => each.worker === worker)
    if (slot === undefined || slot.opensPaths || this.#starter.stopping)
      throw new Error(`worker ${worker} cannot be removed`)
    const sockets = slot.thread === null ? {} : await this.socketsOf(worker)
    const own = Object.entries(sockets).filter(([bind]) => this.#options.sockets?.isShared(bind) !== true)
    this.#slots.splice(this.#slots.indexOf(slot), 1)
    await this.#spares.keep(Object.fromEntries(own), this.#adopters)
    const end = this.#end(slot, deadline)
    this.#ends.add(end)
    void end.finally(() => this.#ends.delete(end))
  }

  /** All that serve, as those who accept from sockets that have no worker. */
  get #adopters(): readonly Adopter[] {
    return this.#slots.map((slot) => (message) => post(slot.thread, message))
  }

  /** Sockets that have no worker, by bind id. */
  get spareSockets(): SpareSockets['all'] {
    return this.#spares.all
  }

  /** Listening sockets that are this process's and no worker's, which all workers accept from now. */
  async adopt(sets: readonly Readonly<Record<string, number>>[]): Promise<void> {
    for (const fds of sets) await this.#spares.own(fds, this.#adopters)
  }

  /** Starts one beside the others. @returns when it serves @throws Error when it cannot be started: nothing has changed then */
  async #begin(opensPaths: boolean, fds: NonNullable<WorkerData['fds']>): Promise<Slot> {
    while (this.#freeRows.length === 0 && this.#ends.size > 0) await Promise.race(this.#ends)
    const row = this.#freeRows.shift()
    if (row === undefined) throw new Error('there is no room for one more worker')
    const fresh = new Slot(row, opensPaths)
    fresh.beside = true
    this.#beside.add(fresh)
    this.#starter.spawn(fresh, fds)
    try {
      await fresh.started.promise
    } catch (error) {
      await fresh.thread?.terminate()
      this.#freeRows.push(row)
      throw error
    } finally {
      this.#beside.delete(fresh)
    }
    fresh.beside = false
    return fresh
  }

  /** Ends one in order, whose sockets somebody else accepts from; its row is free then. */
  async #end(slot: Slot, deadline: Millis): Promise<void> {
    slot.beside = true
    this.#beside.add(slot)
    clearTimeout(slot.timer) // it may have died since
    await this.#drainThreads([slot], deadline, true)
    await slot.thread?.terminate()
    this.#beside.delete(slot)
    this.#freeRows.push(slot.worker)
  }

  /**
   * Has every worker stop accepting and finish what is under way, then ends it.
   * @param handedOver another process accepts from the same sockets
   * @returns how many had to be cut off at the deadline
   */
  async drain(deadline: Millis, handedOver = false): Promise<number> {
    this.#starter.stopping = true
    const cut = await this.#drainThreads(this.#all, deadline, handedOver)
    await this.terminate()
    return cut
  }

  /** @returns how many are not done at the deadline */
  async #drainThreads(slots: readonly Slot[], deadline: Millis, handedOver: boolean): Promise<number> {
    for (const slot of slots) {
      clearTimeout(slot.timer)
      slot.drained = Promise.withResolvers()
      if (slot.thread === null) slot.drained.resolve()
      else slot.enter('draining')
      post(slot.thread, { type: 'shutdown', handedOver })
    }
    let timer: NodeJS.Timeout | undefined
    const late = new Promise((resolve) => (timer = setTimeout(resolve, deadline)))
    await Promise.race([Promise.all(slots.map((slot) => slot.drained.promise)), late])
    clearTimeout(timer)
    return slots.filter(({ state }) => state === 'draining').length
  }

  /** Ends every thread now. */
  async terminate(): Promise<void> {
    this.#starter.stopping = true
    for (const { timer } of this.#all) clearTimeout(timer)
    await Promise.all(this.#all.map(async ({ thread }) => thread?.terminate()))
  }
}

const post = (thread: Worker | null, message: ToWorker): void => thread?.postMessage(message)
