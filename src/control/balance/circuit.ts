// The circuit breaker of one backend: reads what the workers have counted, and tells them by the scoreboard when requests
// are turned away. The transitions are balance/breaker.ts; what a worker does by the state is data/upstream/backend.ts.
import type { Logger } from 'pino'
import { Breaker, openSpan, type BreakerTotals, type Circuit } from '../../balance/breaker.ts'
import type { BackendSpec, BreakerSpec } from '../../messages/snapshot.ts'
import { reasonCodes, reasons } from '../../model/reasons.ts'
import { breakerStates } from '../../model/states.ts'
import { reasonCell } from '../../scoreboard/reasons.ts'
import { total, type Scoreboard } from '../../scoreboard/scoreboard.ts'
import { percent, seconds } from './words.ts'

/** A request that its client gave up, or that Weir did not pass on, went neither well nor badly. */
const ofOthers = reasonCodes.filter((code) => reasons[code].side !== 'server')

export class CircuitBreaker {
  #backend: BackendSpec
  readonly #board: Scoreboard
  readonly #log: Logger
  readonly #breaker: Breaker
  /** tcp: connections that were made, and their number when it was last looked, as an int32. */
  #made = 0
  #madeBefore = 0

  /** Closed to begin with. @param now int32 µs */
  constructor(
    backend: BackendSpec,
    rule: BreakerSpec,
    { board, log, now }: { board: Scoreboard; log: Logger; now: number },
  ) {
    this.#backend = backend
    this.#board = board
    this.#log = log
    this.#breaker = new Breaker(rule, this.#totals(), now)
    Atomics.store(board.shared.backend.breaker, backend.slot, 0)
  }

  /** The same backend with the same rule, but perhaps with other servers. */
  follow(backend: BackendSpec): this {
    this.#backend = backend
    this.#madeBefore = this.#connectionsMade()
    return this
  }

  /** Ten times a second. @param now int32 µs */
  tick(now: number): void {
    const totals = this.#totals()
    const before = this.#breaker.circuit
    if (!this.#breaker.step(totals, now)) return
    const { circuit } = this.#breaker
    const { breaker, trials } = this.#board.shared.backend
    const { slot } = this.#backend
    const asked = Atomics.exchange(trials, slot, 0) // before anybody may see that trials are let through
    Atomics.store(breaker, slot, breakerStates.indexOf(circuit.state))
    if (before.state !== circuit.state) this.#report(before, circuit, totals)
    else if (asked > 0) this.#reportWait()
  }

  /** Requests that say something of the servers. Those that the breaker turned away are not counted to begin with. */
  #totals(): BreakerTotals {
    const { slot, mode } = this.#backend
    if (mode === 'tcp') return this.#connectionTotals()
    let requests = 0
    let failures = 0
    for (const { counters, tables } of this.#board.rows) {
      requests += counters.backend.requests[slot]!
      failures += counters.backend.failures[slot]!
      for (const reason of ofOthers) requests -= tables.backend.reasons[reasonCell(slot, reason)]!
    }
    return { requests, failures }
  }

  /** A connection counts when it is made, or when it can't be: at its end, days later, would be too late. */
  #connectionTotals(): BreakerTotals {
    const made = this.#connectionsMade()
    this.#made += (made - this.#madeBefore) | 0
    this.#madeBefore = made
    const failures = total(this.#board, (row) => row.counters.backend.failures, this.#backend.slot)
    return { requests: this.#made + failures, failures }
  }

  /** An int32 that may have wrapped, as those that it is the sum of. */
  #connectionsMade(): number {
    let made = 0
    for (const { owned } of this.#board.rows) {
      const { answers, failures } = owned.server
      for (const { slot } of this.#backend.servers) made = (made + answers[slot]! - failures[slot]!) | 0
    }
    return made
  }

  #reportWait(): void {
    const { name } = this.#backend
    const { trials } = this.#breaker.rule
    this.#log.info(
      { backend: name },
      `circuit breaker of backend ${name} is half-open still: not all trials have ended, ${trials} more are let through`,
    )
  }

  #report(before: Circuit, circuit: Circuit, totals: BreakerTotals): void {
    const { rule } = this.#breaker
    const who = `circuit breaker of backend ${this.#backend.name}`
    const fields = { backend: this.#backend.name, from: before.state, to: circuit.state }
    if (circuit.state === 'half-open') {
      this.#log.info(fields, `${who} is half-open: ${rule.trials} requests are let through`)
    } else if (before.state === 'half-open') {
      const requests = totals.requests - before.before.requests
      const failures = totals.failures - before.before.failures
      if (circuit.state === 'closed') {
        this.#log.info({ ...fields, requests }, `${who} is closed: ${requests} requests went well`)
        return
      }
      const again = { ...fields, requests, failures, times: before.times + 1 }
      const span = seconds(openSpan(rule, before.times + 1))
      this.#log.warn(again, `${who} is open again, for ${span}: ${failures} of ${requests} requests on trial failed`)
    } else {
      const { requests, failures } = this.#breaker.recent(totals)
      const share = `${failures} of ${requests} requests in the last ${seconds(rule.window)} failed (${percent(failures / requests)})`
      this.#log.warn({ ...fields, requests, failures }, `${who} is open for ${seconds(openSpan(rule, 1))}: ${share}`)
    }
  }
}
