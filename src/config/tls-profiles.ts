// What `profile` of a bind stands for: Mozilla's guideline "Server Side TLS", version 5.7, as data. Three things differ from it.
// There is no DHE: its parameters, and a key exchange that costs the server ten times what the client pays, for clients that
// are too old for ECDHE and are gone. There is no 3DES, which OpenSSL 3 does not have. And the server's order counts in all
// profiles (a client that puts ChaCha20 first gets it all the same), so that clients without an opinion take what is cheap.
// The groups are Weir's own in all of them: those of the guideline, and before them the hybrid with ML-KEM.
import type { TlsVersion } from '../model/tls-versions.ts'

export const profileNames = ['modern', 'intermediate', 'old'] as const
export type ProfileName = (typeof profileNames)[number]

export interface TlsProfile {
  readonly minVersion: TlsVersion
  readonly maxVersion: TlsVersion
  /** Ciphers for TLS 1.2 and older, in order; empty: those versions are not spoken. */
  readonly ciphers: readonly string[]
}

/** Suites of TLS 1.3, the same in all profiles. AES-128-GCM is the cheapest and has nothing to fear. */
export const suites = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']

const forwardSecret = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
]

const legacy = [
  'ECDHE-ECDSA-AES128-SHA256',
  'ECDHE-RSA-AES128-SHA256',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA384',
  'ECDHE-RSA-AES256-SHA384',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES256-SHA',
  'AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
  'AES128-SHA256',
  'AES256-SHA256',
  'AES128-SHA',
  'AES256-SHA',
]

/** Without it OpenSSL 3 refuses the signatures (SHA-1) that versions before 1.2 cannot do without. */
export const weakestLevel = '@SECLEVEL=0'

export const profiles: Readonly<Record<ProfileName, TlsProfile>> = {
  modern: { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', ciphers: [] },
  intermediate: { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3', ciphers: forwardSecret },
  old: { minVersion: 'TLSv1', maxVersion: 'TLSv1.3', ciphers: [...forwardSecret, ...legacy] },
}
