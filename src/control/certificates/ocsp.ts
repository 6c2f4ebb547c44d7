// OCSP stapling: asks the responders that served certificates name, and has what they answer stapled. A client then need not ask,
// and the responder does not learn who visits whom. An answer is asked for anew in the middle of its time, so that half of it is
// left for a responder that is down; before it runs out it is stapled no more. An answer that the certificate is revoked is no
// help to any client: it is not stapled, it is said in the log and in the list of certificates.
// What is stapled is kept on disk (ocsp-kept.ts), so that a restart staples at once: what is read there is checked as if it came from
// the responder. What a message must be like is ocsp-message.ts.
import type { Logger } from 'pino'
import { Gate } from '../health/gate.ts'
import { askResponder, MOST_BYTES, TIMEOUT, wordsFor } from './ocsp-ask.ts'
import type { KeptAnswers } from './ocsp-kept.ts'
import type { OcspAnswer, OcspSubject } from './ocsp-message.ts'
import type { HeldCertificate } from './types.ts'

export interface StaplerOptions {
  /** To all workers. @param response DER; null: there is none any more */
  readonly staple: (id: string, response: Uint8Array | null) => void
  /** Whether a responder says that it is revoked: told when that changes. */
  readonly revoked: (id: string, is: boolean) => void
  readonly log: Logger
  /** Null: nothing is kept over a restart. */
  readonly kept?: KeptAnswers | null
  /** @returns what the responder answers, DER @throws Error when it does not */
  readonly ask?: (responder: string, request: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>
  /** Uniform in 0 to 1, 1 excluded. */
  readonly random?: () => number
}

/** What is known of one certificate. */
export interface OcspState {
  /** `none`: nothing is stapled, because it names no responder, or because nothing was answered yet. */
  readonly state: 'stapled' | 'revoked' | 'none'
  /** Of the answer that is stapled, milliseconds since the epoch; null: there is none. So for the next. */
  readonly thisUpdate: number | null
  readonly nextUpdate: number | null
  /** Why the last try was in vain; null: it was not. */
  readonly problem: string | null
}

interface Watched {
  readonly certificate: HeldCertificate
  readonly end: AbortController
  /** Resolves when what was kept of it has been looked at. */
  recalled: Promise<void>
  state: OcspState
  failures: number
  /** For the next question, and for the end of the staple. */
  ask: NodeJS.Timeout | undefined
  drop: NodeJS.Timeout | undefined
}

interface Found {
  readonly answer: OcspAnswer
  /** As it came. */
  readonly der: Uint8Array
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
/** Timers of Node cannot wait longer than 24 days; answers about intermediate authorities are good for months. */
const LONGEST = 7 * 24 * HOUR
/** For an answer that does not say until when it is good. */
const WITHOUT_END = HOUR
const FIRST_RETRY = MINUTE
const LAST_RETRY = HOUR
const AT_A_TIME = 4

const unknown: OcspState = { state: 'none', thisUpdate: null, nextUpdate: null, problem: null }

export class OcspStapler {
  readonly #options: Required<StaplerOptions>
  readonly #watched = new Map<string, Watched>()
  readonly #gate = new Gate(AT_A_TIME)
  readonly #recalls = new Gate(AT_A_TIME)
  readonly #questions = { answered: 0, failed: 0 }

  constructor(options: StaplerOptions) {
    this.#options = { ask: askResponder, kept: null, random: Math.random, ...options }
  }

