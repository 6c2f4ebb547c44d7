// The certificates of one worker, for all of its binds: what the control plane has sent last. They come and go while binds
// stay, so they are kept apart from them; a bind is told when what it serves has changed. Nothing is made of them here.
import type { BindCertificates, CanarySpec, CertificatesChange, CertificateSpec } from '../../messages/tls.ts'

/** What one bind serves; `canary` names two of the list. */
export interface ServedCertificates {
  /** The first is the default. */
  readonly list: readonly CertificateSpec[]
  readonly canary: CanarySpec | null
}

const nothing: ServedCertificates = { list: [], canary: null }

export class CertificateTable {
  readonly #certificates = new Map<string, CertificateSpec>()
  readonly #binds = new Map<string, BindCertificates>()
  readonly #staples = new Map<string, Uint8Array>()
  readonly #watchers = new Map<string, () => void>()

  constructor(first: CertificatesChange) {
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
      this.#watchers.get(bind)?.()
    }
    for (const id of removed) {
      this.#certificates.delete(id)
      this.#staples.delete(id)
    }
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

  /** @param onChange called when what the bind serves has changed; null: nobody is to be told any more */
  watch(bind: string, onChange: (() => void) | null): void {
    if (onChange === null) this.#watchers.delete(bind)
    else this.#watchers.set(bind, onChange)
  }
}
