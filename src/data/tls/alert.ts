// The alert that tells a client why its certificate is refused (RFC 8446, section 6.2). OpenSSL sends one of its own when it
// refuses, but Node has it accept every certificate and leaves the verdict to its caller, who hears of it when the handshake
// is done on this side, and has no means to send an alert. At that moment nothing of what ends the handshake is on its way
// yet, so that the record can be made here and written to the connection beneath:
//
// - up to TLS 1.2 our change of keys is not sent yet, so that the client still reads records in the open;
// - in TLS 1.3 the client reads by the first keys for application data. Their secret comes with the documented event 'keylog';
//   the alert is the first record under them, and the only one: what OpenSSL has made for the same place is never sent.
//
// That no other record follows is sure because the sending side of the connection is closed right behind the alert, in the same
// turn. Where this cannot be done (a resumed session of TLS 1.2, another Node) there is no alert, and the connection just ends.
import { createCipheriv, createHmac, type CipherGCMTypes } from 'node:crypto'
import { Duplex } from 'node:stream'
import { Socket } from 'node:net'
import { TLSSocket, type SecureContext } from 'node:tls'

/** Descriptions of alerts (RFC 8446, section 6). */
export const alerts = {
  badCertificate: 42,
  unsupportedCertificate: 43,
  certificateRevoked: 44,
  certificateExpired: 45,
  certificateUnknown: 46,
  unknownCa: 48,
} as const
export type Alert = (typeof alerts)[keyof typeof alerts]

const FATAL = 2
const ALERT_RECORD = 21
const DATA_RECORD = 23
const TAG_LENGTH = 16
const IV_LENGTH = 12

/** Of suites whose records can be made here. */
const aeads: Readonly<Record<string, { readonly aead: string; readonly keyLength: number; readonly hash: string }>> = {
  TLS_AES_128_GCM_SHA256: { aead: 'aes-128-gcm', keyLength: 16, hash: 'sha256' },
  TLS_AES_256_GCM_SHA384: { aead: 'aes-256-gcm', keyLength: 32, hash: 'sha384' },
  TLS_CHACHA20_POLY1305_SHA256: { aead: 'chacha20-poly1305', keyLength: 32, hash: 'sha256' },
}

const minors: Readonly<Record<string, number>> = { TLSv1: 1, 'TLSv1.1': 2, 'TLSv1.2': 3 }

/** Has all connections that are made with a context report the secrets of their handshakes, whichever context they begin with. */
export function reportSecrets(secureContext: SecureContext): void {
  const nobody = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  const socket = new TLSSocket(nobody, { isServer: true, secureContext })
  socket.on('error', () => {})
  socket.on('keylog', () => {}) // Node asks OpenSSL for them with the first who listens, for the context as a whole
  socket.destroy()
}

/** Secrets that alerts are sealed with, of handshakes that are under way. */
const secrets = new WeakMap<TLSSocket, Buffer>()

/** To be called when a handshake begins that may end with an alert. Its context reports secrets. */
export function prepareAlert(socket: TLSSocket): void {
  socket.on('keylog', keepSecret)
}

/** A line is a label, the random of the client, and the secret, in hexadecimal. */
function keepSecret(this: TLSSocket, line: Buffer): void {
  if (line.latin1Slice(0, SERVER_SECRET.length) !== SERVER_SECRET) return
  secrets.set(this, Buffer.from(line.latin1Slice(line.lastIndexOf(0x20) + 1).trimEnd(), 'hex'))
  line.fill(0)
}
const SERVER_SECRET = 'SERVER_TRAFFIC_SECRET_0 '

/** There is to be no alert any more. */
export function forgetAlert(socket: TLSSocket): void {
  secrets.get(socket)?.fill(0)
  secrets.delete(socket)
}

/** What Node has beneath a TLSSocket: the handle of the connection, and the socket that it was taken from, if that has it still. */
interface Handle {
  readonly _parent?: object
  readonly _parentWrap?: object | null
}

/**
 * To be called at 'secure', before anything else is done with the socket, and once. Nothing can be sent after it: the client reads
 * the alert and then the end. What it still sends is to be read until it closes, or the alert may be lost.
 * @returns false: no alert was sent, and the socket is as it was
 */
export function sendAlert(socket: TLSSocket, alert: Alert): boolean {
  const { _handle: handle } = socket as unknown as { _handle: Handle | null }
  const record = recordOf(socket, alert)
  forgetAlert(socket)
  if (record === null || handle?._parent === undefined || handle._parentWrap) return false
  // Writes to the handle and shuts it down, and is then of no more use: the handle is closed by its owner.
  const writer = new Socket({ handle: handle._parent, allowHalfOpen: true, manualStart: true } as object)
  writer.on('error', () => {})
  writer.write(record)
  writer._final(() => {})
  return true
}

function recordOf(socket: TLSSocket, alert: Alert): Buffer | null {
  const version = socket.getProtocol() ?? ''
  const secret = secrets.get(socket)
  if (version === 'TLSv1.3') return secret === undefined ? null : sealedAlert(secret, socket.getCipher().name, alert)
  const minor = minors[version]
  if (minor === undefined || socket.isSessionReused()) return null // a resumed one has our change of keys already
  return Buffer.of(ALERT_RECORD, 3, minor, 0, 2, FATAL, alert)
}

/**
 * The first record of a server under a secret for application data: RFC 8446, sections 5.2 and 7.3. Its number is 0, so that
 * the nonce is the initialization vector itself.
 * @returns null: a suite that is not known here
 */
export function sealedAlert(secret: Buffer, suite: string, alert: Alert): Buffer | null {
  const kind = aeads[suite]
  if (kind === undefined) return null
  const { aead, keyLength, hash } = kind
  const content = Buffer.of(FATAL, alert, ALERT_RECORD)
  const head = Buffer.of(DATA_RECORD, 3, 3, 0, content.length + TAG_LENGTH)
  const key = expand(hash, secret, 'key', keyLength)
  const iv = expand(hash, secret, 'iv', IV_LENGTH)
  // The types have no name for ciphers that may be GCM or ChaCha20-Poly1305; both are used alike.
  const cipher = createCipheriv(aead as CipherGCMTypes, key, iv, { authTagLength: TAG_LENGTH }).setAAD(head)
  return Buffer.concat([head, cipher.update(content), cipher.final(), cipher.getAuthTag()])
}

/** HKDF-Expand-Label without a context (RFC 8446, section 7.1), of at most one block of the hash (RFC 5869, section 2.3). */
function expand(hash: string, secret: Buffer, name: string, length: number): Buffer {
  const label = Buffer.from(`tls13 ${name}`)
  const info = Buffer.concat([Buffer.of(0, length, label.length), label, Buffer.of(0)])
  return createHmac(hash, secret).update(info).update(Buffer.of(1)).digest().subarray(0, length)
}