  /** These are served with a staple from now on, as far as there is one, and no others. */
  follow(certificates: readonly HeldCertificate[]): void {
    const wanted = new Map(certificates.map((each) => [each.spec.id, each]))
    if (this.#watched.size === 0) this.#options.kept?.retain(new Set(wanted.keys()))
    for (const [id, watched] of this.#watched) if (!wanted.has(id)) this.#forget(id, watched)
    for (const [id, certificate] of wanted) {
      if (this.#watched.has(id) || certificate.kind === 'placeholder') continue
      const watched: Watched = {
        certificate,
        end: new AbortController(),
        recalled: Promise.resolve(),
        state: unknown,
        failures: 0,
        ask: undefined,
        drop: undefined,
      }
      this.#watched.set(id, watched)
      watched.recalled = this.#begin(watched)
    }
  }

  /** Resolves when all that was kept of what is followed now is stapled. */
  async recalled(): Promise<void> {
    await Promise.all([...this.#watched.values()].map((watched) => watched.recalled))
  }

  of(id: string): OcspState {
    return this.#watched.get(id)?.state ?? unknown
  }

  /** How often responders were asked, since the start. */
  get questions(): { readonly answered: number; readonly failed: number } {
    return this.#questions
  }

  close(): void {
    for (const watched of this.#watched.values()) quiet(watched)
    this.#watched.clear()
  }

  #forget(id: string, watched: Watched): void {
    quiet(watched)
    this.#watched.delete(id)
    this.#options.kept?.remove(id)
    if (watched.state.state === 'stapled') this.#options.staple(id, null)
  }

  /** With what was kept, or else with a question. Never rejects; does not wait for the answer. */
  async #begin(watched: Watched): Promise<void> {
    const { kept } = this.#options
    const found = kept && (await this.#recalls.run(() => this.#recall(watched, kept)).catch(() => null))
    if (watched.end.signal.aborted) return
    if (found === null) void this.#look(watched)
    else this.#take(watched, found.answer, found.der)
  }

  /** @returns null when nothing was kept, or nothing that is still to be relied upon: then it is kept no longer */
  async #recall({ certificate, end }: Watched, kept: KeptAnswers): Promise<Found | null> {
    const { id, cert } = certificate.spec
    const der = end.signal.aborted ? null : await kept.read(id, MOST_BYTES)
    if (der === null) return null
    const { subjectOf, readAnswer } = await import('./ocsp-message.ts')
    const subject = subjectOf(cert)
    const answer = subject && (await readAnswer(der, subject, Date.now()).catch(() => null))
    if (answer !== null && mayBeKept(answer) && dropAt(answer.thisUpdate, answer.nextUpdate) > Date.now())
      return { answer, der }
    kept.remove(id)
    return null
  }

  /** Asks, and says when to ask again. Never rejects. */
  async #look(watched: Watched): Promise<void> {
    const { signal } = watched.end
    try {
      const found = await this.#gate.run(async () => (signal.aborted ? null : this.#answerFor(watched)))
      if (found === null || signal.aborted) return
      this.#questions.answered++
      this.#take(watched, found.answer, found.der)
      const { id } = watched.certificate.spec
      if (mayBeKept(found.answer)) this.#options.kept?.write(id, found.der)
      else this.#options.kept?.remove(id)
    } catch (error) {
      if (!signal.aborted) this.#failed(watched, error as Error)
    }
  }

  /** @returns null when there is nobody to ask */
  async #answerFor(watched: Watched): Promise<Found | null> {
    const { subjectOf, requestFor, readAnswer, OcspError } = await import('./ocsp-message.ts') // and with it all of pkijs
    const subject: OcspSubject | null = subjectOf(watched.certificate.spec.cert)
    if (subject === null) return null
    const deadline = AbortSignal.any([watched.end.signal, AbortSignal.timeout(TIMEOUT)])
    try {
      const der = await this.#options.ask(subject.responder, await requestFor(subject), deadline)
      const answer = await readAnswer(der, subject, Date.now())
      if (answer.status === 'unknown') throw new OcspError('it does not know the certificate')
      return { answer, der }
    } catch (error) {
      throw new Error(`${new URL(subject.responder).host}: ${wordsFor(error)}`, { cause: error })
    }
  }

  #take(watched: Watched, answer: OcspAnswer, der: Uint8Array): void {
    const { certificate, state: before } = watched
    const { name, spec } = certificate
    watched.failures = 0
    const { thisUpdate } = answer
    const nextUpdate = answer.nextUpdate ?? Math.max(thisUpdate, Date.now()) + WITHOUT_END
    if (answer.status === 'revoked') {
      this.#drop(watched)
      watched.state = { ...unknown, state: 'revoked' }
      if (before.state !== 'revoked') {
        this.#options.revoked(spec.id, true)
        this.#options.log.error({ certificate: name }, `certificate ${name} is revoked: its authority says so (OCSP)`)
      }
    } else {
      if (before.state === 'revoked') this.#options.revoked(spec.id, false)
      this.#options.staple(spec.id, der)
      watched.state = { state: 'stapled', thisUpdate, nextUpdate, problem: null }
      clearTimeout(watched.drop)
      watched.drop = this.#later(dropAt(thisUpdate, nextUpdate) - Date.now(), () => this.#expired(watched))
      if (before.state !== 'stapled') {
        this.#options.log.info({ certificate: name }, `an OCSP answer is stapled to certificate ${name}`)
      }
    }
    const span = (nextUpdate - thisUpdate) / 2 + thisUpdate - Date.now()
    watched.ask = this.#later(this.#jittered(Math.max(MINUTE, span)), () => void this.#look(watched))
  }

  #failed(watched: Watched, { message }: Error): void {
    const { name } = watched.certificate
    this.#questions.failed++
    const wait = Math.min(LAST_RETRY, FIRST_RETRY * 2 ** watched.failures++)
    if (watched.state.problem !== message) {
      this.#options.log.warn(
        { certificate: name, stapled: watched.state.state === 'stapled' },
        `no OCSP answer for certificate ${name}: ${message}`,
      )
    }
    watched.state = { ...watched.state, problem: message }
    watched.ask = this.#later(this.#jittered(wait), () => void this.#look(watched))
  }

  #expired(watched: Watched): void {
    const { nextUpdate } = watched.state
    if (nextUpdate !== null && dropAt(watched.state.thisUpdate!, nextUpdate) > Date.now()) {
      watched.drop = this.#later(dropAt(watched.state.thisUpdate!, nextUpdate) - Date.now(), () =>
        this.#expired(watched),
      )
      return // it was longer than a timer can wait
    }
    this.#drop(watched)
    const { name, spec } = watched.certificate
    this.#options.kept?.remove(spec.id)
    this.#options.log.warn(
      { certificate: name },
      `the OCSP answer for certificate ${name} ran out: none is stapled now`,
    )
  }

  #drop(watched: Watched): void {
    clearTimeout(watched.drop)
    if (watched.state.state !== 'stapled') return
    watched.state = { ...unknown, problem: watched.state.problem }
    this.#options.staple(watched.certificate.spec.id, null)
  }

  /** Up to a tenth earlier or later, so that not all that began together ask together. */
  #jittered(span: number): number {
    return span * (0.9 + 0.2 * this.#options.random())
  }

  #later(span: number, act: () => void): NodeJS.Timeout {
    return setTimeout(act, Math.max(0, Math.min(LONGEST, span))).unref()
  }
}

/** A little before its time is over: clocks of clients differ. */
const dropAt = (thisUpdate: number, nextUpdate: number): number =>
  nextUpdate - Math.min(5 * MINUTE, (nextUpdate - thisUpdate) / 10)

/** One that does not say until when it is good would be good for ever, from restart to restart. */
const mayBeKept = (answer: OcspAnswer): answer is OcspAnswer & { readonly nextUpdate: number } =>
  answer.status === 'good' && answer.nextUpdate !== null

function quiet({ end, ask, drop }: Watched): void {
  end.abort()
  clearTimeout(ask)
  clearTimeout(drop)
}
