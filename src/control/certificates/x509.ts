// Makes the X.509 that Weir makes itself: keys, the placeholder that is served until a certificate is there, requests for
// certificates (CSR, RFC 2986), and the certificates that answer TLS-ALPN-01 (RFC 8737). Reads of the certificates of others
// what Node does not tell (identifiers for ARI). Whether a certificate is any good is config/certificate.ts.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto'
import { isIP } from 'node:net'
import { promisify } from 'node:util'
import { AuthorityKeyIdentifier, Certificate, id_AuthorityKeyIdentifier } from 'pkijs'
import { bits, der, integer, octets, oid, sequence, set, time, utf8, yes } from './der.ts'

/** PEM, both of them. */
export interface CertificateAndKey {
  readonly cert: string
  /** PKCS #8, not encrypted. Never logged. */
  readonly key: string
}

export type KeyType = 'ec' | 'rsa'

/** What a certificate that is signed here says. */
export interface Content {
  /** Common name of the subject; longer ones than 64 characters are left out (RFC 5280, appendix A.1). */
  readonly commonName: string
  /** DNS names and IP addresses. */
  readonly names: readonly string[]
  /** May sign others. */
  readonly authority?: boolean
  /** Whose it is, where it is no authority's; a server's when left out. */
  readonly usage?: 'server' | 'client'
  readonly from: Date
  readonly to: Date
  /** Of the subject: PEM; the public one is enough where somebody else signs. */
  readonly key: string
  /** Who signs; itself when left out. */
  readonly issuer?: CertificateAndKey
  /** DER, each a whole Extension. */
  readonly extensions?: readonly Uint8Array[]
}

const day = 86_400_000
const hour = 3_600_000
const makeKeyPair = promisify(generateKeyPair)

const id = {
  commonName: '2.5.4.3',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  acmeIdentifier: '1.3.6.1.5.5.7.1.31',
  extensionRequest: '1.2.840.113549.1.9.14',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  rsaWithSha256: '1.2.840.113549.1.1.11',
} as const

/** P-256 or RSA 2048. @returns PEM, PKCS #8 */
export async function generateKey(type: KeyType): Promise<string> {
  const { privateKey } =
    type === 'ec' ? await makeKeyPair('ec', { namedCurve: 'P-256' }) : await makeKeyPair('rsa', { modulusLength: 2048 })
  return privateKey.export({ type: 'pkcs8', format: 'pem' })
}

/** What is served while there is nothing better: signed by itself, so that no client takes it for anything else. */
export async function selfSigned(
  names: readonly string[],
  { days = 90 }: { readonly days?: number } = {},
): Promise<CertificateAndKey> {
  const key = await generateKey('ec')
  const now = Date.now()
  const [from, to] = [new Date(now - hour), new Date(now + days * day)]
  return { cert: certify({ commonName: names[0] ?? 'placeholder', names, from, to, key }), key }
}

/**
 * A request for a certificate, PKCS #10.
 * @param names DNS names, wildcards as they stand; they stand nowhere but in the subject alternative name
 * @param key PEM
 * @returns DER
 */
export function certificateRequest(names: readonly string[], key: string): Buffer {
  const asked = sequence(extension(id.subjectAltName, alternativeNames(names)))
  const attributes = der(0xa0, sequence(oid(id.extensionRequest), set(asked)))
  return signed(sequence(integer(Buffer.of(0)), sequence(), publicKeyOf(key), attributes), key)
}

/**
 * What a validating authority is shown (RFC 8737, section 3): the digest of the key authorization in an extension that nobody
 * else understands, and that is critical therefore.
 */
export async function challengeCertificate(name: string, keyAuthorization: string): Promise<CertificateAndKey> {
  const key = await generateKey('ec')
  const digest = createHash('sha256').update(keyAuthorization).digest()
  const extensions = [extension(id.acmeIdentifier, octets(digest), true)]
  const now = Date.now()
  const [from, to] = [new Date(now - hour), new Date(now + 7 * day)]
  return { cert: certify({ commonName: name, names: [name], from, to, key, extensions }), key }
}

