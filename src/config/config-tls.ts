// The configuration of TLS and certificates as the rest of Weir sees it: complete, resolved and frozen. Types only.
import type { TlsVersion } from '../model/tls-versions.ts'
import type { Millis } from '../model/units.ts'

export interface TlsConfig {
  /** In order; the first certificate that there is of them is the default. */
  readonly certificates: readonly CertificateSource[]
  readonly strictSni: boolean
  readonly minVersion: TlsVersion
  readonly maxVersion: TlsVersion
  /** OpenSSL's lists, as the profile or the options have them; null: Weir's default. */
  readonly ciphers: string | null
  readonly groups: string | null
  readonly alpn: readonly string[]
  readonly tickets: boolean
  /** Answers of the responder that a certificate names are stapled to it. */
  readonly ocsp: boolean
  /** Under way at a time, on one worker; 0: any number. */
  readonly maxHandshakes: number
  readonly clientAuth: ClientAuthConfig | null
  /** Value of Strict-Transport-Security; null: not said. */
  readonly hsts: string | null
  readonly passthrough: readonly PassthroughConfig[]
}

/** Where certificates come from. Those of files are read with the configuration, the others come and go while it runs. */
export type CertificateSource =
  | {
      readonly kind: 'file'
      /** Absolute. */
      readonly path: string
      readonly certificate: CertificateConfig
    }
  /** Absolute path of a folder whose certificates are served as they come and go. */
  | { readonly kind: 'folder'; readonly path: string }
  /** A name in the store that `weir cert put` fills; it need not be there yet. */
  | { readonly kind: 'store'; readonly name: string }
  | AcmeSource

/** Ordered from the authority of `acme`. */
export interface AcmeSource {
  readonly kind: 'acme'
  /** DNS names, lower-cased; the first names the certificate. */
  readonly names: readonly string[]
  readonly challenge: AcmeChallenge
  readonly keyType: 'ec' | 'rsa'
}

export type AcmeChallenge = 'http-01' | 'tls-alpn-01' | 'dns-01'

export interface CertificateConfig {
  /** PEM, leaf first. */
  readonly cert: string
  /** PEM. Never logged. */
  readonly key: string
  readonly names: readonly string[]
  readonly keyType: 'ec' | 'rsa' | 'other'
}

export interface ClientAuthConfig {
  readonly mode: 'required' | 'optional'
  /** PEM. */
  readonly ca: string
  readonly crl: string | null
  readonly depth: number
  /** Header fields that tell servers who the client is; null: none. */
  readonly fields: 'x-client-cert' | 'x-ssl' | 'client-cert' | 'client-cert-chain' | null
}

export interface PassthroughConfig {
  readonly names: readonly string[]
  readonly protocols: readonly string[]
  /** Name of a tcp backend. */
  readonly backend: string
}

/** The authority that certificates are ordered from (RFC 8555). */
export interface AcmeConfig {
  /** URL of its directory. */
  readonly directory: string
  /** For its notices; null: none. */
  readonly email: string | null
  /** PEM of the authorities that its own certificate is held against; null: those that Node ships. */
  readonly ca: string | null
  /** Says that this account is somebody's (external account binding); null: not asked for. */
  readonly eab: { readonly keyId: string; /** Never logged. */ readonly key: Uint8Array } | null
  /** How DNS-01 is answered; null: not at all. */
  readonly dns: AcmeDnsConfig | null
  /** Common name of the issuer at the top of the chain that is preferred; null: the chain that comes first. */
  readonly preferredChain: string | null
  /** ACME profile that is asked for, or null. */
  readonly profile: string | null
}

export type AcmeDnsConfig =
  | {
      readonly kind: 'update'
      /** 'host:port' of the server that takes updates (RFC 2136). */
      readonly server: string
      /** null: found by asking. */
      readonly zone: string | null
      /** TSIG (RFC 8945); null: updates are not signed. The secret is never logged. */
      readonly key: { readonly name: string; readonly algorithm: string; readonly secret: Uint8Array } | null
      /** How long to wait for the other servers of the zone. */
      readonly wait: Millis
    }
  /** A program, absolute: called with `add` or `remove`, the name of the record, and its value. */
  | { readonly kind: 'hook'; readonly path: string; readonly wait: Millis }

export interface ServerTlsConfig {
  readonly verify: boolean
  /** PEM; null: the authorities that Node ships. */
  readonly ca: string | null
  readonly serverName: string | null
  /** SHA-256 of public keys, base64, of which the server's is one; empty: any. */
  readonly pins: readonly string[]
  /** What Weir shows of itself; null: nothing. */
  readonly certificate: { readonly cert: string; readonly key: string } | null
}
