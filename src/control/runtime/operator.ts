// What an operator can have done to a running Weir, as the supervisor offers it: the ground that runtime.ts stands on. Types
// only. What a process cannot do is null, and asking for it is answered with 501.
import type { Logger } from 'pino'
import type { ConnectionMatch, FailureInfo } from '../../messages/messages.ts'
import type { BalanceKeeper } from '../balance/keeper.ts'
import type { CertificateManager } from '../certificates/manager.ts'
import type { AcmeStatus } from '../certificates/types.ts'
import type { ServerHealth } from '../health/monitor.ts'
import type { Reloader } from '../reload/types.ts'
import type { View } from '../view.ts'
import type { ConnectionsFound } from './ask-workers.ts'

export interface Operator {
  /** Its snapshot is the one that runs now, at every look. */
  readonly view: View
  readonly reloader: Reloader
  readonly balance: Pick<BalanceKeeper, 'setAdmin' | 'setWeight'>
  /** Tables of sessions by backend slot; the row of a backend without one is missing. */
  readonly sessions: () => Readonly<Record<number, SharedArrayBuffer>>
  readonly log: Logger
  /** Ends a worker as a crash would. @returns false when there is no such worker */
  readonly kill: (worker: number) => boolean
  /** Replaces one worker, or all of them one by one, without losing a connection. @returns how many were replaced */
  readonly recycle: ((worker: number | null) => Promise<number>) | null
  /** Checks a server at once. @returns what is known of it then; null: its backend has no checks */
  readonly checkNow: ((slot: number) => Promise<ServerHealth | null>) | null
  /** Asks all workers for their connections, or has them closed. */
  readonly connections: ((match: ConnectionMatch, close: boolean) => Promise<ConnectionsFound>) | null
  /** The requests and connections that failed last, of all workers, in no order. */
  readonly failures: (() => Promise<readonly FailureInfo[]>) | null
  readonly certificates: CertificateManager | null
  /** How the orders of certificates stand. */
  readonly acme: (() => readonly AcmeStatus[]) | null
  /** Starts the program anew and hands the listening sockets over. @returns the process that took over */
  readonly upgrade: ((who: string) => Promise<{ readonly pid: number }>) | null
}
