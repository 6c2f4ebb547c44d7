// What the parts of one worker share: its row on the scoreboard, its clock, its log. Made once per thread.
import type { Row, Scoreboard } from '../scoreboard/scoreboard.ts'
import type { Dice } from '../balance/types.ts'
import type { AccessLog } from './access-log/access-log.ts'
import type { Clock } from './io/clock.ts'

export interface WorkerContext {
  readonly worker: number
  readonly board: Scoreboard
  readonly row: Row
  readonly clock: Clock
  readonly dice: Dice
  /** Null when access logging is off. */
  accessLog: AccessLog | null
  /** The worker is stopping: connections are closed after the response that is under way. */
  draining: boolean
  /** For the process log; never on the path of a request that succeeds. */
  log(level: 'info' | 'warn' | 'error', message: string, fields: Record<string, unknown>): void
}
