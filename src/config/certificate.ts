// Reads the PEM text that a `tls` section names: certificate, chain and private key, in one text or in two.
// Text in, value out: which file it came from, and the line in the YAML, are the caller's business. Whether the
// certificate is trusted by anybody is not asked here; whether OpenSSL would serve it is.
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'

export interface CertificateText {
  /** Certificate and chain, and the private key too when `keyPem` is absent. */
  readonly certPem: string
  readonly keyPem?: string | undefined
}

/** What the snapshot carries of a certificate (its `CertificateSpec`), and when it may be used. */
export interface Certificate {
  /** Leaf first, then its issuers as far as the text has them; PEM. */
  readonly cert: string
  /** Private key; PEM. Never logged. */
  readonly key: string
  /** DNS names and IP addresses of the leaf, lower-cased, wildcards as they stand. */
  readonly names: readonly string[]
  readonly keyType: 'ec' | 'rsa' | 'other'
  /** Validity of the leaf, milliseconds since the epoch, both ends included. */
  readonly notBefore: number
  readonly notAfter: number
}

export interface CertificateProblem {
  /** One sentence for the operator, without file names and without anything of the key. */
  readonly problem: string
  /** Which text is to blame; 'pair': each is fine, but they do not belong together. */
  readonly about: 'certificate' | 'key' | 'pair'
}

interface Block {
  readonly label: string
  readonly pem: string
}

/**
 * Reads and checks a certificate with its key. Blocks may come in any order, and other blocks (DH or EC parameters,
 * text between the blocks) are passed over.
 * @returns the certificate, or the first problem found: nothing that looks like PEM, a missing or encrypted key, a key
 * that belongs to none of the certificates, anything that OpenSSL refuses to serve
 */
export function readCertificate({ certPem, keyPem }: CertificateText): Certificate | CertificateProblem {
  const certBlocks = blocksOf(certPem)
  const keyBlocks = keyPem === undefined ? certBlocks : blocksOf(keyPem)
  if (certBlocks.length === 0)
    return { problem: 'The certificate is not PEM: it has no "-----BEGIN ...-----" block.', about: 'certificate' }
  if (keyBlocks.length === 0)
    return { problem: 'The key is not PEM: it has no "-----BEGIN ...-----" block.', about: 'key' }

  const chain = readChain(certBlocks)
  if ('problem' in chain) {
    const swapped = !certBlocks.some(isCertificate) && keyBlocks.some(isCertificate)
    return swapped
      ? {
          problem: 'There is no certificate here, but one where the key should be: swap the two.',
          about: 'certificate',
        }
      : chain
  }
  const key = readKey(keyBlocks)
  if ('problem' in key) return key

  const leaf = chain.certificates.find((certificate) => certificate.checkPrivateKey(key.object))
  if (!leaf) {
    const subject = commonName(chain.certificates[0]!) ?? 'without a name'
    return { problem: `The private key does not belong to the certificate (${subject}).`, about: 'pair' }
  }
  const cert = inOrder(leaf, chain.certificates)
    .map((certificate) => certificate.toString())
    .join('')
  try {
    createSecureContext({ cert, key: key.pem, ca: [] })
  } catch (error) {
    return { problem: `OpenSSL refuses the certificate: ${(error as Error).message}.`, about: 'certificate' }
  }
  const type = leaf.publicKey.asymmetricKeyType
  return {
    cert,
    key: key.pem,
    names: namesOf(leaf),
    keyType: type === 'ec' || type === 'rsa' ? type : 'other',
    notBefore: leaf.validFromDate.getTime(),
    notAfter: leaf.validToDate.getTime(),
  }
}

/** Whether the leaf may be used at a time (milliseconds since the epoch). Anything but 'valid' is worth a warning. */
export function validityAt(certificate: Certificate, time: number): 'valid' | 'expired' | 'not yet valid' {
  if (time < certificate.notBefore) return 'not yet valid'
  return time > certificate.notAfter ? 'expired' : 'valid'
}

