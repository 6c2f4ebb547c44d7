// What can be done with the certificates of a running Weir, and what can be seen of them: put, use, roll back, remove, list. It
// stands between whoever asks (the control socket) and those who do the work: the store that keeps, the folders that watch,
// the keeper that hands on to the workers. One change after the other; each is on disk before it is served.
import type { Logger } from 'pino'
import type { CertificateText } from '../../config/certificate.ts'
import type { Config } from '../../config/config.ts'
import { bindsOf, infoIn, placeholdersIn, type Catalogue } from './catalogue.ts'
import { examine } from './examine.ts'
import { Folders } from './folders.ts'
import type { CertificateKeeper } from './keeper.ts'
import { Refusal, unknown } from './refusal.ts'
import { tlsBindsOf, type TlsBind } from './served.ts'
import { checkName, checkPath, type CertificateStore, type StoredCertificate } from './store.ts'
import { Trials } from './trials.ts'
import type { Canaries, CertificateInfo, HeldCertificate, TrialWish } from './types.ts'

export interface ManagerOptions {
  readonly keeper: CertificateKeeper
  readonly store: CertificateStore
  /** Who judges those on trial; null: none can be tried. */
  readonly canaries: Canaries | null
  /** Real ports by bind id. */
  readonly ports: () => Readonly<Record<string, number>>
  readonly log: Logger
}

export interface PutWish extends CertificateText {
  readonly force: boolean
  /** Among those of IAM; null: the one that it has, or '/'. */
  readonly path: string | null
  /** On trial first; null: served to all at once. */
  readonly trial: TrialWish | null
}

export interface PutOutcome {
  readonly certificate: CertificateInfo
  readonly warnings: readonly string[]
  /** False: it was there already, byte for byte. */
  readonly changed: boolean
}

export interface UsePlace {
  readonly frontend: string
  /** Null: all binds of the frontend that have TLS. */
  readonly port: number | null
}

export interface UseOutcome {
  /** Ids. */
  readonly binds: readonly string[]
  readonly name: string | null
}

export class CertificateManager {
  readonly #options: ManagerOptions
  readonly #folders: Folders
  readonly #trials: Trials
  /** Binds with a placeholder, as it was said last. */
  #placeholders: readonly string[] = []
  /** One change after the other. */
  #queue: Promise<unknown> = Promise.resolve()

  constructor(options: ManagerOptions) {
    this.#options = options
    this.#folders = new Folders(options.keeper, options.log)
    this.#trials = new Trials(options, (job) => this.#inTurn(job))
  }

  /** Reads what there is, before the workers start. */
  async open(): Promise<void> {
    const { keeper, store } = this.#options
    await store.open()
    keeper.supplyAll(store.certificates.map(({ name, held }) => [{ kind: 'store', name }, [held]]))
    this.#settleUses()
    await this.#folders.follow(keeper.config)
    await keeper.prepare(keeper.config)
    await this.#trials.resume()
    this.#sayPlaceholders()
  }

