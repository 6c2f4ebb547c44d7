// What the workers are given and what is told of them. Types only.
import type { Logger } from 'pino'
import type { ToWorker, WorkerData } from '../messages/messages.ts'
import type { Snapshot } from '../messages/snapshot.ts'
import type { Scoreboard } from '../scoreboard/scoreboard.ts'
import type { SocketSource } from './lifecycle/inherited.ts'
import type { WorkerState } from './worker-slot.ts'

/** What changes of TLS while nothing else does. */
export type TlsMessage = Extract<ToWorker, { type: 'certificates' | 'ticket-keys' }>

export type Ports = Readonly<Record<string, number>>

export interface WorkerStatus {
  readonly worker: number
  readonly state: WorkerState
  /** Since when, in milliseconds since the epoch. */
  readonly since: number
  /** How often it was replaced. */
  readonly restarts: number
}

export interface WorkersOptions {
  readonly count: number
  readonly board: Scoreboard
  readonly snapshot: Snapshot
  /** Of the balancers, by backend slot, as a worker needs them that starts now. */
  readonly tables: () => WorkerData['tables']
  /** Shared tables that live as long as the process. */
  readonly memories: Pick<WorkerData, 'sources' | 'sessions'>
  /** Certificates and what goes with them, as a worker needs them that starts now. */
  readonly tls: () => WorkerData['tls']
  readonly log: Logger
  /** A worker could not be replaced after all had started; the process is of no more use. */
  readonly onGiveUp: (error: Error) => void
  /** Listening sockets that were there before the workers; null: there are none. */
  readonly sockets?: SocketSource | null
  readonly entry?: URL
}
