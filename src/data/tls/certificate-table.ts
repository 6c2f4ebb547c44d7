// The certificates of one worker, for all of its binds: what the control plane has sent last. They come and go while binds
// stay, so they are kept apart from them; a bind is told when what it serves has changed. Nothing is made of them here.
// A change costs as much as it names: of ten thousand certificates, the one that has changed.
import type { BindCertificates, CanarySpec, CertificatesChange, CertificateSpec } from '../../messages/tls.ts'

/** What one bind serves; `canary` names two of the list. */
export interface ServedCertificates {
  /** The first is the default. */
  readonly list: readonly CertificateSpec[]
  readonly canary: CanarySpec | null
}

/** Whoever serves the certificates of a bind. */
export interface BindWatcher {
  /** What the bind serves has changed. */
  onCertificates(): void
  /** OCSP responses have come or gone, perhaps of other binds. */
  onStaples(): void
}

const nothing: ServedCertificates = { list: [], canary: null }

export class CertificateTable {
  readonly #certificates = new Map<string, CertificateSpec>()
  readonly #binds = new Map<string, BindCertificates>()
  readonly #staples = new Map<string, Uint8Array>()
  /** By bind id. */
  readonly #watchers = new Map<string, Set<BindWatcher>>()
  readonly #onRemoved: (ids: readonly string[]) => void

  /** @param onRemoved told of ids that no bind needs any more, after those that are concerned */
  constructor(first: CertificatesChange, onRemoved: (ids: readonly string[]) => void = () => {}) {
    this.#onRemoved = onRemoved
    this.change(first)
  }

  /** Binds that are concerned are told before it returns. */
  change({ added, removed, binds, staples }: CertificatesChange): void {
    for (const certificate of added) this.#certificates.set(certificate.id, certificate)
    for (const [id, staple] of Object.entries(staples)) {
      if (staple === null) this.#staples.delete(id)
      else this.#staples.set(id, staple)
    }
    for (const [bind, served] of Object.entries(binds)) {
      this.#binds.set(bind, served)
      for (const watcher of this.#watchers.get(bind) ?? []) watcher.onCertificates()
    }
    if (Object.keys(staples).length > 0) {
      for (const watchers of this.#watchers.values()) for (const watcher of watchers) watcher.onStaples()
    }
    for (const id of removed) {
      this.#certificates.delete(id)
      this.#staples.delete(id)
    }
    this.#onRemoved(removed)
  }

  of(bind: string): ServedCertificates {
    const served = this.#binds.get(bind)
    if (served === undefined) return nothing
    const list = served.ids.map((id) => this.#certificates.get(id)).filter((each) => each !== undefined)
    return { list, canary: served.canary }
  }

  /** OCSP response for a certificate, DER; null: there is none. */
  stapleOf(id: string): Uint8Array | null {
    return this.#staples.get(id) ?? null
  }

  watch(bind: string, watcher: BindWatcher): void {
    const watchers = this.#watchers.get(bind)
    if (watchers === undefined) this.#watchers.set(bind, new Set([watcher]))
    else watchers.add(watcher)
  }

  unwatch(bind: string, watcher: BindWatcher): void {
    const watchers = this.#watchers.get(bind)
    if (watchers?.delete(watcher) && watchers.size === 0) this.#watchers.delete(bind)
  }
}