  /** The process of before has written to the store until now. */
  reread(): Promise<void> {
    return this.#inTurn(async () => {
      const { keeper, store } = this.#options
      const names = store.certificates.map(({ name }) => name)
      await store.open()
      const all = [...new Set([...names, ...store.certificates.map(({ name }) => name)])]
      keeper.supplyAll(all.map((name) => [{ kind: 'store', name }, heldOf(store.get(name))]))
      this.#settleUses()
      await this.#trials.resume()
    })
  }

  /** Before workers go over to another configuration: what its binds serve is here. */
  async follow(config: Config): Promise<void> {
    await this.#folders.follow(config)
    await this.#options.keeper.prepare(config)
    this.#options.keeper.follow(config)
  }

  /** The workers go by this configuration. */
  settle(config: Config): void {
    this.#options.keeper.settle(config)
    this.#folders.retain(config)
    this.#sayPlaceholders()
  }

  close(): void {
    this.#folders.close()
  }

  /** What can be seen. */
  get catalogue(): Catalogue {
    const { keeper, store } = this.#options
    return { keeper, store, problems: this.#folders.problems }
  }

  /**
   * A new certificate under a name, or a new version of the one that has it.
   * @param by as it is kept beside it
   * @throws Refusal: nothing has changed then
   */
  put(name: string, wish: PutWish, by: string): Promise<PutOutcome> {
    return this.#inTurn(async () => {
      checkName(name)
      if (wish.path !== null) checkPath(wish.path)
      const { keeper, store } = this.#options
      const before = store.get(name)
      const { trial } = wish
      this.#trials.checkFree(before)
      const { certificate, warnings } = examine(wish, {
        now: Date.now(),
        replaces: before?.held ?? null,
        chains: store.certificates.map(({ held }) => held.spec.cert),
        config: keeper.config,
        force: wish.force,
      })
      if (before !== undefined && isSame(before.held, certificate) && (wish.path ?? before.path) === before.path) {
        return { certificate: this.#infoOf(before.held), warnings, changed: false }
      }
      if (trial !== null) this.#trials.check(name)
      const { stored, added, version } = await store.add(name, certificate, { by, trial, path: wish.path })
      if (trial === null) keeper.supply({ kind: 'store', name }, [stored.held])
      else this.#trials.begin({ name, certificate: added, version }, trial)
      return { certificate: this.#infoOf(added), warnings, changed: true }
    })
  }

  /** Back to an earlier version; what is on trial is taken back instead. @param version null: the one before @throws Refusal */
  rollback(name: string, { version, force }: { readonly version: number | null; readonly force: boolean }) {
    return this.#inTurn(async () => {
      const { store } = this.#options
      const { current, trial, versions } = this.#stored(name)
      const earlier = versions.map((each) => each.version).filter((each) => each < current)
      const wanted = version ?? (trial === null ? earlier.at(-1) : current)
      if (wanted === undefined) throw new Refusal(409, 'no_version', `${name} has no version before ${current}`)
      const held = await store.version(name, wanted)
      if (held.notAfter < Date.now() && !force) {
        const message = `version ${wanted} of ${name} expired at ${new Date(held.notAfter).toISOString()}`
        throw new Refusal(409, 'expired', message, 'another version, or --force')
      }
      if (trial !== null) this.#trials.end(name)
      const stored = await this.#trials.choose(name, wanted)
      return { certificate: this.#infoOf(stored.held), from: trial ?? current }
    })
  }

  /** @throws Refusal, while a bind serves it */
  remove(name: string): Promise<{ readonly removed: string }> {
    return this.#inTurn(async () => {
      const { keeper, store } = this.#options
      this.#stored(name)
      const binds = bindsOf(keeper, name)
      if (binds.length > 0) {
        const expected = 'another certificate for them first'
        throw new Refusal(409, 'in_use', `${name} is in use: ${binds.join(', ')}`, expected)
      }
      await store.remove(name)
      if (store.uses.some((use) => use.name === name))
        await store.setUses(store.uses.filter((use) => use.name !== name))
      keeper.supply({ kind: 'store', name }, [])
      return { removed: name }
    })
  }

  /**
   * Has binds serve a certificate of the store before those of their configuration.
   * @param where of the frontend: its TLS binds, or the one with that port
   * @param name null: as their configuration says
   * @throws Refusal
   */
  use(where: UsePlace, name: string | null, by: string): Promise<UseOutcome> {
    return this.#inTurn(async () => {
      const { store } = this.#options
      const binds = this.#tlsBinds(where).map(({ id }) => id)
      if (name !== null) this.#stored(name)
      const at = new Date().toISOString()
      const others = store.uses.filter(({ bind }) => !binds.includes(bind))
      await store.setUses(name === null ? others : [...others, ...binds.map((bind) => ({ bind, name, by, at }))])
      this.#settleUses()
      return { binds, name }
    })
  }

  /** Has these binds serve what their configuration says. @param binds ids, also of binds that are gone @throws Refusal */
  unuse(binds: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      const { store } = this.#options
      await store.setUses(store.uses.filter(({ bind }) => !binds.includes(bind)))
      this.#settleUses()
    })
  }

  #stored(name: string): StoredCertificate {
    const { store } = this.#options
    const names = store.certificates.map((each) => each.name)
    const stored = store.get(name)
    if (stored === undefined) throw unknown('certificate', name, names)
    return stored
  }

  #tlsBinds({ frontend: name, port }: UsePlace): readonly TlsBind[] {
    const { keeper, ports } = this.#options
    const { frontends } = keeper.config
    const frontend = frontends.find((each) => each.name === name)
    if (frontend === undefined)
      throw unknown(
        'frontend',
        name,
        frontends.map((each) => each.name),
      )
    const withTls = tlsBindsOf({ ...keeper.config, frontends: [frontend] })
    if (withTls.length === 0) throw new Refusal(409, 'no_tls', `frontend ${name} has no bind with TLS`)
    if (port === null) return withTls
    const meant = withTls.filter((bind) => bind.port === port || ports()[bind.id] === port)
    if (meant.length > 0) return meant
    const known = withTls.map((bind) => String(ports()[bind.id] ?? bind.port))
    throw new Refusal(
      404,
      'not_found',
      `frontend ${name} has no bind with TLS on port ${port}`,
      `one of ${known.join(', ')}`,
    )
  }

  /** Which binds serve one, each once. */
  #sayPlaceholders(): void {
    const { keeper, log } = this.#options
    const now = placeholdersIn(keeper)
    for (const bind of now.filter((each) => !this.#placeholders.includes(each)))
      log.warn({ bind }, `${bind} has no certificate yet: a placeholder is served, which no client accepts`)
    this.#placeholders = now
  }

  #settleUses(): void {
    const { keeper, store } = this.#options
    keeper.setUses(new Map(store.uses.map(({ bind, name }) => [bind, name])))
  }

  #infoOf(held: HeldCertificate): CertificateInfo {
    return infoIn(this.catalogue, held)
  }

  #inTurn<T>(job: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(job)
    this.#queue = done.catch(() => {})
    return done
  }
}

const heldOf = (stored: StoredCertificate | undefined): readonly HeldCertificate[] =>
  stored === undefined ? [] : [stored.held]

const isSame = ({ spec }: HeldCertificate, { cert, key }: { readonly cert: string; readonly key: string }): boolean =>
  spec.cert === cert && spec.key.trim() === key.trim()
