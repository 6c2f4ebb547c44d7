// When a worker that died is replaced. Pure: a record in, a record and a decision out.
//
//   died after it had listened for a while --> at once
//   died again soon, or before it listened --> 50 ms, 100 ms, ... up to 1 s
//   could not start `mostFailedStarts` times in a row --> give up: starting it once more will not help
import { ms, type Millis } from '../model/units.ts'

const mostFailedStarts = 10
/** A worker that listened this long has proved itself: its death is the first one again. */
const provedAfter = ms(5000)
const firstDelay = ms(50)
const longestDelay = ms(1000)

export interface DeathRecord {
  /** Deaths in quick succession. */
  readonly streak: number
  /** Deaths in a row before it listened. */
  readonly failedStarts: number
}

export const noDeaths: DeathRecord = { streak: 0, failedStarts: 0 }

/**
 * @param listenedFor how long the worker had listened; null: it never did
 * @returns the new record, and how long to wait before the replacement; null: give up
 */
export function afterDeath(
  record: DeathRecord,
  listenedFor: Millis | null,
): { record: DeathRecord; delay: Millis | null } {
  const streak = listenedFor !== null && listenedFor >= provedAfter ? 1 : record.streak + 1
  const failedStarts = listenedFor === null ? record.failedStarts + 1 : 0
  const delay = streak === 1 ? 0 : Math.min(longestDelay, firstDelay * 2 ** Math.min(streak - 2, 10))
  return { record: { streak, failedStarts }, delay: failedStarts >= mostFailedStarts ? null : ms(delay) }
}
