// Certificates for tests: the demo's maker, and a store of those already made, since a key of RSA takes its time.
import { createHash, X509Certificate } from 'node:crypto'
import { makeAuthority, makeCertificate, type CertificateAndKey, type Wanted } from '../../src/cli/demo-certificate.ts'
import { readCertificate, type Certificate } from '../../src/config/certificate.ts'

export { makeAuthority, makeCertificate, type CertificateAndKey }

/** The same as `makeCertificate`, in the form that a snapshot carries. */
export async function certificateSpec(wanted: Wanted): Promise<Certificate> {
  const { cert, key } = await makeCertificate(wanted)
  const read = readCertificate({ certPem: cert, keyPem: key })
  if ('problem' in read) throw new Error(read.problem)
  return read
}

/** What is pinned of a server with this certificate: SHA-256 of its public key (SubjectPublicKeyInfo), base64. */
export const pinOf = ({ cert }: Pick<CertificateAndKey, 'cert'>): string =>
  createHash('sha256')
    .update(new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64')
