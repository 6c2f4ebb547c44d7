// Certificates for tests: the demo's maker, and a store of those already made, since a key of RSA takes its time.
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
