// How an OpenSSL context is made for a bind: versions, ciphers, groups, tickets, and what is asked of clients. The same for
// all of its certificates, and for other binds with the same options, which `id` says. Making one takes about a
// millisecond, most of which is reading the key.
import { constants, createHash } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { CertificateSpec, TlsSpec } from '../../messages/tls.ts'
import { reportSecrets } from './alert.ts'
import { ClientAuth, OPEN_SESSIONS } from './client-auth.ts'
import { answersTickets, refuseTickets, shareTickets, type TicketSecrets } from './tickets.ts'

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

export class ContextRecipe {
  /** Equal for specs that make equal contexts. Holds nothing secret. */
  readonly id: string
  /** Null: no certificate is asked for. */
  readonly clientAuth: ClientAuth | null
  readonly #spec: TlsSpec

  /** @throws what OpenSSL says of authorities that it can't read */
  constructor(spec: TlsSpec) {
    this.#spec = spec
    this.clientAuth = spec.clientAuth && new ClientAuth(spec.clientAuth)
    const { minVersion, maxVersion, ciphers, groups, tickets } = spec
    const parts = [minVersion, maxVersion, ciphers, groups, tickets, this.clientAuth?.sessionContext]
    this.id = createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 16)
  }

  /**
   * @param certificates at most one of each key type; none: every full handshake fails
   * @param secrets as they are whenever a ticket is made or comes back
   * @throws what OpenSSL says when it refuses a certificate or a list; never anything of the key
   */
  make(certificates: readonly CertificateSpec[], secrets: () => TicketSecrets): SecureContext {
    const { minVersion, maxVersion, ciphers, groups, tickets } = this.#spec
    const { first, areAsked } = secrets()
    const silent = !tickets && !answersTickets()
    const context = createSecureContext({
      cert: certificates.map(({ cert }) => cert),
      key: certificates.map(({ key }) => key),
      ca: [], // the authorities that Node ships would take memory, and let in whom nobody has named
      minVersion,
      maxVersion,
      ciphers: ciphers ?? CIPHERS,
      ecdhCurve: groups ?? GROUPS,
      honorCipherOrder: true,
      secureOptions: silent ? OPTIONS | constants.SSL_OP_NO_TICKET : OPTIONS,
      ticketKeys: first, // the same on every worker: a ticket is good at all of them
      sessionIdContext: this.clientAuth?.sessionContext ?? OPEN_SESSIONS,
      ...this.clientAuth?.contextOptions,
    })
    if (!tickets && !silent) refuseTickets(context)
    if (tickets && areAsked) shareTickets(context, secrets)
    if (this.clientAuth !== null) reportSecrets(context)
    return context
  }
}
