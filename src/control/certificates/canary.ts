// Trials of certificates: once a second it is looked at how the handshakes went, by the counters of the workers. A certificate that
// is refused more often than the one that it is to replace is withdrawn at once; one that does well for its whole time is served to
// all. One that too few clients have met by then stays on trial until enough have. Resumed handshakes show no certificate and do
// not count. A trial outlives a reload; what it has counted ends with the process, and the next one begins it anew (trials.ts).
import type { Logger } from 'pino'
import { total, type Scoreboard } from '../../scoreboard/scoreboard.ts'
import { judge, LEAST, type Tally } from './canary-judge.ts'
import type { Canaries, CanaryTrial } from './types.ts'

const LOOK_EVERY = 1000

export interface CanaryJudgeOptions {
  readonly board: Scoreboard
  /** Slots of the frontends that serve the certificate on trial, by name: a reload may change both. */
  readonly frontends: (name: string) => readonly number[]
  readonly log: Logger
}

/** Counters of one frontend, in the order of COLUMNS. */
type Counts = readonly number[]

const COLUMNS = ['handshakes', 'resumed', 'certificateRefusals', 'canaryHandshakes', 'canaryRefusals'] as const

interface UnderWay {
  readonly trial: CanaryTrial
  readonly began: number
  /** By slot: what was counted at the last look. */
  readonly seen: Map<number, Counts>
  /** Since the beginning, over all frontends; of COLUMNS. */
  readonly sums: number[]
  /** That it goes on past its time was said. */
  late: boolean
  readonly timer: NodeJS.Timeout
}

export class CanaryJudge implements Canaries {
  readonly #options: CanaryJudgeOptions
  #underWay: UnderWay | null = null

  constructor(options: CanaryJudgeOptions) {
    this.#options = options
  }

  /** @throws Error when there is one under way */
  begin(trial: CanaryTrial): void {
    if (this.#underWay !== null) throw new Error(`${this.#underWay.trial.name} is on trial; one at a time`)
    this.#underWay = {
      trial,
      began: Date.now(),
      seen: new Map(),
      sums: COLUMNS.map(() => 0),
      late: false,
      timer: setInterval(() => this.look(), LOOK_EVERY).unref(),
    }
    this.#count(this.#underWay)
    const { name, share, span } = trial
    this.#options.log.info(
      { certificate: name, share, span },
      `certificate ${name} is on trial in ${percent(share)} of the handshakes, for ${Math.round(span / 1000)} s`,
    )
  }

  end(name: string): void {
    if (this.#underWay?.trial.name === name) this.#end()
  }

  close(): void {
    if (this.#underWay !== null) this.#end()
  }

  /** How it goes; null: nothing is on trial. */
  get state(): { readonly name: string; readonly trial: Tally; readonly other: Tally } | null {
    return this.#underWay === null ? null : { name: this.#underWay.trial.name, ...tallies(this.#underWay) }
  }

  /** Looks at the counters, and says how it ends if it does. */
  look(): void {
    const underWay = this.#underWay
    if (underWay === null) return
    this.#count(underWay)
    const { trial: own, other } = tallies(underWay)
    const { trial } = underWay
    const verdict = judge(own, other)
    if (verdict === 'worse') {
      this.#end()
      trial.onWithdrawn(`clients refused ${words(own)}, and ${words(other)} with the other one`)
    } else if (Date.now() - underWay.began >= trial.span) {
      if (verdict === 'no worse') {
        this.#end()
        trial.onPromoted()
      } else if (!underWay.late) {
        underWay.late = true
        const few = `certificate ${trial.name} stays on trial: ${own.accepted + own.refused} handshakes are too few to judge`
        this.#options.log.warn({ certificate: trial.name }, `${few}; ${LEAST} are needed`)
      }
    }
  }

  #end(): void {
    clearInterval(this.#underWay!.timer)
    this.#underWay = null
  }

  /** Adds what has come since the last look. A slot that is new, or that another frontend has got, begins with what it has. */
  #count({ trial, seen, sums }: UnderWay): void {
    const { board, frontends } = this.#options
    const slots = frontends(trial.name)
    for (const slot of seen.keys()) if (!slots.includes(slot)) seen.delete(slot)
    for (const slot of slots) {
      const now = COLUMNS.map((column) => total(board, (row) => row.counters.frontend[column], slot))
      const before = seen.get(slot)
      if (before !== undefined && now.every((count, i) => count >= before[i]!)) {
        for (const [i, count] of now.entries()) sums[i]! += count - before[i]!
      }
      seen.set(slot, now)
    }
  }
}

function tallies({ sums }: UnderWay): { readonly trial: Tally; readonly other: Tally } {
  const [handshakes, resumed, refusals, canaryHandshakes, canaryRefusals] = sums as [
    number,
    number,
    number,
    number,
    number,
  ]
  return {
    trial: { accepted: canaryHandshakes, refused: canaryRefusals },
    // Columns are written one after the other while they are read: never below zero.
    other: { accepted: Math.max(0, handshakes - resumed - canaryHandshakes), refused: refusals },
  }
}

const words = ({ accepted, refused }: Tally): string => `${refused} of ${accepted + refused} handshakes`

const percent = (share: number): string => `${Number((share * 100).toFixed(2))} %`
