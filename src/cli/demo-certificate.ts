// Makes certificates on the spot, for the demo and for the tests: `selfsigned` is a development dependency, so nothing
// that is installed for production may import this file. An authority signs with its own key type only.
import { isIP } from 'node:net'
import { generate, type SelfsignedOptions } from 'selfsigned'

/** PEM, both of them. */
export interface CertificateAndKey {
  readonly cert: string
  readonly key: string
}

export interface Wanted {
  /** DNS names and IP addresses; the first is the common name too. */
  readonly names: readonly string[]
  /** P-256 or RSA 2048; must be that of `ca`. 'ec' when left out. */
  readonly keyType?: 'ec' | 'rsa'
  /** Who signs it; it signs itself when left out. */
  readonly ca?: CertificateAndKey
  /** From when it is valid; an hour ago when left out, so that clocks may differ. */
  readonly from?: Date
  /** How long it is valid; 30 when left out. */
  readonly days?: number
}

type Extensions = NonNullable<SelfsignedOptions['extensions']>

/** A certificate for a server. `cert` is the leaf alone: append the chain where it is wanted. */
export const makeCertificate = (wanted: Wanted): Promise<CertificateAndKey> =>
  make(wanted, [
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true },
    {
      name: 'subjectAltName',
      altNames: wanted.names.map((name) => (isIP(name) ? { type: 7, ip: name } : { type: 2, value: name })),
    },
  ])

/** A certificate that may sign others; with `ca`, an intermediate one. */
export const makeAuthority = (wanted: Partial<Wanted> = {}): Promise<CertificateAndKey> =>
  make({ names: ['Weir test authority'], ...wanted }, [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
  ])

async function make(wanted: Wanted, extensions: Extensions): Promise<CertificateAndKey> {
  const { names, keyType = 'ec', ca, days = 30, from = new Date(Date.now() - 3_600_000) } = wanted
  const made = await generate([{ name: 'commonName', value: names[0]! }], {
    keyType,
    algorithm: 'sha256',
    notBeforeDate: from,
    notAfterDate: new Date(from.getTime() + days * 86_400_000),
    extensions,
    ...(ca ? { ca: { cert: ca.cert, key: ca.key } } : {}),
  })
  return { cert: made.cert.endsWith('\n') ? made.cert : `${made.cert}\n`, key: made.private }
}
