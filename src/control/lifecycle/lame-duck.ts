// The first part of a stop: the tier above is told, by health checks that fail, and keeps sending until it has noticed. So
// all goes on as before for as long as it may take: its interval times the checks that it wants to see fail.
import type { Logger } from 'pino'
import type { Millis } from '../../model/units.ts'
import type { Scoreboard } from '../../scoreboard/scoreboard.ts'

/** Readiness fails from now on. Resolves when requests need not be expected any more. */
export async function becomeLameDuck({ shared }: Scoreboard, span: Millis, log: Logger): Promise<void> {
  Atomics.store(shared.process.draining, 0, 1)
  if (span === 0) return
  log.info({ lameDuck: span }, `not ready any more; requests go on for ${span} ms (lame_duck)`)
  await new Promise((resolve) => setTimeout(resolve, span))
}