/** @returns PEM */
export function certify({
  commonName,
  names,
  authority = false,
  usage = 'server',
  from,
  to,
  key,
  issuer,
  extensions = [],
}: Content): string {
  const subject = nameOf(commonName)
  const signer = issuer ?? { cert: null, key }
  const serial = randomBytes(16)
  serial[0]! &= 0x7f
  serial[0]! |= 0x40 // never zero, never longer than it looks
  const content = sequence(
    der(0xa0, integer(Buffer.of(2))),
    integer(serial),
    algorithmOf(signer.key),
    signer.cert === null ? subject : subjectOf(signer.cert),
    sequence(time(from), time(to)),
    subject,
    publicKeyOf(key),
    der(
      0xa3,
      sequence(
        extension(id.basicConstraints, authority ? sequence(yes()) : sequence(), true),
        extension(id.keyUsage, authority ? bits(Buffer.of(0b0000_0110), 1) : bits(Buffer.of(0b1000_0000), 7), true),
        ...(authority
          ? []
          : [extension(id.extendedKeyUsage, sequence(oid(usage === 'client' ? id.clientAuth : id.serverAuth)))]),
        ...(names.length === 0 ? [] : [extension(id.subjectAltName, alternativeNames(names))]),
        extension(id.subjectKeyIdentifier, octets(keyIdentifier(key))),
        extension(id.authorityKeyIdentifier, sequence(der(0x80, keyIdentifier(signer.key)))),
        ...extensions,
      ),
    ),
  )
  return pem('CERTIFICATE', signed(content, signer.key))
}

/**
 * How a certificate is called where its renewal is asked after (RFC 9773, section 4.1): key identifier of its authority and
 * serial number.
 * @param cert PEM, the leaf first @returns null: its authority has not written the identifier into it
 */
export function renewalIdentifier(cert: string): string | null {
  const leaf = Certificate.fromBER(new X509Certificate(cert).raw)
  const found = leaf.extensions?.find(({ extnID }) => extnID === id_AuthorityKeyIdentifier)?.parsedValue
  if (!(found instanceof AuthorityKeyIdentifier) || found.keyIdentifier === undefined) return null
  const authority = found.keyIdentifier.valueBlock.valueHexView
  return [authority, leaf.serialNumber.valueBlock.valueHexView]
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.')
}

const signed = (content: Buffer, key: string): Buffer =>
  sequence(content, algorithmOf(key), bits(sign('sha256', content, key)))

const algorithmOf = (key: string): Buffer =>
  createPrivateKey(key).asymmetricKeyType === 'rsa'
    ? sequence(oid(id.rsaWithSha256), der(0x05))
    : sequence(oid(id.ecdsaWithSha256))

const publicKeyOf = (key: string): Buffer => createPublicKey(key).export({ type: 'spki', format: 'der' })

/** SHA-1, which is all that an identifier needs. RFC 5280, section 4.2.1.2, has it of the bits of the key; of more is as good. */
const keyIdentifier = (key: string): Buffer => createHash('sha1').update(publicKeyOf(key)).digest()

const nameOf = (commonName: string): Buffer =>
  commonName.length > 64 ? sequence() : sequence(set(sequence(oid(id.commonName), utf8(commonName))))

const subjectOf = (cert: string): Buffer =>
  Buffer.from(Certificate.fromBER(new X509Certificate(cert).raw).subject.toSchema().toBER())

const extension = (name: string, value: Uint8Array, critical = false): Buffer =>
  sequence(oid(name), ...(critical ? [yes()] : []), octets(value))

const alternativeNames = (names: readonly string[]): Buffer =>
  sequence(
    ...names.map((name) => (isIP(name) === 0 ? der(0x82, Buffer.from(name, 'latin1')) : der(0x87, addressBytes(name)))),
  )

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number))
  const [head, tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = (text: string | undefined): string[] => (text ? text.split(':') : [])
  const [left, right] = [groups(head), groups(tail)]
  const zeros = Array<string>(8 - left.length - right.length).fill('0')
  const all = [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16))
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]))
}

function pem(label: string, content: Buffer): string {
  const lines = content.toString('base64').match(/.{1,64}/g)!
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}
