// Orders the certificates that the configuration wants from an authority (ACME), and renews them, as long as the process runs.
// What is there already is served from the start; what is not, a placeholder stands in for. How one is ordered is job.ts; how
// it comes to be served is up to the keeper of certificates.
import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import type { Config } from '../../config/config.ts'
import type { AcmeConfig, AcmeSource } from '../../config/config-tls.ts'
import type { CertificateKeeper } from '../certificates/keeper.ts'
import { sourceKey, type AcmeStatus, type HeldCertificate } from '../certificates/types.ts'
import { Answers, type Records } from './answers.ts'
import { Authority } from './authority.ts'
import { hookRecords } from './dns-hook.ts'
import { updateRecords } from './dns-update.ts'
import { askWhen, failed, order, prepareOrder, type Pace } from './job.ts'
import { KeptFolder } from './kept.ts'
import { askAgainTime, backoff } from './renewal.ts'
import { Wanted, wantedId } from './wanted.ts'

export interface AcmeOptions {
  readonly keeper: Pick<CertificateKeeper, 'supplyAll' | 'setChallenges'>
  readonly config: Config
  /** Where accounts and orders are kept; absolute, made if need be. */
  readonly folder: string
  /** Of Weir. */
  readonly version: string
  readonly log: Logger
  /** For tests. */
  readonly pace?: Pace
}

export const pace: Pace = { poll: 1000, patience: 300_000, backoff }

type Supply = readonly [source: AcmeSource, certificates: readonly HeldCertificate[]]

/** Orders under way at a time: an authority limits them, and nobody waits for the last of many. */
const AT_A_TIME = 4
/** The clock may be set meanwhile, and timers have an end. */
const LONGEST_SLEEP = 3_600_000
const LONGEST_CLOSE = 3000

export class AcmeManager {
  readonly #options: AcmeOptions
  readonly #kept: KeptFolder
  readonly #pace: Pace
  readonly #answers: Answers
  /** By id. */
  #wanted = new Map<string, Wanted>()
  #authority: Authority | null = null
  readonly #working = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | null = null
  #state: 'idle' | 'running' | 'closed' = 'idle'

