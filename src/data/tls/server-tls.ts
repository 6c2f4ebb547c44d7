// TLS towards servers: what tls.connect() needs to know of one server, and its newest session, so that the next
// handshake is a short one. Made once per server and worker. Where to connect and what to read into is the connector's.
import { isIP } from 'node:net'
import {
  checkServerIdentity,
  createSecureContext,
  type ConnectionOptions,
  type SecureContext,
  type TLSSocket,
} from 'node:tls'
import type { ServerSpec } from '../../messages/snapshot.ts'
import type { ServerTlsSpec } from '../../messages/tls.ts'
import type { Mode } from '../../model/states.ts'

export interface UpstreamTls {
  /** Options to spread into those of tls.connect(); the newest session is among them. */
  options(): ConnectionOptions
  /** Keeps the sessions that this connection is given; an error forgets them and, at any time, ends the socket. */
  remember(socket: TLSSocket): void
}

const kUpstream = Symbol('upstream tls')
type Remembered = TLSSocket & { [kUpstream]: Upstream }

/**
 * @param spec a server whose `tls` is set
 * @throws what OpenSSL says of a damaged `ca`
 */
export const serverTls = (spec: ServerSpec, mode: Mode): UpstreamTls => new Upstream(spec, spec.tls!, mode)

class Upstream implements UpstreamTls {
  readonly #fixed: ConnectionOptions
  /** One session, the newest: a few KiB per server at most. */
  #session: Buffer | null = null

  constructor(spec: ServerSpec, tls: ServerTlsSpec, mode: Mode) {
    this.#fixed = {
      secureContext: contextFor(tls.ca),
      rejectUnauthorized: tls.verify,
      ...nameOf(spec, tls),
      ...(mode === 'http' ? { ALPNProtocols: ['http/1.1'] } : {}),
    }
  }

  options(): ConnectionOptions {
    return this.#session ? { ...this.#fixed, session: this.#session } : this.#fixed
  }

  remember(socket: TLSSocket): void {
    ;(socket as Remembered)[kUpstream] = this
    socket.on('session', keepSession)
    socket.on('error', forgetSession)
    socket.on('_tlsError', endOnTlsError)
  }

  keep(session: Buffer): void {
    this.#session = session
  }

  forget(): void {
    this.#session = null
  }
}

function keepSession(this: TLSSocket, session: Buffer): void {
  ;(this as Remembered)[kUpstream].keep(session)
}

function forgetSession(this: TLSSocket): void {
  ;(this as Remembered)[kUpstream].forget()
}

/** A record that cannot be read after the handshake is only reported by Node; nothing sensible can follow it. */
function endOnTlsError(this: TLSSocket, error: Error): void {
  this.destroy(error)
}

/**
 * The name sent as SNI and looked for in the certificate. SNI carries no addresses (RFC 6066, section 3): an address is
 * only looked for, and when it is that of the server, tls.connect() does so by itself.
 */
function nameOf(spec: ServerSpec, tls: ServerTlsSpec): ConnectionOptions {
  const name = tls.serverName ?? spec.host
  if (name === null || (isIP(name) && name === spec.host)) return {}
  return isIP(name) ? { checkServerIdentity: (_, cert) => checkServerIdentity(name, cert) } : { servername: name }
}

/** Contexts by `ca`, weakly, since servers share authorities and a context with those of Node is not small. */
const contexts = new Map<string | null, WeakRef<SecureContext>>()

function contextFor(ca: string | null): SecureContext {
  const known = contexts.get(ca)?.deref()
  if (known) return known
  const context = createSecureContext({ ...(ca === null ? {} : { ca }), minVersion: 'TLSv1.2' })
  for (const [key, ref] of contexts) if (!ref.deref()) contexts.delete(key)
  contexts.set(ca, new WeakRef(context))
  return context
}
