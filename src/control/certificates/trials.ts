// New versions on trial: served to a share of the handshakes beside the one of before, until whoever judges them (canary.ts) says
// how it ends. The store remembers that there is one, and how it is tried: a restart goes on with it. What was counted before is
// gone with the process, so it is begun anew then, for all of its time: no verdict is given on what nobody has seen.
import type { Logger } from 'pino'
import { bindsOf } from './catalogue.ts'
import type { CertificateKeeper } from './keeper.ts'
import { Refusal } from './refusal.ts'
import type { CertificateStore, StoredCertificate } from './store.ts'
import type { Canaries, HeldCertificate, TrialWish } from './types.ts'

export interface TrialsOptions {
  readonly keeper: CertificateKeeper
  readonly store: CertificateStore
  readonly canaries: Canaries | null
  readonly log: Logger
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

  /**
   * Has on trial what the store says, and nothing else: at the start, and when another process has written to it. What cannot be
   * tried any more gives way to the version of before.
   */
  async resume(): Promise<void> {
    const { keeper, store, log } = this.#options
    for (const { name, trial: version, terms, current } of store.certificates) {
      if (version === null) continue
      const certificate = await store.version(name, version).catch(() => null)
      const known = keeper.trials.get(name)
      if (certificate !== null && known?.certificate.spec.id === certificate.spec.id) continue
      if (known !== undefined) this.#forget(name)
      const was = `version ${version} of the certificate ${name} was on trial when Weir ended`
      const fields = { certificate: name, version }
      const obstacle = this.#obstacle(name, certificate, terms)
      if (obstacle === null) {
        log.warn(fields, `${was}: its trial begins anew`)
        this.begin({ name, certificate: certificate!, version }, terms!)
      } else {
        log.warn(fields, `${was}: version ${current} is served, because ${obstacle}`)
        await store.choose(name, current).catch((error: Error) => log.error({ certificate: name }, error.message))
      }
    }
    for (const name of keeper.trials.keys()) if ((store.get(name)?.trial ?? null) === null) this.#forget(name)
  }

  /** Why a trial cannot go on; null: it can. */
  #obstacle(name: string, certificate: HeldCertificate | null, terms: TrialWish | null): string | null {
    if (certificate === null) return 'the other one cannot be read'
    if (terms === null) return 'nothing says how the other one was tried'
    if (certificate.notAfter < Date.now()) return 'the other one has expired'
    try {
      this.check(name)
      return null
    } catch (error) {
      return (error as Error).message
    }
  }

  #forget(name: string): void {
    this.end(name)
    this.#options.keeper.setCanary(name, null)
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
