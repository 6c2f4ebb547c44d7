// Which certificates the binds serve, from all sources: files of the configuration, folders, the store, and ACME. Workers get
// what has changed, apart from snapshots, so that a certificate can come or go without a reload. What comes and goes is
// supplied by the files beside this one; how it is put together is served.ts.
import type { Config } from '../../config/config.ts'
import type { CertificateSource } from '../../config/config-tls.ts'
import type { CertificatesChange, Challenges, TicketKeys, WorkerTls } from '../../messages/tls.ts'
import type { TlsMessage } from '../workers-types.ts'
import { holdFile } from './held.ts'
import {
  changeTo,
  compose,
  servedBy,
  tlsBindsOf,
  type Composition,
  type Served,
  type Stock,
  type Trial,
} from './served.ts'
import { sourceKey, type HeldCertificate } from './types.ts'

export interface KeeperOptions {
  /** To all workers that run. */
  readonly tell: (message: TlsMessage) => void
  /** The same, and resolves when they answer by them. */
  readonly tellChallenges: (challenges: Challenges) => Promise<void>
  readonly ticketKeys: TicketKeys
  /** For binds that have nothing to serve yet; null: they serve nothing then. */
  readonly makePlaceholder?: ((names: readonly string[]) => Promise<HeldCertificate>) | null
}

type Supply = readonly [source: CertificateSource, certificates: readonly HeldCertificate[]]

/** Of a placeholder, where nothing says which names it is for: no client ever asks for this one (RFC 2606, section 2). */
const NAMELESS: readonly string[] = ['placeholder.invalid']

export class CertificateKeeper {
  readonly #options: KeeperOptions
  /** By source key: of sources that come and go. */
  readonly #supplied = new Map<string, readonly HeldCertificate[]>()
  /** By their names. */
  readonly #placeholders = new Map<string, HeldCertificate>()
  readonly #trials = new Map<string, Trial>()
  readonly #staples = new Map<string, Uint8Array>()
  readonly #revoked = new Set<string>()
  readonly #listeners = new Set<() => void>()
  #uses: ReadonlyMap<string, string> = new Map()
  #challenges: Challenges = { http: {}, tls: {} }
  #ticketKeys: TicketKeys
  #config: Config
  /** What workers are about to go over to; null: they stay. */
  #next: Config | null = null
  #served: Served

  constructor(config: Config, options: KeeperOptions) {
    this.#options = options
    this.#ticketKeys = options.ticketKeys
    this.#config = config
    this.#served = servedBy(config, this.#stock())
  }

