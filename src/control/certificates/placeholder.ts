// What a bind serves that has no certificate yet: one that has signed itself, which no client accepts, but which shows that the
// port is alive and TLS works. Readiness fails while it is served.
import { readCertificate } from '../../config/certificate.ts'
import { hold } from './held.ts'
import type { HeldCertificate } from './types.ts'
import { selfSigned } from './x509.ts'

/** @param names for which the certificate is wanted */
export async function makePlaceholder(names: readonly string[]): Promise<HeldCertificate> {
  const { cert, key } = await selfSigned(names)
  const read = readCertificate({ certPem: cert, keyPem: key })
  if ('problem' in read) throw new Error(`the placeholder cannot be used: ${read.problem}`)
  return hold(names[0]!, 'placeholder', read)
}
