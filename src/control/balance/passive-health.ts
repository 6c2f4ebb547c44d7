// Passive health of one backend: feeds balance/ejection.ts with what the workers have counted, and says in the log who was
// taken out or came back, with the figures. What an ejection means for the traffic is the keeper's business.
import type { Logger } from 'pino'
import { Ejection, type EjectionCause, type EjectionChange } from '../../balance/ejection.ts'
import { WINDOW } from '../../balance/outliers.ts'
import type { Dice } from '../../balance/types.ts'
import type { BackendSpec, EjectionSpec } from '../../messages/snapshot.ts'
import type { Scoreboard } from '../../scoreboard/scoreboard.ts'
import type { TrafficTotals } from './traffic.ts'
import { millis, percent, seconds } from './words.ts'

export interface PassiveHealthInput {
  readonly backend: BackendSpec
  readonly rule: EjectionSpec
  /** Of all its servers. */
  readonly slots: Int32Array
  readonly board: Scoreboard
  readonly totals: TrafficTotals
  readonly dice: Dice
  readonly log: Logger
}

export class PassiveHealth {
  readonly #input: PassiveHealthInput
  readonly #ejection: Ejection

  constructor(input: PassiveHealthInput) {
    const { rule, slots, board, totals, dice } = input
    this.#input = input
    this.#ejection = new Ejection({ rule, slots, columns: board.shared.server, traffic: totals.columns, dice })
  }

  /** Takes over what is known of the servers that are still there. */
  inherit(before: PassiveHealth): void {
    this.#ejection.inherit(before.#ejection)
  }

  /** Ten times a second. @param now int32 µs @returns the servers that went out or came back */
  tick(now: number): readonly EjectionChange[] {
    const { rule, slots, board, totals } = this.#input
    if (rule.errorRatio > 0 || rule.latency > 0) totals.sum(slots)
    const changes = this.#ejection.sweep(now)
    for (const change of changes) {
      if (change.cause !== null) Atomics.add(board.shared.server.ejections, change.slot, 1)
      this.#report(change, change.cause)
    }
    return changes
  }

  /** The server is down, or its operator vouches for it. @returns whether it was out */
  forgive(slot: number): boolean {
    return this.#ejection.forgive(slot)
  }

  #report({ slot, time, times }: EjectionChange, cause: EjectionCause | null): void {
    const { backend, slots, board, log } = this.#input
    const server = backend.servers.find((each) => each.slot === slot)!.name
    const out = slots.reduce((sum, each) => sum + board.shared.server.ejected[each]!, 0)
    const fields = { backend: backend.name, server, time, times, out, servers: slots.length }
    const rest = `${out} of ${slots.length} servers out`
    if (cause === null) {
      log.info(fields, `server ${backend.name}/${server} is back after ${seconds(time)} of ejection; ${rest}`)
      return
    }
    const again = times > 1 ? `, for the ${ordinal(times)} time of late` : ''
    log.warn(
      { ...fields, cause },
      `server ${backend.name}/${server} is ejected for ${seconds(time)}${again}: ${wordsOf(cause)}; ${rest}`,
    )
  }
}

function wordsOf(cause: EjectionCause): string {
  const late = `in the last ${seconds(WINDOW)}`
  switch (cause.by) {
    case 'run':
      return `${cause.failures} failures in a row`
    case 'ratio': {
      const { failures, answers, others } = cause
      return `${failures} of ${answers} answers ${late} were failures (${percent(failures / answers)}), of the others ${percent(others)}`
    }
    case 'latency': {
      const { mean, answers, others } = cause
      return `${millis(mean)} for an answer, over ${answers} ${late}, and ${millis(others)} on the others`
    }
  }
}

function ordinal(n: number): string {
  const suffix = n % 100 > 10 && n % 100 < 14 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th')
  return `${n}${suffix}`
}
