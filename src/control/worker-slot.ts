// One row of the scoreboard and the thread that has it now: what is known of it between its start and its end. What is
// done with it is workers.ts.
import type { Worker } from 'node:worker_threads'
import { noDeaths, type DeathRecord } from './restart.ts'

export type WorkerState = 'starting' | 'listening' | 'draining' | 'ended'

/** One row of the scoreboard and the thread that has it now. */
export class WorkerSlot {
  readonly worker: number
  /** It is the one that opens unix sockets. */
  readonly opensPaths: boolean
  /** Nobody takes its place when it ends: it is another's place already, or not its own yet. */
  beside = false
  thread: Worker | null = null
  state: WorkerState = 'starting'
  since = Date.now()
  restarts = 0
  deaths: DeathRecord = noDeaths
  lastError: string | null = null
  timer: NodeJS.Timeout | undefined
  /** Settled when it listens for the first time, or never will. */
  readonly started = Promise.withResolvers<void>()
  /** Resolved when it has drained, or died while it should; made anew for each drain, for a replaced worker has not drained. */
  drained = Promise.withResolvers<void>()

  constructor(worker: number, opensPaths: boolean) {
    this.worker = worker
    this.opensPaths = opensPaths
    this.started.promise.catch(() => {}) // whoever waits for it sees the rejection; nobody may be waiting
  }

  enter(state: WorkerState): void {
    this.state = state
    this.since = Date.now()
  }
}

/** Errors of a thread arrive as copies; the place in the code is what helps. */
export function errorWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const place = error.stack?.split('\n').find((line) => line.trimStart().startsWith('at '))
  return place === undefined ? error.message : `${error.message} ${place.trim()}`
}
