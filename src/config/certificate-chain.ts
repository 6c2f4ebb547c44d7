// Certificates of a PEM text put in the order in which TLS wants them: the leaf, then issuer after issuer (RFC 8446, section
// 4.4.2). What is in another order is mended; what belongs to nobody is refused, because it is mostly the wrong file.
// Who issued whom is told by names and key identifiers; signatures are not verified, which is up to clients.
import { X509Certificate } from 'node:crypto'
import { certificateProblem, type CertificateProblem } from './certificate-problem.ts'
import { derOf, isCertificate, isRequest, type Block } from './pem.ts'

/** Certificates of authorities that were read before, by their PEM: many chains have the same ones. */
export type KnownIssuers = Map<string, X509Certificate>

export interface Chain {
  /** The leaf first. */
  readonly certificates: readonly X509Certificate[]
  /** They came in another order, or one of them twice. */
  readonly mended: boolean
  /** Who issued the leaf, when that one is not here and the leaf is not its own; else null. */
  readonly missing: string | null
}

/** @returns certificates in the order in which they came, each once */
export function readCertificateBlocks(
  blocks: readonly Block[],
  about: 'certificate' | 'chain',
  known: KnownIssuers,
): readonly X509Certificate[] | CertificateProblem {
  const own = blocks.filter(isCertificate)
  if (own.length === 0) {
    const hint = blocks.some(isRequest) ? ', only a request for one (CSR)' : ''
    return certificateProblem('no_certificate', about, `There is no certificate in the PEM${hint}.`)
  }
  const certificates: X509Certificate[] = []
  for (const [i, { pem }] of own.entries()) {
    try {
      const certificate = known.get(pem) ?? new X509Certificate(derOf(pem))
      if ((i > 0 || about === 'chain') && certificate.ca) known.set(pem, certificate)
      certificates.push(certificate)
    } catch {
      const problem = `Certificate ${i + 1} of ${own.length} in the PEM is damaged.`
      return certificateProblem('bad_certificate', about, problem)
    }
  }
  return certificates
}

/**
 * @param leaf one of the certificates
 * @param separate how many of them, at the end, came as a chain of their own: that one is to blame for what is wrong with them
 */
export function arrange(
  leaf: X509Certificate,
  certificates: readonly X509Certificate[],
  separate: number,
): Chain | CertificateProblem {
  const chain = [leaf]
  const rest = distinct(certificates).filter((other) => !isSame(other, leaf))
  // Not the last one alone: a cross-signed authority is there twice, and both have issued the one below.
  for (let i = 0; i < chain.length; i++) {
    for (let j = 0; j < rest.length;) {
      if (chain[i]!.checkIssued(rest[j]!)) chain.push(...rest.splice(j, 1))
      else j++
    }
  }
  const stray = rest[0]
  if (stray) {
    const about = certificates.slice(certificates.length - separate).includes(stray) ? 'chain' : 'certificate'
    return stray.ca
      ? certificateProblem('stray_certificate', about, `${nameOf(stray)} has issued none of the other certificates.`)
      : certificateProblem(
          'several_leaves',
          about,
          `${nameOf(leaf)} and ${nameOf(stray)} are both certificates of servers: one was expected.`,
        )
  }
  const mended = chain.length !== certificates.length || chain.some((each, i) => each !== certificates[i])
  const alone = chain.length === 1 && leaf.subject !== leaf.issuer
  return {
    certificates: chain,
    mended,
    missing: alone ? (commonName(leaf.issuer) ?? 'an authority without a name') : null,
  }
}

const isSame = (a: X509Certificate, b: X509Certificate): boolean => a === b || a.fingerprint256 === b.fingerprint256

const distinct = (certificates: readonly X509Certificate[]): X509Certificate[] =>
  certificates.length === 1
    ? [...certificates]
    : [...new Map(certificates.map((each) => [each.fingerprint256, each])).values()]

/** As it is called in messages. */
export const nameOf = ({ subject }: X509Certificate): string => commonName(subject) ?? 'a certificate without a name'

/** The last CN of a name, of which OpenSSL's text form has one a line. */
export const commonName = (name: string | undefined): string | undefined =>
  name
    ?.match(/^CN=(.*)$/gm)
    ?.at(-1)
    ?.slice('CN='.length)