  /** For a worker that starts now. */
  get workerTls(): WorkerTls {
    const { certificates, binds } = this.#served
    return {
      certificates: {
        added: [...certificates.values()],
        removed: [],
        binds: Object.fromEntries(binds),
        staples: Object.fromEntries(this.#staples),
      },
      challenges: this.#challenges,
      ticketKeys: this.#ticketKeys,
    }
  }

  /** The configuration that workers go by. */
  get config(): Config {
    return this.#config
  }

  /** What each bind of that configuration serves. */
  get serving(): readonly Composition[] {
    const stock = this.#stock()
    return tlsBindsOf(this.#config).map((bind) => compose(bind, stock))
  }

  /** All that there is, whether a bind serves it or not; placeholders only while one does. */
  get held(): readonly HeldCertificate[] {
    const files = tlsBindsOf(this.#config).flatMap(({ tls }) => tls.certificates.filter(({ kind }) => kind === 'file'))
    const served = this.serving.flatMap(({ list, trial }) => (trial === null ? list : [...list, trial.certificate]))
    const trials = [...this.#trials.values()].map(({ certificate }) => certificate)
    const supplied = [...this.#supplied.values()].flat()
    return [...new Set([...served, ...files.flatMap((source) => this.#of(source)), ...supplied, ...trials])]
  }

  get uses(): ReadonlyMap<string, string> {
    return this.#uses
  }

  get trials(): ReadonlyMap<string, Trial> {
    return this.#trials
  }

  hasStaple(id: string): boolean {
    return this.#staples.has(id)
  }

  /** That its authority has revoked it, as a responder says. */
  isRevoked(id: string): boolean {
    return this.#revoked.has(id)
  }

  /** @param listener called whenever binds have come to serve something else @returns a function that ends it */
  onServed(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What a source has now, in place of what it had. Workers serve it from their next handshake on. */
  supply(source: CertificateSource, certificates: readonly HeldCertificate[]): void {
    this.supplyAll([[source, certificates]])
  }

  /** The same for several at once. */
  supplyAll(supplies: Iterable<Supply>): void {
    for (const [source, certificates] of supplies) {
      if (certificates.length === 0) this.#supplied.delete(sourceKey(source))
      else this.#supplied.set(sourceKey(source), certificates)
    }
    this.#refresh()
  }

  /** @param uses names in the store, by the id of the bind that is to serve them before what its configuration says */
  setUses(uses: ReadonlyMap<string, string>): void {
    this.#uses = uses
    this.#refresh()
  }

  /**
   * Puts a certificate on trial in a share of the handshakes of all binds that serve this name of the store.
   * @param trial null: there is none any more
   */
  setCanary(name: string, trial: Trial | null): void {
    if (trial === null) this.#trials.delete(name)
    else this.#trials.set(name, trial)
    this.#refresh()
  }

  /** @param response DER; null: there is none any more */
  staple(id: string, response: Uint8Array | null): void {
    if (response === null) this.#staples.delete(id)
    else this.#staples.set(id, response)
    this.#tell({ added: [], removed: [], binds: {}, staples: { [id]: response } })
  }

  setRevoked(id: string, revoked: boolean): void {
    if (revoked) this.#revoked.add(id)
    else this.#revoked.delete(id)
  }

  /** Resolves when the workers answer by them: those that run have said so, one that starts from now on begins with them. */
  setChallenges(challenges: Challenges): Promise<void> {
    this.#challenges = challenges
    return this.#options.tellChallenges(challenges)
  }

  setTicketKeys(keys: TicketKeys): void {
    this.#ticketKeys = keys
    this.#options.tell({ type: 'ticket-keys', keys })
  }

  /** Makes the placeholders that a configuration may need; to be called before it is followed. */
  async prepare(config: Config): Promise<void> {
    const { makePlaceholder: make = null } = this.#options
    if (make === null) return
    for (const { tls } of tlsBindsOf(config)) {
      const names = namesFor(tls.certificates)
      const mayBeEmpty = tls.certificates.every(({ kind }) => kind !== 'file')
      if (mayBeEmpty && !this.#placeholders.has(names.join())) this.#placeholders.set(names.join(), await make(names))
    }
    this.#refresh()
  }

  /** Before workers go over to a configuration: what its binds serve. What only the one of before needs stays. */
  follow(config: Config): void {
    this.#next = config
    this.#refresh()
  }

  /** The workers go by this configuration: what no bind needs any more goes. */
  settle(config: Config): void {
    this.#next = null
    this.#config = config
    this.#refresh()
  }

  #refresh(): void {
    const next = this.#wanted()
    const change = changeTo(this.#served, next)
    this.#served = next
    for (const id of change.removed) {
      this.#staples.delete(id)
      this.#revoked.delete(id)
    }
    this.#tell(change)
  }

  /** By the configuration that runs, and by the one that is about to, which has the last word on a bind of both. */
  #wanted(): Served {
    const stock = this.#stock()
    const now = servedBy(this.#config, stock)
    if (this.#next === null) return now
    const next = servedBy(this.#next, stock)
    return {
      certificates: new Map([...now.certificates, ...next.certificates]),
      binds: new Map([...now.binds, ...next.binds]),
    }
  }

  #tell(change: CertificatesChange): void {
    const { added, removed, staples } = change
    const binds = Object.keys(change.binds).length
    if (added.length + removed.length + binds + Object.keys(staples).length === 0) return
    this.#options.tell({ type: 'certificates', change })
    if (added.length + removed.length + binds > 0) for (const listener of this.#listeners) listener()
  }

  #of(source: CertificateSource): readonly HeldCertificate[] {
    if (source.kind === 'file') return [holdFile(source.path, source.certificate)]
    return this.#supplied.get(sourceKey(source)) ?? []
  }

  #stock(): Stock {
    return {
      of: (source) => this.#of(source),
      stored: (name) => this.#supplied.get(sourceKey({ kind: 'store', name }))?.[0],
      uses: this.#uses,
      trials: this.#trials,
      placeholder: (sources) => this.#placeholders.get(namesFor(sources).join()),
    }
  }
}

/** Which names a placeholder is for: those that are ordered. */
function namesFor(sources: readonly CertificateSource[]): readonly string[] {
  const ordered = sources.flatMap((source) => (source.kind === 'acme' ? source.names : []))
  return ordered.length > 0 ? [...new Set(ordered)] : NAMELESS
}
