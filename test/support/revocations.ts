// Revocation lists for tests, as `openssl ca` makes them.
import { X509Certificate } from 'node:crypto'
import type { CertificateAndKey } from './certificates.ts'
import { files, run } from './programs.ts'

/** PEM of a list of this authority. @param openssl path of the program */
export async function revocationList(
  openssl: string,
  ca: CertificateAndKey,
  revoked: readonly CertificateAndKey[],
  more: readonly string[] = ['-crldays', '30'],
): Promise<string> {
  const now = `${new Date().toISOString().replaceAll(/\D/g, '').slice(2, 14)}Z`
  const line = ({ cert }: CertificateAndKey): string =>
    `R\t491231235959Z\t${now}\t${new X509Certificate(cert).serialNumber}\tunknown\t/CN=revoked\n`
  const paths = files({
    'ca.pem': ca.cert,
    'ca.key': ca.key,
    'index.txt': revoked.map(line).join(''),
    'index.txt.attr': 'unique_subject = no\n',
    number: '1000\n',
  })
  const own = `[ca]\ndefault_ca = own\n[own]\ndatabase = ${paths['index.txt']}\ncrlnumber = ${paths.number}\ndefault_md = sha256\n`
  const { 'crl.cnf': config } = files({ 'crl.cnf': own })
  const signer = ['-keyfile', paths['ca.key'], '-cert', paths['ca.pem']]
  const { stdout, stderr } = await run(openssl, ['ca', '-gencrl', '-config', config, ...signer, ...more])
  if (!stdout.includes('BEGIN X509 CRL')) throw new Error(stderr)
  return stdout
}
