// Who a client is by its certificate, told to servers in header fields, under the names that the operator has chosen: Weir's
// own X-Client-Cert-*, those of Pound (X-SSL-*), or Client-Cert and Client-Cert-Chain (RFC 9440). A server believes them, so no client may send
// them: requests are rid of all of them, under all three kinds of names and however they are spelt, before ours are added.
// What a certificate says is escaped so that no name in it can end a line or begin another. The lines are made once per
// connection; what they cost after that is their copy into each request.
import type { IdentityFields } from '../../messages/tls.ts'
import type { Wire } from '../io/socket-owner.ts'
import type { AcceptedSocket } from '../tls/accept.ts'
import { clientIdentityOf, type ClientCertificate } from '../tls/client-auth.ts'
import type { Fields } from './fields.ts'

/**
 * What servers are told of the client at the other end of a connection: lines with their CRLF, ASCII.
 * @param names null: they are not told
 * @param socket after its handshake; one without TLS is that of a client without a certificate
 */
export function identityLines(names: IdentityFields | null, socket: Wire): string {
  if (names === null) return ''
  const secure = 'encrypted' in socket ? (socket as AcceptedSocket) : null
  const write = writers[names]
  const lines = write(secure === null ? null : clientIdentityOf(secure), secure)
  return lines.length <= MOST ? lines : write(null, secure)
}

/**
 * Bytes of the lines: more would not fit into what servers take as a head. A chain that makes them more is left out, and a
 * client whose certificate alone does is told of as one without, which lets nobody in who should not be.
 */
const MOST = 16_384

type Writer = (certificate: ClientCertificate | null, socket: AcceptedSocket | null) => string

const writers: Readonly<Record<IdentityFields, Writer>> = {
  'x-client-cert'(certificate) {
    if (certificate === null) return 'X-Client-Cert-Verify: NONE\r\n'
    return (
      'X-Client-Cert-Verify: SUCCESS\r\n' +
      `X-Client-Cert-Subject: ${visible(certificate.subject)}\r\n` +
      `X-Client-Cert-Issuer: ${visible(certificate.issuer)}\r\n` +
      `X-Client-Cert-Serial: ${certificate.serial}\r\n` +
      `X-Client-Cert-Fingerprint: ${certificate.fingerprint}\r\n`
    )
  },

  /** As Pound has them: the serial number is decimal, the certificate PEM without its line ends. */
  'x-ssl'(certificate, socket) {
    const cipher = socket === null ? '' : `X-SSL-cipher: ${socket.getProtocol()}/${socket.getCipher().name}\r\n`
    if (certificate === null) return cipher
    const pem = certificate.raw.toString('base64')
    return (
      `X-SSL-Subject: ${visible(certificate.subject)}\r\n` +
      `X-SSL-Issuer: ${visible(certificate.issuer)}\r\n` +
      `X-SSL-notBefore: ${certificate.notBefore}\r\n` +
      `X-SSL-notAfter: ${certificate.notAfter}\r\n` +
      `X-SSL-serial: ${BigInt(`0x${certificate.serial}`)}\r\n` +
      `X-SSL-certificate: -----BEGIN CERTIFICATE-----${pem}-----END CERTIFICATE-----\r\n${cipher}`
    )
  },

  'client-cert': (certificate) => clientCert(certificate),

  'client-cert-chain'(certificate, socket) {
    const line = clientCert(certificate)
    const chain = line === '' ? [] : (socket?.clientAuth?.chainOf(socket) ?? [])
    if (chain.length === 0) return line
    const both = `${line}Client-Cert-Chain: ${chain.map(byteSequence).join(', ')}\r\n`
    return both.length <= MOST ? both : line
  },
}

/** Without a certificate there is no field. */
const clientCert = (certificate: ClientCertificate | null): string =>
  certificate === null ? '' : `Client-Cert: ${byteSequence(certificate.raw)}\r\n`

/** Of structured fields: RFC 8941, section 3.3.5. */
const byteSequence = (bytes: Buffer): string => `:${bytes.toString('base64')}:`

/**
 * A distinguished name as a field value: what is no visible ASCII character becomes the backslash and two hexadecimal
 * digits, for each of its bytes, that RFC 4514, section 2.4 has for it anyway. A space at the end would not arrive.
 */
export function visible(name: string): string {
  return name.replace(/[^\x20-\x7e]/gu, escaped).replace(/(?:\\?) $/, '\\20')
}

const escaped = (character: string): string =>
  Buffer.from(character).toString('hex').toUpperCase().replace(/../g, '\\$&')

/** Fields whose names begin so, and those whose names are just so. */
const prefixes = ['x-client-cert', 'x-ssl-'].map(encode)
const wholeNames = ['client-cert', 'client-cert-chain'].map(encode)

/** Leaves out of the forwarded head what only Weir may say. */
export function dropIdentityFields(fields: Fields, buffer: Uint8Array): void {
  for (let line = 0; line < fields.count; line++) {
    if (isOurs(buffer, fields.start[line]!, fields.nameEnd[line]!)) fields.drop(line)
  }
}

function isOurs(buffer: Uint8Array, start: number, end: number): boolean {
  for (const name of prefixes) if (begins(buffer, start, end, name)) return true
  for (const name of wholeNames) if (end - start === name.length && begins(buffer, start, end, name)) return true
  return false
}

/**
 * By letters and digits; any other character stands for any other. A server may hand fields on as variables (CGI, RFC 3875,
 * section 4.1.18), where names that differ in no more than that are one.
 */
function begins(buffer: Uint8Array, start: number, end: number, name: Uint8Array): boolean {
  if (end - start < name.length) return false
  for (let i = 0; i < name.length; i++) {
    if (PLAIN[buffer[start + i]!] !== name[i]) return false
  }
  return true
}

/** Lower-cased letters, digits, and '-' for all else. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte).toLowerCase()
  return (/[a-z\d]/.test(character) ? character : '-').charCodeAt(0)
})

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
