// What failed of late, and how often by which reason: `weir show errors`. Single failures are in rings of the workers, the
// counts on the scoreboard.
import type { FailureInfo } from '../../messages/messages.ts'
import { reasonCodes, reasons, type ReasonCode } from '../../model/reasons.ts'
import { reasonCell } from '../../scoreboard/reasons.ts'
import { total } from '../../scoreboard/scoreboard.ts'
import type { Runtime } from '../runtime/runtime.ts'
import type { View } from '../view.ts'
import type { Baseline } from './baseline.ts'

/** One reason of one frontend, which has occurred at least once. */
export interface ReasonCount {
  readonly frontend: string
  readonly reason: ReasonCode
  readonly count: number
  readonly text: string
}

export interface ErrorsAnswer {
  readonly counts: readonly ReasonCount[]
  /** The newest first; null: this Weir keeps none. */
  readonly last: readonly FailureInfo[] | null
}

export async function showErrors({ view, operator }: Runtime, baseline: Baseline): Promise<ErrorsAnswer> {
  const last = operator.failures === null ? null : await operator.failures()
  const counts = countReasons(view).map((each) => ({ ...each, count: each.count - baseline.reasonsBefore(each) }))
  return {
    counts: counts.filter(({ count }) => count > 0).toSorted((a, b) => b.count - a.count),
    last: last?.toSorted((a, b) => b.at - a.at) ?? null,
  }
}

export function countReasons({ snapshot, board }: View): ReasonCount[] {
  return snapshot.frontends.flatMap(({ slot, name }) =>
    reasonCodes
      .map((reason) => ({
        frontend: name,
        reason,
        count: total(board, ({ tables }) => tables.frontend.reasons, reasonCell(slot, reason)),
        text: reasons[reason].text,
      }))
      .filter(({ count }) => count > 0),
  )
}
