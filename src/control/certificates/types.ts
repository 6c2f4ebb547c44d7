// What the parts of the management of certificates tell each other. Types and names only.
import type { CertificateSource } from '../../config/config-tls.ts'
import type { CertificateSpec } from '../../messages/tls.ts'

/** A certificate that Weir has, wherever it comes from. */
export interface HeldCertificate {
  /** As people call it: the name in the store, the path of the file, the first of the names that were ordered. */
  readonly name: string
  /** `placeholder`: signed by itself, until the one that is wanted is there. */
  readonly kind: CertificateSource['kind'] | 'placeholder'
  readonly spec: CertificateSpec
  /** Milliseconds since the epoch, both included. */
  readonly notBefore: number
  readonly notAfter: number
}

/** What `weir cert list` and `show` say of one, and the routes of the control socket. */
export interface CertificateInfo {
  readonly name: string
  readonly kind: HeldCertificate['kind']
  readonly id: string
  readonly names: readonly string[]
  readonly keyType: CertificateSpec['keyType']
  /** Distinguished names in one line: 'CN=R11, O=Let's Encrypt, C=US'. */
  readonly subject: string
  readonly issuer: string
  /** Hexadecimal, upper case. */
  readonly serial: string
  /** SHA-256 of the leaf: 64 hexadecimal digits, upper case. */
  readonly fingerprint: string
  /** ISO 8601. */
  readonly notBefore: string
  readonly notAfter: string
  /** Whole days until it is not valid any more; negative when that is past. */
  readonly daysLeft: number
  /** Certificates that are sent with it. */
  readonly chainLength: number
  /** Ids of the binds that serve it; empty: none does. */
  readonly binds: readonly string[]
  /** Of the store: which version of that name it is, from 1; else null. */
  readonly version: number | null
  /** Of the store: when that version came, ISO 8601; else null. */
  readonly storedAt: string | null
  /** A share of handshakes (percent) gets it on trial; null: it is served to all, or to none. */
  readonly canary: number | null
  readonly ocsp: 'stapled' | 'none'
}

/** Under which the certificates of a source are supplied: equal for equal sources. */
export function sourceKey(source: CertificateSource): string {
  switch (source.kind) {
    case 'file':
      return `file:${source.path}`
    case 'folder':
      return `folder:${source.path}`
    case 'store':
      return `store:${source.name}`
    case 'acme':
      return `acme:${source.keyType}:${source.names.join(',')}`
  }
}
