// What the parts of one worker share: its row on the scoreboard, its clock, its log. Made once per thread.
import type { WorkerData } from '../messages/messages.ts'
import type { Row, Scoreboard } from '../scoreboard/scoreboard.ts'
import type { Dice } from '../balance/types.ts'
import type { AccessLog } from './access-log/access-log.ts'
import type { Clock } from './io/clock.ts'
import type { Log } from './log.ts'
import type { Overload } from './overload.ts'
import type { RecentFailures } from './recent-failures.ts'
import type { TlsState } from './tls/tls-state.ts'

export interface WorkerContext {
  readonly worker: number
  readonly board: Scoreboard
  readonly row: Row
  readonly clock: Clock
  readonly dice: Dice
  readonly overload: Overload
  /** Tables of sessions that all workers share, by backend slot. */
  sessions: WorkerData['sessions']
  readonly failures: RecentFailures
  /** Certificates, challenges and ticket keys, which change while binds stay. */
  readonly tls: TlsState
  /** Null when access logging is off. */
  accessLog: AccessLog | null
  /** The worker is stopping: connections are closed after the response that is under way. */
  draining: boolean
  readonly log: Log
}
