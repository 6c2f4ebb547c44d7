// A configuration on trial: it stays only if somebody confirms it in time. Until then it is watched: when clearly more
// requests fail than before, or a server is down that was up, it goes at once.
import type { Millis } from '../../model/units.ts'

/** How well things go, as counted since the start. */
export interface Vitals {
  readonly requests: number
  /** Answered with 5xx, by servers or by Weir. */
  readonly failures: number
  /** Slots of the servers that there are, and of those that are up. */
  readonly servers: ReadonlySet<number>
  readonly up: ReadonlySet<number>
}

export interface TrialOptions {
  readonly span: Millis
  /** When it began. */
  readonly before: Vitals
  readonly vitals: () => Vitals
  /** Called once at most, with the reason in words. */
  readonly onFailure: (why: string) => void
}

const LOOK_MS = 250
/** Requests without which a share of failures says nothing. */
const ENOUGH = 20
/** Share of failed requests that is too much, above that of all time before. */
const TOO_MANY = 0.1

export class Trial {
  /** When it ends, in ms since the epoch. */
  readonly until: number
  readonly #timers: readonly NodeJS.Timeout[]

  constructor({ span, before, vitals, onFailure }: TrialOptions) {
    this.until = Date.now() + span
    const fail = (why: string): void => {
      this.end()
      onFailure(why)
    }
    const look = (): void => {
      const why = complaint(before, vitals())
      if (why !== null) fail(why)
    }
    this.#timers = [setTimeout(() => fail('it was not confirmed in time'), span), setInterval(look, LOOK_MS)]
    for (const timer of this.#timers) timer.unref()
  }

  /** It is confirmed, or nobody cares any more. */
  end(): void {
    for (const timer of this.#timers) clearTimeout(timer)
  }
}

/** Why things go worse than before; null: they don't. */
export function complaint(before: Vitals, now: Vitals): string | null {
  const kept = [...before.up].filter((slot) => now.servers.has(slot))
  const lost = kept.filter((slot) => !now.up.has(slot)).length
  if (lost > 0) return `${lost} of ${kept.length} servers that were up are not any more`
  const requests = now.requests - before.requests
  const failures = now.failures - before.failures
  const usual = before.requests === 0 ? 0 : before.failures / before.requests
  if (requests < ENOUGH || failures / requests <= usual + TOO_MANY) return null
  return `${failures} of ${requests} requests failed, ${(usual * 100).toFixed(1)} % did before`
}