function blocksOf(text: string): Block[] {
  const blocks: Block[] = []
  for (const match of text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[^]*?-----END \1-----/g)) {
    blocks.push({ label: match[1]!, pem: `${match[0]}\n` })
  }
  return blocks
}

const isCertificate = (block: Block): boolean => /^(X509 |TRUSTED )?CERTIFICATE$/.test(block.label)
const isKey = (block: Block): boolean => block.label.endsWith('PRIVATE KEY')

function readChain(blocks: readonly Block[]): { certificates: X509Certificate[] } | CertificateProblem {
  const own = blocks.filter(isCertificate)
  if (own.length === 0) {
    const request = blocks.some((block) => block.label.endsWith('CERTIFICATE REQUEST'))
    const hint = request ? ', only a request for one (CSR)' : ''
    return { problem: `There is no certificate in the PEM${hint}.`, about: 'certificate' }
  }
  const certificates: X509Certificate[] = []
  for (const [i, block] of own.entries()) {
    try {
      certificates.push(new X509Certificate(block.pem))
    } catch {
      return { problem: `Certificate ${i + 1} of ${own.length} in the PEM is damaged.`, about: 'certificate' }
    }
  }
  return { certificates }
}

function readKey(blocks: readonly Block[]): { pem: string; object: KeyObject } | CertificateProblem {
  const keys = blocks.filter(isKey)
  if (keys.length === 0) return { problem: 'There is no private key in the PEM.', about: 'key' }
  if (keys.length > 1)
    return { problem: `There are ${keys.length} private keys in the PEM: one was expected.`, about: 'key' }
  const { label, pem } = keys[0]!
  if (label === 'ENCRYPTED PRIVATE KEY' || /^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    return {
      problem: 'The private key is encrypted. Store it without a passphrase, readable by Weir alone.',
      about: 'key',
    }
  }
  if (label === 'OPENSSH PRIVATE KEY') {
    return {
      problem: 'The private key is in the format of OpenSSH. Convert it to PEM with ssh-keygen -p -m PEM.',
      about: 'key',
    }
  }
  try {
    return { pem, object: createPrivateKey(pem) }
  } catch {
    return { problem: 'The private key is damaged, or of a kind that OpenSSL does not know.', about: 'key' }
  }
}

/** The leaf, then issuer after issuer; what is left over (cross-signed issuers, mostly) follows as it was found. */
function inOrder(leaf: X509Certificate, certificates: readonly X509Certificate[]): X509Certificate[] {
  const ordered = [leaf]
  const rest = certificates.filter((other) => other.fingerprint256 !== leaf.fingerprint256)
  for (let last = leaf; ; last = ordered.at(-1)!) {
    const next = rest.findIndex((candidate) => last.checkIssued(candidate))
    if (next < 0) return [...ordered, ...rest]
    ordered.push(...rest.splice(next, 1))
  }
}

/** Subject alternative names; the common name counts only where there are none at all (RFC 9525, section 2). */
function namesOf(leaf: X509Certificate): string[] {
  const names = new Set<string>()
  for (const entry of (leaf.subjectAltName ?? '').split(', ')) {
    const name = /^(?:DNS|IP Address):([^"]+)$/.exec(entry)?.[1]
    if (name) names.add(canonical(name))
  }
  if (leaf.subjectAltName === undefined) {
    const name = commonName(leaf)
    if (name) names.add(canonical(name))
  }
  return [...names]
}

const canonical = (name: string): string =>
  isIP(name) === 6 ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name.toLowerCase()

/** The last CN of the subject, which OpenSSL's text form gives one a line. */
const commonName = (certificate: X509Certificate): string | undefined =>
  certificate.subject
    ?.match(/^CN=(.*)$/gm)
    ?.at(-1)
    ?.slice('CN='.length)
