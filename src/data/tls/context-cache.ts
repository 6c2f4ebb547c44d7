// The OpenSSL contexts of one worker, for all of its binds: made when a handshake first needs them, kept while they are used.
// A bind with ten thousand certificates has contexts for those that are asked for; past `most` the one that was not used
// for longest goes, and comes back in about a millisecond. A certificate that OpenSSL refuses is reported once, and then
// counts as not being there.
import type { SecureContext } from 'node:tls'
import type { CertificateSpec } from '../../messages/tls.ts'
import type { Log } from '../log.ts'
import type { ContextRecipe } from './context-recipe.ts'
import type { TicketSecrets } from './tickets.ts'

/** Of one worker. A context takes 7 to 30 KiB, so that these are some 300 MiB at most, if that many names are asked for. */
const MOST = 16_384

interface Made {
  /** Null: OpenSSL refuses it. */
  readonly context: SecureContext | null
  readonly certificates: readonly string[]
}

export class ContextCache {
  readonly #log: Log
  readonly #secrets: () => TicketSecrets
  readonly #most: number
  /** By recipe and ids of certificates; those used last are at the end. */
  readonly #made = new Map<string, Made>()

  constructor(log: Log, secrets: () => TicketSecrets, most = MOST) {
    this.#log = log
    this.#secrets = secrets
    this.#most = most
  }

  get size(): number {
    return this.#made.size
  }

  /** @param certificates at most one of each key type. @returns null: OpenSSL refuses one of them */
  of(recipe: ContextRecipe, certificates: readonly CertificateSpec[]): SecureContext | null {
    let key = recipe.id
    for (const { id } of certificates) key += id
    let made = this.#made.get(key)
    if (made === undefined) {
      if (this.#made.size >= this.#most) this.#made.delete(this.#made.keys().next().value!)
      made = { context: this.#make(recipe, certificates), certificates: certificates.map(({ id }) => id) }
    } else this.#made.delete(key)
    this.#made.set(key, made)
    return made.context
  }

  #make(recipe: ContextRecipe, certificates: readonly CertificateSpec[]): SecureContext | null {
    try {
      return recipe.make(certificates, this.#secrets)
    } catch (error) {
      const names = certificates.flatMap((each) => each.names).slice(0, 10)
      this.#log('error', 'Cannot serve a certificate: OpenSSL refuses it', { names, error: (error as Error).message })
      return null
    }
  }

  /** These certificates are gone. */
  forget(ids: readonly string[]): void {
    if (ids.length === 0) return
    const gone = new Set(ids)
    for (const [key, { certificates }] of this.#made) {
      if (certificates.some((id) => gone.has(id))) this.#made.delete(key)
    }
  }

  /** All are made anew when they are needed. Handshakes that have begun end with those they have. */
  clear(): void {
    this.#made.clear()
  }
}
