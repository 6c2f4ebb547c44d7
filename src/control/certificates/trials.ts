// New versions on trial: served to a share of the handshakes beside the one of before, until whoever judges them (canary.ts) says
// how it ends. The store remembers that there is one, so that a restart can say what became of it.
import type { Logger } from 'pino'
import type { Millis } from '../../model/units.ts'
import { bindsOf } from './catalogue.ts'
import type { CertificateKeeper } from './keeper.ts'
import { Refusal } from './refusal.ts'
import type { CertificateStore, StoredCertificate } from './store.ts'
import type { Canaries, HeldCertificate } from './types.ts'

export interface TrialsOptions {
  readonly keeper: CertificateKeeper
  readonly store: CertificateStore
  readonly canaries: Canaries | null
  readonly log: Logger
}

export interface TrialWish {
  /** Of the handshakes: more than 0, less than 1. */
  readonly share: number
  readonly span: Millis
}

/** What has come into the store. */
interface Added {
  readonly name: string
  readonly certificate: HeldCertificate
  readonly version: number
}

export class Trials {
  readonly #options: TrialsOptions
  readonly #inTurn: (job: () => Promise<unknown>) => Promise<unknown>

  /** @param inTurn has a change wait for those that are under way */
  constructor(options: TrialsOptions, inTurn: (job: () => Promise<unknown>) => Promise<unknown>) {
    this.#options = options
    this.#inTurn = inTurn
  }

  /** @throws Refusal while a version of it is on trial */
  checkFree(stored: StoredCertificate | undefined): void {
    if (stored === undefined || stored.trial === null || !this.#options.keeper.trials.has(stored.name)) return
    const { name, trial } = stored
    const expected = `its end, or weir cert rollback ${name}`
    throw new Refusal(409, 'under_trial', `version ${trial} of ${name} is on trial`, expected)
  }

  /** @throws Refusal unless there is something that it can be held against */
  check(name: string): void {
    const { canaries, keeper } = this.#options
    if (canaries === null) throw new Refusal(501, 'no_trials', 'this Weir cannot try certificates')
    if (bindsOf(keeper, name).length === 0) {
      const message = `there is nothing to try it against: no bind serves ${name}`
      throw new Refusal(409, 'nothing_to_replace', message, 'without --canary')
    }
    const [other] = keeper.trials.keys()
    if (other !== undefined) throw new Refusal(409, 'under_trial', `${other} is on trial; one at a time`)
  }

  begin({ name, certificate, version }: Added, { share, span }: TrialWish): void {
    const { keeper, canaries, log } = this.#options
    keeper.setCanary(name, { certificate, share })
    /** @param chosen null: the one of before */
    const end = (words: string, chosen: number | null): void => {
      log.warn({ certificate: name, version }, `version ${version} of the certificate ${name} ${words}`)
      void this.#inTurn(() => this.choose(name, chosen)).catch((error: Error) =>
        log.error({ certificate: name }, error.message),
      )
    }
    canaries!.begin({
      name,
      certificate,
      share,
      span,
      onPromoted: () => end('did well: it is served to all', version),
      onWithdrawn: (why) => end(`is withdrawn: ${why}`, null),
    })
  }

  /** Without a verdict. */
  end(name: string): void {
    this.#options.canaries?.end(name)
  }

  /** Serves one version of a name to all. @param version null: the one that is current @throws Refusal */
  async choose(name: string, version: number | null): Promise<StoredCertificate> {
    const { keeper, store } = this.#options
    const current = store.get(name)?.current
    const stored = await store.choose(name, version ?? current ?? 0)
    keeper.supply({ kind: 'store', name }, [stored.held]) // first, or its share would go back to the old one for a moment
    keeper.setCanary(name, null)
    return stored
  }
}
