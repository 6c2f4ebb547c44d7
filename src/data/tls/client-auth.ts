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
import { EXPIRED, MISSING, refusalFor, TOO_DEEP, UNCHECKED, UNKNOWN, type Refusal } from './client-refusal.ts'

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
  verifyError?: () => { readonly code?: string } | null | undefined
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

  /**
   * To be asked at 'secure', before anything is sent.
   * @returns null: the client may come in. Else the connection must be ended
   */
  refusalOf(socket: TLSSocket): Refusal | null {
    const certificate = socket.getPeerX509Certificate()
    if (certificate === undefined) return this.spec.mode === 'optional' ? null : MISSING
    const fault = faultOf(socket)
    if (fault !== null) {
      const refusal = refusalFor(fault.code)
      // A list is looked for even where there is no authority whose list it could be.
      const chain = [certificate, ...senders(certificate, this.spec.depth)]
      return refusal === UNCHECKED && !chain.some((each) => this.#hasSigned(each)) ? UNKNOWN : refusal
    }
    // A resumed session may have outlived its certificate, and its chain is not with it: that was short enough.
    if (socket.isSessionReused()) return Date.parse(certificate.validTo) >= Date.now() ? null : EXPIRED
    return this.#isShortEnough(certificate) ? null : TOO_DEEP
  }

  /** Where the client has sent no more certificates than may stand between, there is nothing to look at. */
  #isShortEnough(leaf: X509Certificate): boolean {
    const { depth } = this.spec
    return senders(leaf, depth + 1).length <= depth || this.#between(leaf) !== null
  }

  /**
   * What stands between the certificate of an admitted client and the authority, in DER: each has signed the one before, and the
   * authority, which servers are to know by themselves, is not among them. Empty in a session that is resumed.
   */
  chainOf(socket: TLSSocket): readonly Buffer[] {
    const leaf = socket.getPeerX509Certificate()
    return (leaf === undefined ? null : this.#between(leaf))?.map(({ raw }) => raw) ?? []
  }

  /** @returns null: no authority is at the end, or more than `depth` are between */
  #between(leaf: X509Certificate): X509Certificate[] | null {
    const sent = senders(leaf, MOST_SENT)
    const between: X509Certificate[] = []
    let last = leaf
    while (!this.#hasSigned(last)) {
      const issuer = between.length < this.spec.depth ? sent.find((each) => isIssuer(each, last)) : undefined
      if (issuer === undefined) return null
      between.push(issuer)
      last = issuer
    }
    return between
  }

  /** An authority has signed this one. */
  #hasSigned(certificate: X509Certificate): boolean {
    return this.#authorities.some((authority) => isIssuer(authority, certificate))
  }
}

/** What OpenSSL found, with its name for it; null: nothing. Fails closed where Node does not say. */
function faultOf(socket: TLSSocket): { readonly code?: string } | null {
  const handle = (socket as unknown as { _handle: Handle | null })._handle
  return typeof handle?.verifyError === 'function' ? (handle.verifyError() ?? null) : {}
}

/** No more than OpenSSL looks at. */
const MOST_SENT = 100

/** What came with the client's certificate, in the order in which it came. */
function senders(leaf: X509Certificate, most: number): X509Certificate[] {
  const sent: X509Certificate[] = []
  for (let each = leaf.issuerCertificate; each !== undefined && sent.length < most; each = each.issuerCertificate) {
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