  constructor(options: AcmeOptions) {
    const { keeper, log, folder } = options
    this.#options = options
    this.#kept = new KeptFolder(folder)
    this.#pace = options.pace ?? pace
    this.#answers = new Answers({
      publish: (challenges) => keeper.setChallenges(challenges),
      onLeftOver: ({ name }, error) => log.warn({ record: name }, `a TXT record is left over: ${error.message}`),
    })
    this.#follow(options.config)
  }

  get statuses(): readonly AcmeStatus[] {
    return [...this.#wanted.values()].map(({ status }) => status)
  }

  /**
   * What has to be on disk before clients are let in: the account's key, and those of the certificates that are ordered first.
   * @throws Error when the disk does not take it
   */
  async prepare(): Promise<void> {
    if (this.#authority === null) return
    await this.#authority.prepare()
    for (const wanted of this.#wanted.values()) {
      if (wanted.broken === null && wanted.held === null) await prepareOrder(wanted)
    }
  }

  /** To be called when the workers listen: the authority is going to knock. */
  start(): void {
    if (this.#state !== 'idle') return
    this.#state = 'running'
    for (const wanted of this.#wanted.values()) if (wanted.broken === null) wanted.refresh()
    this.#options.keeper.supplyAll([...this.#wanted.values()].flatMap(suppliesOf))
    this.#wake()
  }

  /** The configuration that runs is another. */
  follow(config: Config): void {
    this.#follow(config)
    this.#wake()
  }

  /** Nothing is done any more; what is under way goes on at the next start. */
  async close(): Promise<void> {
    this.#state = 'closed'
    if (this.#timer !== null) clearTimeout(this.#timer)
    for (const { work } of this.#wanted.values()) work?.abort()
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, LONGEST_CLOSE)
    await Promise.race([Promise.all(this.#working), promise]) // records are taken away, if that does not take long
    clearTimeout(timer)
    await this.#authority?.close()
  }

  #follow({ frontends, acme }: Config): void {
    const { keeper, log } = this.#options
    const before = this.#wanted
    const sources = frontends
      .flatMap(({ binds }) => binds)
      .flatMap(({ tls }) => tls?.certificates ?? [])
      .filter((source): source is AcmeSource => source.kind === 'acme')
    const needed = new Set(sources.map(sourceKey))
    const gone = [...before.values()]
      .flatMap((wanted) => wanted.sources)
      .filter((source) => !needed.has(sourceKey(source)))
    const supplies: Supply[] = gone.map((source) => [source, []])
    this.#wanted = new Map()
    this.#useAuthority(acme)
    for (const same of acme === null ? [] : alike(acme.directory, sources)) {
      const id = wantedId(acme!.directory, same[0]!)
      const known = before.get(id)
      known?.adopt(same)
      const wanted = known ?? new Wanted(this.#kept, acme!.directory, same)
      this.#wanted.set(id, wanted)
      if (wanted.broken !== null) log.error({ names: wanted.source.names }, `nothing is ordered: ${wanted.broken}`)
      supplies.push(...suppliesOf(wanted))
    }
    for (const [id, { work }] of before) if (!this.#wanted.has(id)) work?.abort()
    if (supplies.length > 0) keeper.supplyAll(supplies)
  }

  #useAuthority(acme: AcmeConfig | null): void {
    if (isDeepStrictEqual(acme, this.#authority?.config ?? null)) return
    const { version } = this.#options
    // What is under way with the other one ends by itself.
    this.#authority = acme === null ? null : new Authority(acme, this.#kept, version)
    this.#answers.records = acme === null ? null : this.#recordsFor(acme)
  }

  #recordsFor({ dns }: AcmeConfig): Records | null {
    const { log } = this.#options
    if (dns === null) return null
    if (dns.kind === 'hook') return hookRecords(dns.path, dns.wait)
    const onMissing = ({ name }: { readonly name: string }, servers: readonly string[]): void =>
      log.warn({ record: name, servers }, `name servers do not have the record yet: ${servers.join(', ')}`)
    return updateRecords(dns, { onMissing })
  }

  /** Begins what is due, and sleeps until something else is. */
  #wake(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#state !== 'running') return
    const now = Date.now()
    let next = now + LONGEST_SLEEP
    for (const wanted of this.#wanted.values()) {
      const at = wanted.dueAt
      if (wanted.work !== null) continue
      if (at > now) next = Math.min(next, at)
      else if (this.#mayBegin(wanted)) this.#begin(wanted)
    }
    this.#timer = setTimeout(() => this.#wake(), Math.max(next - now, 10))
    this.#timer.unref()
  }

  /** Not while another one proves one of its names: there is one answer for TLS-ALPN-01 at a time. */
  #mayBegin({ source: { names } }: Wanted): boolean {
    const busy = [...this.#wanted.values()].filter(({ work }) => work !== null)
    return busy.length < AT_A_TIME && !busy.some(({ source }) => source.names.some((name) => names.includes(name)))
  }

  #begin(wanted: Wanted): void {
    const work = new AbortController()
    wanted.work = work
    const done = this.#attend(wanted, this.#authority!, work.signal).finally(() => {
      wanted.work = null
      this.#working.delete(done)
      this.#wake()
    })
    this.#working.add(done)
  }

  async #attend(wanted: Wanted, authority: Authority, signal: AbortSignal): Promise<void> {
    const { keeper, log } = this.#options
    const { names } = wanted.source
    if (!wanted.mustOrder(Date.now())) {
      await askWhen(wanted, authority, signal).catch((error: Error) => {
        if (signal.aborted) return
        log.info({ names }, `when to renew is not known: ${error.message}`)
        wanted.note({ renewal: { ...wanted.ordered.renewal!, askAt: askAgainTime(Date.now(), null) } })
      })
      return
    }
    const { directory } = wanted
    const means = { authority, answers: this.#answers, pace: this.#pace }
    try {
      log.info(
        { names, directory, challenge: wanted.source.challenge },
        `ordering a certificate for ${names.join(', ')}`,
      )
      await order(wanted, means, signal)
      keeper.supplyAll(suppliesOf(wanted))
      const until = wanted.status.notAfter
      log.info(
        { names, directory, notAfter: until },
        `the certificate for ${names.join(', ')} is there, valid until ${until}`,
      )
    } catch (error) {
      if (signal.aborted) return
      const why = await failed(wanted, means, error as Error).catch((more: Error) => more.message)
      const { tries, nextTry } = wanted.status
      log.warn({ names, directory, tries, nextTry }, `no certificate for ${names.join(', ')} yet: ${why}`)
    }
  }
}

/** Those that want the same certificate together. */
function alike(directory: string, sources: readonly AcmeSource[]): Iterable<readonly AcmeSource[]> {
  const distinct = new Map(sources.map((source) => [sourceKey(source), source]))
  return Map.groupBy(distinct.values(), (source) => wantedId(directory, source)).values()
}

const suppliesOf = ({ held, sources }: Wanted): Supply[] =>
  held === null ? [] : sources.map((source) => [source, [held]])
