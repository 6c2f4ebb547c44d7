// Clients that show a certificate (RFC 8446, section 4.3.2): what a bind asks of it, whether one who has shown his may come in,
// and who he is. OpenSSL asks for the certificate, refuses those who show none where one is required, and verifies the
// chain, the purpose, the dates and the revocation list; but Node has it finish the handshake whatever came of that, and leaves
// the verdict to its caller. It is looked at here as soon as the handshake is done, when nothing has been sent to the
// client yet, not even a ticket. A session that is resumed has the certificate and the verdict of its first
// handshake; its name (`sessionContext`) is one with the rules, so that a ticket from under other rules is not good.
// Not here: what servers are told (http1/identity-fields.ts).
import { createHash, X509Certificate } from 'node:crypto'
import type { SecureContextOptions, TLSSocket } from 'node:tls'
import type { ClientAuthSpec } from '../../messages/tls.ts'

/** Who a client is. */
export interface ClientCertificate {
  /** Distinguished names as RFC 4514 has them, the most special part first: 'CN=alice,O=Example'. */
  readonly subject: string
  readonly issuer: string
  /** Hexadecimal, upper case. */
  readonly serial: string
  /** SHA-256 of `raw`: 64 hexadecimal digits, lower case. */
  readonly fingerprint: string
  /** As OpenSSL writes times: 'Nov 22 20:54:07 2026 GMT'. */
  readonly notBefore: string
  readonly notAfter: string
  /** DER. */
  readonly raw: Buffer
}

/** What Node has beneath a TLSSocket, and does not describe. */
interface Handle {
  verifyError?: () => Error | null | undefined
}

/** The session context of binds that ask for no certificate. */
export const OPEN_SESSIONS = 'weir'

export class ClientAuth {
  readonly spec: ClientAuthSpec
  /** At most 32 bytes: what OpenSSL takes. */
  readonly sessionContext: string
  readonly #authorities: readonly X509Certificate[]

  /** @throws what OpenSSL says of an authority that it can't read; `weir check` has found it before */
  constructor(spec: ClientAuthSpec) {
    const { mode, ca, crl, depth } = spec
    this.spec = spec
    const rules = createHash('sha256').update(JSON.stringify([mode, ca, crl, depth]))
    this.sessionContext = `${OPEN_SESSIONS}:${rules.digest('base64url').slice(0, 24)}`
    this.#authorities = blocks(ca, 'CERTIFICATE').map((pem) => new X509Certificate(pem))
  }

  /** What the contexts of the bind are made with. An authority need not be at the top of its own chain. */
  get contextOptions(): SecureContextOptions {
    const { ca, crl } = this.spec
    return {
      ca,
      ...(crl === null ? {} : { crl: blocks(crl, 'X509 CRL') }), // of one string, Node reads the first list only
      allowPartialTrustChain: true,
    }
  }

  /** To be asked at 'secure', before anything is sent. @returns false: the connection must be ended */
  admits(socket: TLSSocket): boolean {
    const certificate = socket.getPeerX509Certificate()
    if (certificate === undefined) return this.spec.mode === 'optional'
    if (isWrong(socket)) return false
    // A resumed session may have outlived its certificate, and its chain is not with it: that was short enough.
    if (socket.isSessionReused()) return Date.parse(certificate.validTo) >= Date.now()
    return this.#isShortEnough(certificate)
  }

  /**
   * Whether at most `depth` certificates stand between the client's and an authority. Where the client has sent no
   * more than that there is nothing to look at.
   */
  #isShortEnough(leaf: X509Certificate): boolean {
    const { depth } = this.spec
    let sent = 0
    for (let each = leaf.issuerCertificate; each !== undefined && sent <= depth; each = each.issuerCertificate) sent++
    if (sent <= depth) return true
    let certificate: X509Certificate | undefined = leaf
    for (let between = 0; between <= depth && certificate !== undefined; between++) {
      const signed: X509Certificate = certificate
      if (this.#authorities.some((authority) => isIssuer(authority, signed))) return true
      certificate = senders(leaf).find((each) => isIssuer(each, signed))
    }
    return false
  }
}

/** Fails closed where Node does not say. */
function isWrong(socket: TLSSocket): boolean {
  const handle = (socket as unknown as { _handle: Handle | null })._handle
  if (typeof handle?.verifyError !== 'function') return true
  return (handle.verifyError() ?? null) !== null
}

/** What came with the client's certificate, in the order in which it came; no more than OpenSSL looks at. */
function senders(leaf: X509Certificate): X509Certificate[] {
  const sent: X509Certificate[] = []
  for (let each = leaf.issuerCertificate; each !== undefined && sent.length < 100; each = each.issuerCertificate) {
    sent.push(each)
  }
  return sent
}

const isIssuer = (issuer: X509Certificate, certificate: X509Certificate): boolean =>
  certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)

/** PEM blocks of one kind. */
const blocks = (pem: string, kind: string): string[] =>
  pem.match(new RegExp(`-----BEGIN ${kind}-----[^-]+-----END ${kind}-----`, 'g')) ?? []

const known = new WeakMap<TLSSocket, ClientCertificate>()

/**
 * Who the client of an admitted connection is; null: it has shown no certificate, or was not asked for one.
 * Resumed sessions included.
 */
export function clientIdentityOf(socket: TLSSocket): ClientCertificate | null {
  const before = known.get(socket)
  if (before !== undefined) return before
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return null
  const identity: ClientCertificate = {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    serial: certificate.serialNumber,
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    notBefore: certificate.validFrom,
    notAfter: certificate.validTo,
    raw: certificate.raw,
  }
  known.set(socket, identity)
  return identity
}

/**
 * Node has a line for each part of a name, in the order of the certificate, with values escaped as RFC 4514 (section 2.4)
 * wants them: no value holds a line end or a bare '+'. An empty name is undefined, whatever the types say.
 */
const oneLine = (name: string | undefined): string =>
  (name ?? '').split('\n').toReversed().join(',').replaceAll(' + ', '+')
