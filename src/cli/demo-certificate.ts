// Makes certificates on the spot, for the demo and for the tests: what control/certificates/x509.ts makes, with what people
// mostly mean filled in.
import type { Content, KeyType } from '../control/certificates/x509.ts'
import { certify, generateKey, type CertificateAndKey } from '../control/certificates/x509.ts'

export type { CertificateAndKey }

export interface Wanted {
  /** DNS names and IP addresses; the first is the common name too. */
  readonly names: readonly string[]
  /** P-256 or RSA 2048. 'ec' when left out. */
  readonly keyType?: KeyType
  /** Whose it is; a server's when left out. A client's has no names but the common one, which may be anybody's. */
  readonly usage?: 'server' | 'client'
  /** Who signs it; it signs itself when left out. */
  readonly ca?: CertificateAndKey
  /** From when it is valid; an hour ago when left out, so that clocks may differ. */
  readonly from?: Date
  /** How long it is valid; 30 when left out. */
  readonly days?: number
}

/** A certificate for a server or a client. `cert` is the leaf alone: append the chain where it is wanted. */
export const makeCertificate = (wanted: Wanted): Promise<CertificateAndKey> =>
  make(wanted, wanted.usage === 'client' ? { names: [], usage: 'client' } : { names: wanted.names })

/** A certificate that may sign others; with `ca`, an intermediate one. */
export const makeAuthority = (wanted: Partial<Wanted> = {}): Promise<CertificateAndKey> =>
  make({ names: ['Weir test authority'], ...wanted }, { names: [], authority: true })

async function make(
  wanted: Wanted,
  content: Pick<Content, 'names' | 'authority' | 'usage'>,
): Promise<CertificateAndKey> {
  const { names, keyType = 'ec', ca, days = 30, from = new Date(Date.now() - 3_600_000) } = wanted
  const key = await generateKey(keyType)
  const to = new Date(from.getTime() + days * 86_400_000)
  const cert = certify({ ...content, commonName: names[0]!, from, to, key, ...(ca ? { issuer: ca } : {}) })
  return { cert, key }
}
