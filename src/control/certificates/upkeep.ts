// What certificates need while they are served, put together: staples, keys of tickets, the verdict on one that is on trial, and
// the watch over when they end. Each part has a file of its own; here they are told what is served, and hand on what they have.
import type { Snapshot } from '../../messages/snapshot.ts'
import type { Scoreboard } from '../../scoreboard/scoreboard.ts'
import type { Logger } from 'pino'
import { CanaryJudge } from './canary.ts'
import { ExpiryWatch } from './expiry.ts'
import type { CertificateKeeper } from './keeper.ts'
import { OcspStapler, type OcspState } from './ocsp.ts'
import type { KeptAnswers } from './ocsp-kept.ts'
import { tlsBindsOf } from './served.ts'
import type { TicketKeyring } from './ticket-keys.ts'
import type { Canaries, HeldCertificate } from './types.ts'

export interface UpkeepOptions {
  readonly keeper: CertificateKeeper
  /** Of which the keeper has the first keys. */
  readonly ring: TicketKeyring
  readonly board: Scoreboard
  readonly snapshot: () => Snapshot
  /** OCSP answers on disk; null: none are kept. */
  readonly kept: KeptAnswers | null
  readonly log: Logger
}

/** For those that only look: metrics and lists. */
export interface CertificatesView {
  /** Certificates that are served; placeholders do not count. */
  readonly size: number
  /** Those that end first, soonest first. */
  first(most: number): readonly HeldCertificate[]
  /** By id. */
  ocsp(id: string): OcspState
  /** How often responders were asked. */
  readonly questions: { readonly answered: number; readonly failed: number }
  /** What is on trial, by its name in the store, and in which share of the handshakes. */
  readonly trials: readonly { readonly name: string; readonly share: number }[]
}

/** Milliseconds that a start waits for the OCSP answers that are kept. */
const LONGEST_RECALL = 2000

export class CertificateUpkeep {
  readonly #options: UpkeepOptions
  readonly #stapler: OcspStapler
  readonly #expiry: ExpiryWatch
  readonly #canary: CanaryJudge
  /** Ids of the binds that serve what is on trial, by its name. */
  #onTrial: ReadonlyMap<string, ReadonlySet<string>> = new Map()
  #unsubscribe: () => void = () => {}

  constructor(options: UpkeepOptions) {
    const { keeper, board, kept, log } = options
    this.#options = options
    this.#stapler = new OcspStapler({
      staple: (id, response) => keeper.staple(id, response),
      revoked: (id, is) => keeper.setRevoked(id, is),
      kept,
      log,
    })
    this.#expiry = new ExpiryWatch(log)
    this.#canary = new CanaryJudge({ board, frontends: (name) => this.#frontendsOf(name), log })
  }

  /** Who judges what is on trial. */
  get canaries(): Canaries {
    return this.#canary
  }

  get view(): CertificatesView {
    const { keeper } = this.#options
    const [stapler, expiry] = [this.#stapler, this.#expiry]
    return {
      size: expiry.size,
      first: (most) => expiry.first(most),
      ocsp: (id) => stapler.of(id),
      questions: stapler.questions,
      trials: [...keeper.trials].map(([name, { share }]) => ({ name, share })),
    }
  }

  /** Begins; that alone does not keep the process alive. Resolves when what is kept on disk is stapled, if that takes not too long. */
  async start(): Promise<void> {
    const { keeper, ring } = this.#options
    ring.start((keys) => keeper.setTicketKeys(keys))
    this.#unsubscribe = keeper.onServed(() => this.#look())
    this.#look()
    this.#canary.look() // a trial that goes on from before counts from here: the workers are not there yet
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, LONGEST_RECALL)
    await Promise.race([this.#stapler.recalled(), late])
    clearTimeout(timer)
  }

  /** Workers have gone over to another configuration, which the keeper has. */
  follow(): void {
    this.#options.ring.follow(this.#options.keeper.config.global.ticketKeys)
    this.#look()
  }

  /** What is on trial is for the next process to judge. */
  leave(): void {
    this.#canary.close()
  }

  close(): void {
    this.#unsubscribe()
    this.#options.ring.close()
    this.#canary.close()
    this.#expiry.close()
    this.#stapler.close()
  }

  /** What is served now, and by whom. */
  #look(): void {
    const { keeper } = this.#options
    const withOcsp = new Set(tlsBindsOf(keeper.config).flatMap(({ id, tls }) => (tls.ocsp ? [id] : [])))
    const served = new Set<HeldCertificate>()
    const stapled = new Set<HeldCertificate>()
    const onTrial = new Map<string, Set<string>>()
    for (const { bind, list, trial } of keeper.serving) {
      for (const each of trial === null ? list : [...list, trial.certificate]) {
        served.add(each)
        if (withOcsp.has(bind)) stapled.add(each)
      }
      if (trial === null) continue
      const { name } = trial.certificate
      onTrial.set(name, (onTrial.get(name) ?? new Set()).add(bind))
    }
    this.#onTrial = onTrial
    this.#stapler.follow([...stapled])
    this.#expiry.follow([...served])
  }

  #frontendsOf(name: string): readonly number[] {
    const binds = this.#onTrial.get(name)
    if (binds === undefined) return []
    const { frontends } = this.#options.snapshot()
    return frontends.filter((frontend) => frontend.binds.some(({ id }) => binds.has(id))).map(({ slot }) => slot)
  }
}
