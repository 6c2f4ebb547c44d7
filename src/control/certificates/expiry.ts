// When the certificates that are served end. People are told in the log, more and more urgently, and metrics show those that end
// first. Reading X.509 takes some 0.05 ms, so of many certificates a slice is read at a time, with other work in between.
import type { Logger } from 'pino'
import type { HeldCertificate } from './types.ts'

const DAY = 86_400_000
/** Days before the end at which it is said once each; 0: it has ended. */
const STEPS = [14, 7, 3, 1, 0] as const
const LOOK_EVERY = 3_600_000
const SLICE = 100
/** Part of the lifetime that is left when a certificate that renews itself has had its chances: it may well last a week only. */
const LATE_RENEWAL = 1 / 8

/** The last step that is reached, or null where the end is far away. @param left in ms; negative: it is over */
export const stepAt = (left: number): (typeof STEPS)[number] | null =>
  STEPS.findLast((days) => (days === 0 ? left <= 0 : left <= days * DAY)) ?? null

export class ExpiryWatch {
  readonly #log: Logger
  #certificates: readonly HeldCertificate[] = []
  /** Those that end first, in order. */
  #first: readonly HeldCertificate[] = []
  /** What was said last of each, by id. */
  #said = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #turn = 0

  constructor(log: Logger) {
    this.#log = log
  }

  /** These are served from now on. */
  follow(certificates: readonly HeldCertificate[]): void {
    this.#certificates = certificates.filter(({ kind }) => kind !== 'placeholder')
    this.#timer ??= setInterval(() => void this.look(), LOOK_EVERY).unref()
    void this.look()
  }

  /** How many are served; placeholders do not count. */
  get size(): number {
    return this.#certificates.length
  }

  /** The certificates that end first, soonest first. @param most how many */
  first(most: number): readonly HeldCertificate[] {
    return this.#first.slice(0, most)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#turn++
  }

  /** Reads them all, unless others come meanwhile. Resolves when that is done. */
  async look(now = Date.now()): Promise<void> {
    const turn = ++this.#turn
    const ends = new Map<HeldCertificate, number>()
    for (const [i, each] of this.#certificates.entries()) {
      if (i % SLICE === SLICE - 1) await new Promise((resolve) => setImmediate(resolve))
      if (turn !== this.#turn) return
      ends.set(each, each.notAfter)
    }
    const sorted = [...ends].toSorted(([, a], [, b]) => a - b)
    this.#first = sorted.map(([each]) => each)
    const said = new Map<string, number>()
    for (const [each, end] of sorted) {
      const step = stepAt(end - now)
      if (step === null) break
      if (each.kind === 'acme' && end - now > LATE_RENEWAL * (end - each.notBefore)) continue
      said.set(each.spec.id, step)
      if (this.#said.get(each.spec.id) !== step) this.#say(each, end, step, now)
    }
    this.#said = said
  }

  #say({ name, kind }: HeldCertificate, end: number, step: number, now: number): void {
    const fields = { certificate: name, kind, notAfter: new Date(end).toISOString() }
    if (step === 0) this.#log.error(fields, `certificate ${name} has expired, and is still served`)
    else if (step <= 7) this.#log.warn(fields, `certificate ${name} expires in ${left(end - now)}`)
    else this.#log.info(fields, `certificate ${name} expires in ${left(end - now)}`)
  }
}

function left(span: number): string {
  const days = Math.floor(span / DAY)
  return days > 1 ? `${days} days` : `${Math.floor(span / 3_600_000)} hours`
}
