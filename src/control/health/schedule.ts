// When the next check of a server is due. Pure: the dice are handed in.
import { ms, type Millis } from '../../model/units.ts'
import type { CheckSpec } from './probe.ts'
import { wantsFastCheck, type Health } from './step.ts'

/**
 * From the start of one check to the start of the next.
 * Every server is probed at once when it is new, so the second check comes at a random point of the interval: that
 * spreads the servers over it. Later ones keep the interval, give or take a tenth, so that they do not fall into step.
 * @param checks how many checks of this server are done; at least 1
 * @param dice uniform in 0 to 1, 1 excluded
 */
export function nextCheckAfter(health: Health, spec: CheckSpec, checks: number, dice: number): Millis {
  const interval = wantsFastCheck(health) ? spec.fastInterval : spec.interval
  return ms(Math.round(interval * (checks === 1 ? dice : 0.9 + 0.2 * dice)))
}
