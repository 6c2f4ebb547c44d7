// PEM text (RFC 7468) as a list of its blocks. What stands between them is passed over, as the RFC has it; what is in them
// is read by others.

export interface Block {
  /** 'CERTIFICATE', 'EC PRIVATE KEY'. */
  readonly label: string
  /** With its first and its last line. */
  readonly pem: string
}

export function blocksOf(text: string): Block[] {
  const blocks: Block[] = []
  for (const match of text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[^]*?-----END \1-----/g)) {
    blocks.push({ label: match[1]!, pem: `${match[0]}\n` })
  }
  return blocks
}

export const isCertificate = ({ label }: Block): boolean => /^(X509 |TRUSTED )?CERTIFICATE$/.test(label)
export const isRequest = ({ label }: Block): boolean => label.endsWith('CERTIFICATE REQUEST')
export const isKey = ({ label }: Block): boolean => label.endsWith('PRIVATE KEY')
/** PKCS#8 says so in its label, the older forms in a header (RFC 1421, section 4.6.1.1). */
export const isEncrypted = ({ label, pem }: Block): boolean =>
  label === 'ENCRYPTED PRIVATE KEY' || /^Proc-Type: 4,ENCRYPTED/m.test(pem)

/** What is in a block that has no header fields; OpenSSL takes it in half the time that it takes for the text. */
export const derOf = (pem: string): Buffer =>
  Buffer.from(pem.slice(pem.indexOf('\n') + 1, pem.lastIndexOf('\n-----END')), 'base64')
