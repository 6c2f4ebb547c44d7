// What can be wrong with a certificate and its key: one table of codes, for programs and for the manual, and the shape of a
// problem. Nothing of a key, and no passphrase, ever gets into one.

export const certificateProblems = {
  not_pem: 'The text of a certificate has no PEM block.',
  no_certificate: 'There are PEM blocks, but no certificate among them.',
  bad_certificate: 'A certificate is damaged.',
  key_not_pem: 'The text of a key has no PEM block.',
  no_key: 'There are PEM blocks, but no private key among them.',
  several_keys: 'There is more than one private key.',
  bad_key: 'The private key is damaged, or of a kind that is not served.',
  key_encrypted: 'The private key is encrypted, and there is no passphrase.',
  wrong_passphrase: 'The passphrase does not open the private key.',
  key_mismatch: 'The private key belongs to none of the certificates.',
  several_leaves: 'There is more than one certificate of a server.',
  stray_certificate: 'The chain has a certificate that none of the others was issued by.',
  swapped: 'The certificate is where the key should be.',
  refused: 'OpenSSL does not serve the certificate, because it is too weak for instance.',
} as const

export type CertificateProblemCode = keyof typeof certificateProblems

export interface CertificateProblem {
  readonly code: CertificateProblemCode
  /** One sentence for the operator, without file names and without anything of the key. */
  readonly problem: string
  /** Which text is to blame; 'pair': each is fine, but they do not belong together. */
  readonly about: 'certificate' | 'chain' | 'key' | 'passphrase' | 'pair'
}

export const certificateProblem = (
  code: CertificateProblemCode,
  about: CertificateProblem['about'],
  problem: string,
): CertificateProblem => ({ code, problem, about })
