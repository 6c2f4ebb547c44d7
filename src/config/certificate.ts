// Reads a certificate with its chain and its private key from PEM: in one text, or in two or three. Text in, value out: which
// file it came from, and the line in the YAML, are the caller's business. Whether the certificate is trusted by anybody is
// not asked here; whether OpenSSL would serve it is. About 0.1 ms for one, since a folder may have ten thousand of them.
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'
import type { KeyObject, X509Certificate } from 'node:crypto'
import {
  arrange,
  commonName,
  nameOf,
  readCertificateBlocks,
  type Chain,
  type KnownIssuers,
} from './certificate-chain.ts'
import { certificateProblem, type CertificateProblem } from './certificate-problem.ts'
import { blocksOf, isCertificate } from './pem.ts'
import { readPrivateKey, type PrivateKey } from './private-key.ts'

export type { CertificateProblem, KnownIssuers }

export interface CertificateText {
  /** Certificate and chain, and the private key too when `keyPem` is absent. */
  readonly certPem: string
  readonly keyPem?: string | undefined
  /** More of the chain. */
  readonly chainPem?: string | undefined
  /** Of the key, when that is encrypted. */
  readonly passphrase?: string | undefined
}

/** What the snapshot carries of a certificate (its `CertificateSpec`), and what else is worth knowing of it. */
export interface Certificate {
  /** Leaf first, then its issuers as far as the text has them; PEM. */
  readonly cert: string
  /** Private key, not encrypted; PEM. Never logged. */
  readonly key: string
  /** DNS names and IP addresses of the leaf, lower-cased, wildcards as they stand. */
  readonly names: readonly string[]
  readonly keyType: 'ec' | 'rsa' | 'other'
  /** Validity of the leaf, milliseconds since the epoch, both ends included. */
  readonly notBefore: number
  readonly notAfter: number
  /** The certificates came in another order, or one of them twice. */
  readonly mended: boolean
  /**
   * Name of the leaf's issuer, when its certificate is not here: clients that do not know it already cannot verify the
   * leaf. null: it is here, or the leaf has signed itself.
   */
  readonly missingIssuer: string | null
  /** The leaf says where its issuer's certificate is to be had, which those of public authorities do. */
  readonly issuerOnline: boolean
  /** The key was encrypted. */
  readonly opened: boolean
}

/**
 * Reads and checks a certificate with its key. Blocks may come in any order, and other blocks (DH or EC parameters,
 * text between the blocks) are passed over.
 * @param known filled by one call and used by the next, where many chains have the same authorities
 * @returns the certificate, or the first problem found: nothing that looks like PEM, a missing key or one that cannot be
 * opened, a key that belongs to none of the certificates, certificates that do not belong together, anything that OpenSSL
 * refuses to serve
 */
export function readCertificate(
  text: CertificateText,
  known: KnownIssuers = new Map(),
): Certificate | CertificateProblem {
  const { certPem, keyPem, chainPem, passphrase } = text
  const certBlocks = blocksOf(certPem)
  const keyBlocks = keyPem === undefined ? certBlocks : blocksOf(keyPem)
  const chainBlocks = chainPem === undefined ? null : blocksOf(chainPem)
  const notPem = (what: string): string => `The ${what} is not PEM: it has no "-----BEGIN ...-----" block.`
  if (certBlocks.length === 0) return certificateProblem('not_pem', 'certificate', notPem('certificate'))
  if (keyBlocks.length === 0) return certificateProblem('key_not_pem', 'key', notPem('key'))
  if (chainBlocks?.length === 0) return certificateProblem('not_pem', 'chain', notPem('chain'))

  const own = readCertificateBlocks(certBlocks, 'certificate', known)
  if ('problem' in own) {
    if (certBlocks.some(isCertificate) || !keyBlocks.some(isCertificate)) return own
    const problem = 'There is no certificate here, but one where the key should be: swap the two.'
    return certificateProblem('swapped', 'certificate', problem)
  }
  const more = chainBlocks === null ? [] : readCertificateBlocks(chainBlocks, 'chain', known)
  if ('problem' in more) return more
  const key = readPrivateKey(keyBlocks, passphrase)
  if ('problem' in key) return key
  const certificates = [...own, ...more]
  const leaf = certificates.find((certificate) => certificate.checkPrivateKey(key.object))
  if (!leaf) {
    const meant = certificates.find(({ ca }) => !ca) ?? certificates[0]!
    const subject = commonName(meant.subject) ?? 'without a name'
    const problem = `The private key does not belong to the certificate (${subject}).`
    return certificateProblem('key_mismatch', 'pair', problem)
  }
  const chain = arrange(leaf, certificates, more.length)
  return 'problem' in chain ? chain : served(chain, key)
}

function served({ certificates, mended, missing }: Chain, key: PrivateKey): Certificate | CertificateProblem {
  const leaf = certificates[0]!
  const cert = certificates.map((certificate) => certificate.toString()).join('')
  if (!certificates.every(isStrong)) {
    try {
      createSecureContext({ cert, key: key.pem, ca: [] })
    } catch (error) {
      const why = (error as Error).message.replace(/^error:[0-9A-F]+:[^:]*:[^:]*:/, '')
      const problem = `OpenSSL refuses the certificate of ${nameOf(leaf)}: ${why}.`
      return certificateProblem('refused', 'certificate', problem)
    }
  }
  const type = key.object.asymmetricKeyType
  return {
    cert,
    key: key.pem,
    names: namesOf(leaf),
    keyType: type === 'ec' || type === 'rsa' ? type : 'other',
    notBefore: leaf.validFromDate.getTime(),
    notAfter: leaf.validToDate.getTime(),
    mended,
    missingIssuer: missing,
    issuerOnline: leaf.infoAccess?.includes('CA Issuers') ?? false,
    opened: key.opened,
  }
}

/** Certificates found to be what OpenSSL takes at its security level 2, so that a context need not be made to find out. */
const strong = new WeakSet<X509Certificate>()

function isStrong(certificate: X509Certificate): boolean {
  if (strong.has(certificate)) return true
  const found = isStrongKey(certificate.publicKey) && /sha(256|384|512)/i.test(certificate.signatureAlgorithm ?? '')
  if (found) strong.add(certificate)
  return found
}

const isStrongKey = ({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean =>
  asymmetricKeyType === 'rsa'
    ? asymmetricKeyDetails!.modulusLength! >= 2048
    : asymmetricKeyType === 'ec' && /^(prime256v1|secp384r1|secp521r1)$/.test(asymmetricKeyDetails!.namedCurve!)

/** Whether the leaf may be used at a time (milliseconds since the epoch). Anything but 'valid' is worth a warning. */
export function validityAt(
  certificate: Pick<Certificate, 'notBefore' | 'notAfter'>,
  time: number,
): 'valid' | 'expired' | 'not yet valid' {
  if (time < certificate.notBefore) return 'not yet valid'
  return time > certificate.notAfter ? 'expired' : 'valid'
}

/** Subject alternative names; the common name counts only where there are none at all (RFC 9525, section 2). */
function namesOf(leaf: X509Certificate): string[] {
  const names = new Set<string>()
  for (const entry of (leaf.subjectAltName ?? '').split(', ')) {
    const name = /^(?:DNS|IP Address):([^"]+)$/.exec(entry)?.[1]
    if (name) names.add(canonical(name))
  }
  if (leaf.subjectAltName === undefined) {
    const name = commonName(leaf.subject)
    if (name) names.add(canonical(name))
  }
  return [...names]
}

const canonical = (name: string): string =>
  isIP(name) === 6 ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name.toLowerCase()
