// From the certificates of one bind to OpenSSL contexts, and from the name a client asks for (SNI) to one of them.
// Built once per snapshot and worker. Where the same certificates serve every name, `select` is null, and a handshake
// never enters JavaScript for them. OpenSSL chooses between ECDSA and RSA by what the client can verify, but only among
// the certificates of the default context: the context chosen for a name replaces all of them by a single one (Node
// hands over no more), so that for other names the choice between key types is made here.
import { constants } from 'node:crypto'
import { createSecureContext, type SecureContext, type TLSSocket, type TLSSocketOptions } from 'node:tls'
import type { CertificateSpec, TicketKeys, TlsSpec } from '../../messages/tls.ts'

/**
 * TLS 1.3 suites and TLS 1.2 ciphers in the server's order: AEAD with forward secrecy only. AES-128-GCM comes first as
 * the cheapest (SHA-256 in the key schedule); a client that puts ChaCha20 first, for want of AES instructions, gets it.
 */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

/** Key exchange: the post-quantum hybrid with clients that have it, X25519 with the others, which pay nothing for it. */
const GROUPS = 'X25519MLKEM768:X25519:P-256:P-384'

const OPTIONS = constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_PRIORITIZE_CHACHA

/** TLS of one bind, for the server's side of a handshake. */
export interface ServerTls {
  /** Serves clients that send no name, or one that no certificate has. */
  readonly defaultContext: SecureContext
  /** The context for a name as the client sent it, or null for the default. Null: the default serves every name. */
  readonly select: ((name: string, client: Client) => SecureContext | null) | null
  /** The above and ALPN as a TLSSocket takes them; data/tls/accept adds what the socket brings. */
  readonly options: TLSSocketOptions
}

/** What a handshake that has come to the name knows of the client's signature algorithms: 'ECDSA+SHA256' and so on. */
type Client = Pick<TLSSocket, 'getSharedSigalgs'>

/** Contexts of a single certificate by its key type. */
type Choice = ReadonlyMap<CertificateSpec['keyType'], SecureContext>

/** @throws what OpenSSL says when it refuses a certificate or a cipher list; `weir check` has found it before */
export function createTls(spec: TlsSpec, certificates: readonly CertificateSpec[], ticketKeys: TicketKeys): ServerTls {
  const first = certificates[0]
  if (!first) throw new Error('A bind with TLS needs a certificate')
  const fallback = besideDefault(first, certificates)
  const defaultContext = createContext(spec, fallback, ticketKeys)
  const choices = new Map<string, Choice | null>()
  for (const name of new Set(certificates.flatMap(({ names }) => names))) {
    const own = forName(name, certificates)
    choices.set(name, sameItems(own, fallback) ? null : choiceOf(spec, own, ticketKeys))
  }
  const select = [...choices.values()].every((choice) => choice === null) ? null : selector(choices)
  return { defaultContext, select, options: optionsOf(defaultContext, select, spec.alpn) }
}

/** An exact name wins over a wildcard, and a wildcard stands for exactly one label (RFC 9525, section 6.3). */
const selector =
  (choices: ReadonlyMap<string, Choice | null>): NonNullable<ServerTls['select']> =>
  (asked, client) => {
    const name = asked.toLowerCase()
    let choice = choices.get(name)
    if (choice === undefined) choice = choices.get(wildcardOf(name))
    if (!choice) return null
    return choice.size > 1 ? verifiable(choice, client) : choice.values().next().value!
  }

/** ECDSA, the cheapest, with clients that can verify it. */
function verifiable(choice: Choice, client: Client): SecureContext {
  const algorithms = client.getSharedSigalgs()
  for (const [keyType, prefix] of [
    ['ec', 'ECDSA+'],
    ['other', 'Ed'],
    ['rsa', 'RSA'],
  ] as const) {
    const context = choice.get(keyType)
    if (context && algorithms.some((algorithm) => algorithm.startsWith(prefix))) return context
  }
  return choice.values().next().value!
}

function wildcardOf(name: string): string {
  const dot = name.indexOf('.')
  return dot > 0 ? `*${name.slice(dot)}` : ''
}

/** One certificate per key type for a name: the first with the very name, else the first whose wildcard covers it. */
function forName(name: string, certificates: readonly CertificateSpec[]): CertificateSpec[] {
  const exact = certificates.filter(({ names }) => names.includes(name))
  const covering = certificates.filter(({ names }) => names.includes(wildcardOf(name)))
  return onePerKeyType([...exact, ...covering])
}

/** The first certificate, and beside it those of other key types that share a name with it. */
function besideDefault(first: CertificateSpec, certificates: readonly CertificateSpec[]): CertificateSpec[] {
  const related = certificates.filter((other) => first.names.some((name) => forName(name, [other]).length > 0))
  return onePerKeyType([first, ...related])
}

function onePerKeyType(certificates: readonly CertificateSpec[]): CertificateSpec[] {
  const chosen = new Map<string, CertificateSpec>()
  for (const certificate of certificates) {
    if (!chosen.has(certificate.keyType)) chosen.set(certificate.keyType, certificate)
  }
  return [...chosen.values()]
}

const sameItems = <T>(a: readonly T[], b: readonly T[]): boolean =>
  a.length === b.length && a.every((item) => b.includes(item))

function createContext(spec: TlsSpec, certificates: readonly CertificateSpec[], ticketKeys: TicketKeys): SecureContext {
  return createSecureContext({
    cert: certificates.map(({ cert }) => cert),
    key: certificates.map(({ key }) => key),
    ca: [], // clients show no certificate, and the authorities that Node ships would only take memory
    minVersion: spec.minVersion,
    maxVersion: spec.maxVersion,
    ciphers: spec.ciphers ?? CIPHERS,
    ecdhCurve: GROUPS,
    honorCipherOrder: true,
    secureOptions: OPTIONS,
    ticketKeys: Buffer.from(ticketKeys[0]!), // the same on every worker: a ticket is good at all of them
    sessionIdContext: 'weir',
  })
}

const choiceOf = (spec: TlsSpec, certificates: readonly CertificateSpec[], ticketKeys: TicketKeys): Choice =>
  new Map(certificates.map((certificate) => [certificate.keyType, createContext(spec, [certificate], ticketKeys)]))

function optionsOf(
  secureContext: SecureContext,
  select: ServerTls['select'],
  alpn: readonly string[],
): TLSSocketOptions {
  const options: TLSSocketOptions = { isServer: true, secureContext }
  if (alpn.length > 0) options.ALPNProtocols = wireForm(alpn)
  if (select) {
    options.SNICallback = function (this: Client, name, done): void {
      done(null, select(name, this) ?? undefined)
    }
  }
  return options
}

/** Protocols as RFC 7301, section 3.1 has them, so that no connection needs to convert them. */
const wireForm = (protocols: readonly string[]): Uint8Array =>
  Buffer.concat(protocols.flatMap((name) => [Buffer.of(name.length), Buffer.from(name, 'latin1')]))
