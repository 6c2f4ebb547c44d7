// What there is to see of a running Weir, for those that only look: metrics, status, readiness. All of it is read from
// memory that is there anyway, so looking costs the data plane nothing.
import type { Snapshot } from '../messages/snapshot.ts'
import type { Scoreboard } from '../scoreboard/scoreboard.ts'
import type { CertificateSummary } from './certificates/types.ts'
import type { CertificatesView } from './certificates/upkeep.ts'
import type { ServerHealth } from './health/monitor.ts'
import type { Reloader } from './reload/types.ts'
import type { Ports, WorkerStatus } from './workers-types.ts'

export interface View {
  readonly version: string
  /** In milliseconds since the epoch. */
  readonly startedAt: number
  readonly snapshot: Snapshot
  readonly board: Scoreboard
  readonly workers: () => readonly WorkerStatus[]
  /** Real ports by bind id, once the workers listen. */
  readonly ports: () => Ports
  /** How reloads of the configuration went. */
  readonly reloads: () => Reloader['history']
  /** By server slot. */
  readonly health: (slot: number) => ServerHealth
  /** Of the certificates that are served: when they end, staples, trials. */
  readonly upkeep: () => CertificatesView
  readonly certificates: () => CertificateSummary
  /** How much operators have changed against the configuration. */
  readonly drift: () => number
}

/** The operator asked for a stop. */
export const isDraining = ({ board }: View): boolean => Atomics.load(board.shared.process.draining, 0) !== 0

/** Every worker takes connections, with certificates that clients can accept, and no stop was asked for. */
export const isReady = (view: View): boolean =>
  !isDraining(view) &&
  view.workers().every(({ state }) => state === 'listening') &&
  view.certificates().placeholders.length === 0
