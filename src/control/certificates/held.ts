// From what was read of a certificate to what Weir keeps of it, and what people are told of it. The X.509 of one is read once,
// when somebody asks: a bind may serve ten thousand.
import { createHash, X509Certificate } from 'node:crypto'
import type { Certificate } from '../../config/certificate.ts'
import type { CertificateConfig } from '../../config/config-tls.ts'
import type { CertificateSpec } from '../../messages/tls.ts'
import type { HeldCertificate } from './types.ts'

/** Of certificate and key together; nothing of the key can be told from it. */
export const idOf = (cert: string, key: string): string =>
  createHash('sha256').update(cert).update('\0').update(key).digest('hex').slice(0, 32)

/** @param name as people call it */
export function hold(name: string, kind: HeldCertificate['kind'], certificate: Certificate): HeldCertificate {
  const { cert, key, names, keyType, notBefore, notAfter } = certificate
  return { name, kind, spec: { id: idOf(cert, key), cert, key, names, keyType }, notBefore, notAfter }
}

const ofFiles = new WeakMap<CertificateConfig, HeldCertificate>()

/** A certificate that was read with the configuration; the same object whenever it is asked for. */
export function holdFile(path: string, certificate: CertificateConfig): HeldCertificate {
  const known = ofFiles.get(certificate)
  if (known !== undefined) return known
  const { cert, key, names, keyType } = certificate
  const held = new FileCertificate(path, { id: idOf(cert, key), cert, key, names, keyType })
  ofFiles.set(certificate, held)
  return held
}

class FileCertificate implements HeldCertificate {
  readonly name: string
  readonly kind = 'file'
  readonly spec: CertificateSpec

  constructor(name: string, spec: CertificateSpec) {
    this.name = name
    this.spec = spec
  }

  get notBefore(): number {
    return factsOf(this.spec).notBefore
  }

  get notAfter(): number {
    return factsOf(this.spec).notAfter
  }
}

/** What the leaf says. */
export interface Facts {
  /** In one line, the most specific first. */
  readonly subject: string
  readonly issuer: string
  readonly serial: string
  /** SHA-256, 64 hexadecimal digits, upper case. */
  readonly fingerprint: string
  /** Milliseconds since the epoch. */
  readonly notBefore: number
  readonly notAfter: number
  /** Certificates, the leaf among them. */
  readonly chainLength: number
}

const known = new WeakMap<CertificateSpec, Facts>()

export function factsOf(spec: CertificateSpec): Facts {
  const before = known.get(spec)
  if (before !== undefined) return before
  const leaf = new X509Certificate(spec.cert)
  const facts: Facts = {
    subject: oneLine(leaf.subject),
    issuer: oneLine(leaf.issuer),
    serial: leaf.serialNumber.toUpperCase(),
    fingerprint: leaf.fingerprint256.replaceAll(':', ''),
    notBefore: leaf.validFromDate.getTime(),
    notAfter: leaf.validToDate.getTime(),
    chainLength: certificatesIn(spec.cert).length,
  }
  known.set(spec, facts)
  return facts
}

/** The PEM of each certificate of a chain. */
export const certificatesIn = (chain: string): readonly string[] =>
  chain.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []

/** OpenSSL gives a distinguished name one part a line, the least specific first; RFC 4514 has it the other way round. */
const oneLine = (name: string | undefined): string => (name ?? '').split('\n').toReversed().join(', ')
