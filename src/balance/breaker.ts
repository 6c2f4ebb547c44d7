// Circuit breaker of a backend: when too many of its requests fail, whatever server they go to, it gets none for a while.
// That spares the clients the wait, and the servers the load that keeps them from recovering.
//
//   closed    --errorRatio of minRequests or more in the window--> open
//   open      --after its span--> half-open
//   half-open --`trials` requests end well--> closed, with the window begun anew
//             --one fails--> open, twice as long as before, at most LONGEST times the span of the rule
//             --after the span, trials that never ended--> half-open, with as many trials again
//
// Counted are requests that ended, so one that was sent before it opened may end, and count, while it is half-open: when
// that is a failure, the servers have not recovered either, or the next try will tell.
// Pure: a state, two counters and a clock in, the next state out. Who lets requests through by it is the data plane, which
// counts the trials that begin; who reads the counters and tells the data plane is control/balance.
import { RecentCounts } from './recent-counts.ts'

export interface BreakerRule {
  /** Percent of failed requests that opens it. */
  readonly errorRatio: number
  readonly minRequests: number
  /** What the ratio is taken over, ms. */
  readonly window: number
  /** ms */
  readonly open: number
  /** Requests that are let through half-open. */
  readonly trials: number
}

/** Of a backend, over all workers; they only grow. Requests that the breaker turned away are neither. */
export interface BreakerTotals {
  readonly requests: number
  readonly failures: number
}

/** `until`: when the state ends by itself, int32 µs. `times`: how often it has opened without closing in between. */
export type Circuit =
  | { readonly state: 'closed' }
  | { readonly state: 'open'; readonly until: number; readonly times: number }
  | { readonly state: 'half-open'; readonly until: number; readonly times: number; readonly before: BreakerTotals }

const LONGEST = 8

const closed: Circuit = { state: 'closed' }

/** ms */
export const openSpan = (rule: BreakerRule, times: number): number => rule.open * Math.min(LONGEST, 2 ** (times - 1))

/**
 * One step of the state machine above.
 * @param recent requests and failures within the window @param totals all that there ever were @param now int32 µs
 * @returns the same object when nothing happens
 */
export function stepCircuit(
  circuit: Circuit,
  rule: BreakerRule,
  { recent, totals, now }: { readonly recent: BreakerTotals; readonly totals: BreakerTotals; readonly now: number },
): Circuit {
  switch (circuit.state) {
    case 'closed':
      return tooMany(recent, rule) ? openAgain(rule, 1, now) : circuit
    case 'open':
      return isPast(circuit.until, now) ? halfOpen(rule, circuit.times, totals, now) : circuit
    case 'half-open': {
      const { before, times, until } = circuit
      if (totals.failures > before.failures) return openAgain(rule, times + 1, now)
      if (totals.requests - before.requests >= rule.trials) return closed
      return isPast(until, now) ? halfOpen(rule, times, totals, now) : circuit
    }
  }
}

const tooMany = ({ requests, failures }: BreakerTotals, { errorRatio, minRequests }: BreakerRule): boolean =>
  requests >= Math.max(1, minRequests) && failures * 100 >= errorRatio * requests && failures > 0

const openAgain = (rule: BreakerRule, times: number, now: number): Circuit => ({
  state: 'open',
  until: after(openSpan(rule, times), now),
  times,
})

const halfOpen = (rule: BreakerRule, times: number, before: BreakerTotals, now: number): Circuit => ({
  state: 'half-open',
  until: after(rule.open, now),
  times,
  before: { ...before },
})

/** The clock wraps after 71 minutes, so nothing lasts longer than half of that. */
const after = (span: number, now: number): number => (now + Math.min(span * 1000, 2 ** 30)) | 0
const isPast = (then: number, now: number): boolean => ((now - then) | 0) >= 0

/** A circuit with the window that it is judged by. */
export class Breaker {
  readonly rule: BreakerRule
  #circuit: Circuit = closed
  readonly #window: RecentCounts

  /** @param now int32 µs */
  constructor(rule: BreakerRule, totals: BreakerTotals, now: number) {
    this.rule = rule
    this.#window = new RecentCounts([totals.requests, totals.failures], rule.window, now)
  }

  get circuit(): Circuit {
    return this.#circuit
  }

  /** Within the window. */
  recent({ requests, failures }: BreakerTotals): BreakerTotals {
    return { requests: this.#window.since(0, requests), failures: this.#window.since(1, failures) }
  }

  /** Ten times a second. @returns whether the circuit is another one than before */
  step(totals: BreakerTotals, now: number): boolean {
    const before = this.#circuit
    this.#window.follow([totals.requests, totals.failures], now)
    this.#circuit = stepCircuit(before, this.rule, { recent: this.recent(totals), totals, now })
    if (this.#circuit === before) return false
    if (this.#circuit.state === 'closed') {
      this.#window.forget(0, totals.requests)
      this.#window.forget(1, totals.failures)
    }
    return true
  }
}
