// The threads of the workers, each for itself: what one is started with, what it says, and what is done when it dies, which is
// that another takes its place. Which there are, and what they all do together, is workers.ts; when a dead one is replaced is
// restart.ts.
import { Worker } from 'node:worker_threads'
import type { FromWorker, WorkerData } from '../messages/messages.ts'
import type { BindSpec, Snapshot } from '../messages/snapshot.ts'
import { ms } from '../model/units.ts'
import { KeyedTable } from '../scoreboard/keyed-table.ts'
import { wakeWaiting } from '../scoreboard/queue-board.ts'
import { releaseRow } from '../scoreboard/scoreboard.ts'
import { bindProblem } from './go-over.ts'
import { afterDeath } from './restart.ts'
import { claimSocketPath } from './unix-socket.ts'
import { errorWords, type WorkerSlot as Slot } from './worker-slot.ts'
import type { Ports, WorkersOptions } from './workers-types.ts'

/** In source it is worker.ts, in a build worker.js: the same extension as this file's. */
const defaultEntry = new URL(`../worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)

/** Whose threads they are. */
export interface ThreadsHost {
  /** It takes connections from now on. */
  onListening(slot: Slot): void
  /** It has died, and starting it once more does not help. */
  onLost(error: Error): void
}

export class WorkerThreads {
  readonly #options: WorkersOptions
  readonly #host: ThreadsHost
  /** What those begin with that start from now on. */
  snapshot: Snapshot
  /** Real ports by bind id, as far as they are known. */
  ports: Ports = {}
  /** Nobody takes the place of one that dies any more. */
  stopping = false

  constructor(options: WorkersOptions, host: ThreadsHost) {
    this.#options = options
    this.#host = host
    this.snapshot = options.snapshot
  }

  /** @param fds listening sockets that it has already */
  spawn(slot: Slot, fds: WorkerData['fds'] = {}): void {
    const { board, tables, memories, tls, entry = defaultEntry } = this.#options
    const workerData: WorkerData = {
      worker: slot.worker,
      scoreboard: board.memory,
      snapshot: this.snapshot,
      tables: tables(),
      ...memories,
      tls: tls(),
      ports: this.ports,
      fds,
      opensPaths: slot.opensPaths,
    }
    const thread = new Worker(entry, { workerData, name: `weir-worker-${slot.worker}` })
    slot.thread = thread
    slot.lastError = null
    slot.enter('starting')
    thread.on('message', (message: FromWorker) => this.#onMessage(slot, message))
    thread.on('error', (error) => (slot.lastError = errorWords(error)))
    thread.on('exit', (code) => this.#onExit(slot, code))
  }

  #onMessage(slot: Slot, message: FromWorker): void {
    switch (message.type) {
      case 'listening':
        this.ports = { ...this.ports, ...message.ports }
        if (this.stopping) return
        slot.enter('listening')
        slot.started.resolve()
        this.#host.onListening(slot)
        return
      case 'listen-failed':
        slot.lastError = bindProblem(this.snapshot, message)
        slot.started.reject(new Error(slot.lastError)) // only the first start gives up at once: later ones are retried
        void slot.thread?.terminate()
        return
      case 'applied':
        this.ports = { ...this.ports, ...message.ports }
        return
      case 'apply-failed':
        return // apply() waits for it
      case 'challenges':
      case 'connections':
      case 'failures':
      case 'sockets':
        return // whoever asked waits for it
      case 'drained':
        slot.enter('ended')
        slot.drained.resolve()
        return
      case 'log':
        this.#options.log[message.level]({ worker: slot.worker, ...message.fields }, message.message)
    }
  }

  #onExit(slot: Slot, code: number): void {
    const { log } = this.#options
    const listenedFor = slot.state === 'listening' ? ms(Date.now() - slot.since) : null
    slot.thread = null
    takeBack(slot.worker, this.#options)
    slot.drained.resolve()
    if (this.stopping || slot.beside) {
      slot.enter('ended')
      slot.started.reject(
        new Error(`worker ${slot.worker} cannot be started: ${slot.lastError ?? `exit code ${code}`}`),
      )
      return
    }
    const { record, delay } = afterDeath(slot.deaths, listenedFor)
    slot.deaths = record
    slot.enter('starting')
    const reason = slot.lastError ?? `exit code ${code}`
    if (delay === null) {
      this.#giveUp(slot, reason)
      return
    }
    slot.restarts++
    log.error(
      { worker: slot.worker, reason, listenedFor, delay },
      `worker ${slot.worker} died (${reason}); a new one takes its place`,
    )
    slot.timer = setTimeout(() => void this.#replace(slot), delay)
  }

  /** Listening sockets for one that starts now, which are there before it. */
  async inherited(): Promise<WorkerData['fds']> {
    return (await this.#options.sockets?.take()) ?? {}
  }

  async #replace(slot: Slot): Promise<void> {
    const { log } = this.#options
    const fds = await this.inherited().catch((error: Error) => {
      log.error(error.message)
      return undefined
    })
    if (slot.opensPaths) {
      for (const { path } of this.snapshot.frontends.flatMap(({ binds }): readonly BindSpec[] => binds)) {
        if (path !== null) await claimSocketPath(path).catch((error: Error) => log.error(error.message))
      }
    }
    if (!this.stopping) this.spawn(slot, fds)
  }

  #giveUp(slot: Slot, reason: string): void {
    const error = new Error(`worker ${slot.worker} cannot be started: ${reason}`)
    slot.enter('ended')
    slot.started.reject(error)
    this.#host.onLost(error)
  }
}

/** What a dead worker held is free again, and whoever waits for it is told. */
function takeBack(worker: number, { board, memories }: WorkersOptions): void {
  releaseRow(board, worker)
  new KeyedTable(memories.sources).release(worker)
  for (let backend = 0; backend < board.shape.backends; backend++) {
    if (Atomics.load(board.shared.backend.queued, backend) > 0) wakeWaiting(board, backend)
  }
}
