// One certificate that is ordered, over the years: what is kept of it on disk, when something is to be done about it, and what
// people are told. What is done is job.ts.
//
//   pending --ordered--> valid --time to renew--> renewing --ordered--> valid
//   pending, renewing --in vain--> failed --time to try again--> pending, renewing
import type { AcmeSource } from '../../config/config-tls.ts'
import { readCertificate } from '../../config/certificate.ts'
import { hold } from '../certificates/held.ts'
import type { AcmeStatus, HeldCertificate } from '../certificates/types.ts'
import type { KeptFolder, Ordered } from './kept.ts'

export class Wanted {
  readonly directory: string
  /** Equal for equal ones. */
  readonly id: string
  readonly #kept: KeptFolder
  #sources: readonly AcmeSource[]
  #ordered: Ordered
  #held: HeldCertificate | null = null
  /** Why nothing can be done about it; null: nothing is in the way. */
  #broken: string | null = null
  /** What is being done; null: nothing is. */
  work: AbortController | null = null

  /** @param sources that say the same: names in any order, and the same type of key. Never empty. */
  constructor(kept: KeptFolder, directory: string, sources: readonly AcmeSource[]) {
    this.#kept = kept
    this.directory = directory
    this.#sources = sources
    this.id = wantedId(directory, this.source)
    this.#ordered = none(directory, this.source)
    this.refresh()
  }

  /** Reads what is on disk: another Weir may have gone on with it until now. */
  refresh(): void {
    try {
      this.#ordered = this.#kept.ordered(this.directory, this.source) ?? none(this.directory, this.source)
      const { certificate } = this.#ordered
      if (certificate !== null) this.#held = heldOf(this.source, certificate)
    } catch (error) {
      this.#broken = (error as Error).message
      this.#ordered = { ...none(this.directory, this.source), tries: 1, lastError: this.#broken }
    }
  }

  get source(): AcmeSource {
    return this.#sources[0]!
  }

  get sources(): readonly AcmeSource[] {
    return this.#sources
  }

  /** The same certificate, perhaps proved in another way from now on. */
  adopt(sources: readonly AcmeSource[]): void {
    this.#sources = sources
  }

  get ordered(): Ordered {
    return this.#ordered
  }

  get held(): HeldCertificate | null {
    return this.#held
  }

  get broken(): string | null {
    return this.#broken
  }

  /** The disk has it when this resolves. @throws the error of the system */
  async keep(change: Partial<Ordered>): Promise<void> {
    const next = { ...this.#ordered, ...change }
    const held = change.certificate ? heldOf(this.source, change.certificate) : this.#held
    await this.#kept.writeOrdered(this.directory, this.source, next)
    this.#ordered = next
    this.#held = held
  }

  /** What failed, even where the disk does not take it. */
  note(change: Partial<Ordered>): void {
    this.#ordered = { ...this.#ordered, ...change }
  }

  /** Milliseconds since the epoch: when something is to be done. */
  get dueAt(): number {
    if (this.#broken !== null) return Infinity
    const { nextTry, renewal } = this.#ordered
    if (this.mustOrder(0)) return nextTry ?? 0
    return Math.min(renewal!.at, renewal!.askAt)
  }

  /** Whether a certificate is to be ordered, not only asked about. @param now milliseconds since the epoch */
  mustOrder(now: number): boolean {
    const { order, renewal, tries } = this.#ordered
    return this.#held === null || order !== null || tries > 0 || renewal === null || renewal.at <= now
  }

  get status(): AcmeStatus {
    const { source, directory } = this
    const { renewal, lastError, tries, nextTry } = this.#ordered
    return {
      names: source.names,
      state: this.#state(),
      directory,
      challenge: source.challenge,
      notAfter: this.#held === null ? null : iso(this.#held.notAfter),
      renewAt: this.#held === null || renewal === null ? null : iso(renewal.at),
      lastError,
      tries,
      nextTry: nextTry === null ? null : iso(nextTry),
    }
  }

  #state(): AcmeStatus['state'] {
    if (this.#ordered.tries > 0) return 'failed'
    if (this.#held === null) return 'pending'
    return this.mustOrder(Date.now()) ? 'renewing' : 'valid'
  }
}

export const wantedId = (directory: string, { names, keyType }: AcmeSource): string =>
  [directory, keyType, ...names.toSorted()].join(' ')

/** @throws Error when the two do not go together, or not with OpenSSL, or the names are not those that are wanted */
export function heldOf(
  { names }: AcmeSource,
  { cert, key }: { readonly cert: string; readonly key: string },
): HeldCertificate {
  const read = readCertificate({ certPem: cert, keyPem: key })
  if ('problem' in read) throw new Error(read.problem)
  const missing = names.filter((name) => !read.names.includes(name))
  if (missing.length > 0) throw new Error(`The certificate is not for ${missing.join(', ')}`)
  return hold(names[0]!, 'acme', read)
}

const none = (directory: string, { names }: AcmeSource): Ordered => ({
  names: [...names],
  directory,
  certificate: null,
  order: null,
  renewal: null,
  obtainedAt: null,
  tries: 0,
  nextTry: null,
  lastError: null,
})

const iso = (at: number): string => new Date(at).toISOString()
