// What the parts of the management of certificates tell each other. Types and names only.
import type { AcmeChallenge, CertificateSource } from '../../config/config-tls.ts'
import type { CertificateSpec } from '../../messages/tls.ts'
import type { Millis } from '../../model/units.ts'

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
  /** Of the store: where it stands among those of IAM, '/' or '/web/eu/'; else null. */
  readonly path: string | null
  /** Of the store: which version of that name it is, from 1; else null. */
  readonly version: number | null
  /** Of the store: when that version came, ISO 8601; else null. */
  readonly storedAt: string | null
  /** A share of handshakes (percent) gets it on trial; null: it is served to all, or to none. */
  readonly canary: number | null
  /** `revoked`: its responder says so. */
  readonly ocsp: 'stapled' | 'revoked' | 'none'
}

/** What `weir cert acme` says of a certificate that is ordered. */
export interface AcmeStatus {
  readonly names: readonly string[]
  /** `pending`: there is none yet; `renewing`: the one that there is is served meanwhile; `failed`: the last try was in vain. */
  readonly state: 'pending' | 'valid' | 'renewing' | 'failed'
  /** URL of the authority's directory. */
  readonly directory: string
  readonly challenge: AcmeChallenge
  /** Of the certificate that is served, ISO 8601; null: there is none yet. So for the next two. */
  readonly notAfter: string | null
  readonly renewAt: string | null
  /** What the authority said, or what failed; null: nothing did. */
  readonly lastError: string | null
  /** In vain, since the last that was not. */
  readonly tries: number
  /** ISO 8601; null: nothing waits. */
  readonly nextTry: string | null
}

/** How a new version is to be tried. */
export interface TrialWish {
  /** Of the handshakes: more than 0, less than 1. */
  readonly share: number
  readonly span: Millis
}

/** A new version in the store, on trial in a share of the handshakes. Who judges it says how it ends, by one of the two. */
export interface CanaryTrial {
  /** In the store. */
  readonly name: string
  readonly certificate: HeldCertificate
  /** More than 0, less than 1. */
  readonly share: number
  /** How long it has to do well. */
  readonly span: Millis
  /** It did well: it is to be served to all. */
  readonly onPromoted: () => void
  /** It did not, for this reason: the one of before is to be served to all. */
  readonly onWithdrawn: (why: string) => void
}

/** Who judges trials; at most one is under way. */
export interface Canaries {
  begin(trial: CanaryTrial): void
  /** The trial of this name ends without a verdict: neither of its functions is called. */
  end(name: string): void
}

/** A file of a folder that cannot be used. */
export interface FileProblem {
  readonly path: string
  readonly problem: string
  /** What was read of it before is served still. */
  readonly servesOld: boolean
  /** ISO 8601. */
  readonly since: string
}

/** What `weir cert list` shows. */
export interface CertificateList {
  readonly certificates: readonly CertificateInfo[]
  readonly uses: readonly CertificateUse[]
  readonly problems: readonly FileProblem[]
}

/** What `weir cert show` shows. */
export interface CertificateDetails extends CertificateInfo {
  /** Of the store, the oldest first; else empty. */
  readonly versions: readonly {
    readonly version: number
    readonly storedAt: string
    readonly by: string
    readonly fingerprint: string
    readonly notAfter: string
    readonly current: boolean
  }[]
}

/** What `weir status` and readiness go by. */
export interface CertificateSummary {
  /** Ids of the binds that serve a placeholder, because what they are to serve is not there yet. */
  readonly placeholders: readonly string[]
  /** Of those that are served, the ones that end soon or have ended; the first to end comes first. */
  readonly expiring: readonly {
    readonly name: string
    readonly notAfter: string
    readonly daysLeft: number
    readonly binds: readonly string[]
  }[]
  readonly problems: readonly FileProblem[]
}

/** That a bind serves a certificate of the store before those of its configuration, by word of an operator. */
export interface CertificateUse {
  /** Id of the bind. */
  readonly bind: string
  /** In the store. */
  readonly name: string
  /** Who said so, as the log has it, and when: ISO 8601. */
  readonly by: string
  readonly at: string
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
