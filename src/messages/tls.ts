// TLS as the data plane sees it: what a bind and a server go by (part of the snapshot), and what changes at any time without
// a snapshot: certificates, answers to the challenges of ACME, and the keys of tickets. Types only.
import type { TlsVersion } from '../model/tls-versions.ts'

/** TLS of one bind. Its certificates come beside it (CertificatesChange). */
export interface TlsSpec {
  /** Older ones than 1.2 come with ciphers that allow them (`@SECLEVEL=0`). */
  readonly minVersion: TlsVersion
  readonly maxVersion: TlsVersion
  /** OpenSSL cipher list for TLS 1.2 and suites for 1.3; null: Weir's default. */
  readonly ciphers: string | null
  /** Key exchange, in the server's order, separated by colons; null: Weir's default. */
  readonly groups: string | null
  readonly alpn: readonly string[]
  /** A client that asks for a name that no certificate has, or for none, is refused; else it gets the first certificate. */
  readonly strictSni: boolean
  /** Clients may come back with a ticket. */
  readonly tickets: boolean
  /** Handshakes under way at a time, on one worker; later ones wait. 0: any number. */
  readonly maxHandshakes: number
  readonly clientAuth: ClientAuthSpec | null
  /** Value of Strict-Transport-Security in responses (RFC 6797), or null. */
  readonly hsts: string | null
  /** Handshakes that are not terminated here; the first that matches wins. */
  readonly passthrough: readonly PassthroughSpec[]
}

/** Clients show a certificate. */
export interface ClientAuthSpec {
  /** `optional`: one who shows none is let in; who shows a bad one never is. */
  readonly mode: 'required' | 'optional'
  /** PEM of the authorities that may have signed it. */
  readonly ca: string
  /** PEM of revocation lists, or null. */
  readonly crl: string | null
  /** Certificates between the client's and the authority, at most. */
  readonly depth: number
  /** How servers are told who it is; null: not at all. */
  readonly fields: IdentityFields | null
}

/**
 * Names of the header fields: Weir's own, those of Pound (`X-SSL-*`), or the standard ones (RFC 9440): Client-Cert alone, or
 * Client-Cert-Chain besides, which a resumed session does not know.
 */
export type IdentityFields = 'x-client-cert' | 'x-ssl' | 'client-cert' | 'client-cert-chain'

/** A connection whose ClientHello matches goes on to a tcp backend as it came. */
export interface PassthroughSpec {
  /** Lower-cased; '*.example.com' for any name below. Empty: any name, none included. */
  readonly names: readonly string[]
  /** Application protocols (ALPN), one of which the client offers. Empty: any. */
  readonly protocols: readonly string[]
  /** Index of the backend. */
  readonly backend: number
}

export interface ServerTlsSpec {
  readonly verify: boolean
  /** PEM of trusted authorities; null: the ones that Node ships. */
  readonly ca: string | null
  /** Name for SNI and verification; null: the host when it is a name. */
  readonly serverName: string | null
  /** SHA-256 of public keys (SubjectPublicKeyInfo), base64: the server's must be one of them. Empty: any. */
  readonly pins: readonly string[]
  /** What Weir shows of itself, PEM; null: nothing. */
  readonly certificate: { readonly cert: string; readonly key: string } | null
}

export interface CertificateSpec {
  /** Of certificate and key together: equal ids, equal bytes. Says nothing of the key. */
  readonly id: string
  /** Leaf first, then the chain; PEM. */
  readonly cert: string
  /** Private key; PEM. Never logged. */
  readonly key: string
  /** DNS names of the leaf, lower-cased, wildcards as they stand. */
  readonly names: readonly string[]
  readonly keyType: 'ec' | 'rsa' | 'other'
}

/** What one bind serves. */
export interface BindCertificates {
  /** Ids, never empty. The first is the default; those with equal names and different key types go side by side. */
  readonly ids: readonly string[]
  /** On trial; null: none is. */
  readonly canary: CanarySpec | null
}

/** A certificate that takes the place of another in a share of the handshakes. Both are among the ids. */
export interface CanarySpec {
  readonly id: string
  readonly replaces: string
  /** 0 to 1. */
  readonly share: number
}

/** From what a worker has to what it is to have. A worker that starts has nothing. */
export interface CertificatesChange {
  readonly added: readonly CertificateSpec[]
  /** Ids that no bind needs any more. */
  readonly removed: readonly string[]
  /** By bind id: those that are new or have changed. Binds may be named before they are there. */
  readonly binds: Readonly<Record<string, BindCertificates>>
  /** OCSP responses to staple (DER), by certificate id; null: there is none any more. */
  readonly staples: Readonly<Record<string, Uint8Array | null>>
}

/** What an ACME server will come and look for; all that there are at a time. */
export interface Challenges {
  /** Key authorizations by token (HTTP-01; RFC 8555, section 8.3). */
  readonly http: Readonly<Record<string, string>>
  /** Certificates by the name that is proved (TLS-ALPN-01; RFC 8737). PEM. */
  readonly tls: Readonly<Record<string, { readonly cert: string; readonly key: string }>>
}

/**
 * Secrets of session tickets, 48 bytes each: 16 of name, 16 for HMAC, 16 for AES. Tickets are made with the first and
 * accepted from all. Never logged.
 */
export type TicketKeys = readonly Uint8Array[]

/** What a worker starts with. */
export interface WorkerTls {
  readonly certificates: CertificatesChange
  readonly challenges: Challenges
  readonly ticketKeys: TicketKeys
}
