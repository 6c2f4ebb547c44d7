// TLS towards servers: what tls.connect() needs to know of one server, whether the server that answered is the one, and
// its newest session, so that the next handshake is a short one. Made once per server and worker, and anew when anything of
// its TLS changes, so no session outlives what it was verified by. Where to connect and what to read into is the connector's.
import { createHash } from 'node:crypto'
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
  /**
   * To be called with a new socket, before anybody else listens to it. Ends it with an error at 'secureConnect' when the
   * server has another key than those that are pinned; keeps the sessions that it is given, which an error forgets.
   */
  attend(socket: TLSSocket): void
}

const kUpstream = Symbol('upstream tls')
type Attended = TLSSocket & { [kUpstream]: Upstream }

/**
 * @param spec a server whose `tls` is set
 * @throws what OpenSSL says of a damaged `ca` or `certificate`
 */
export const serverTls = (spec: ServerSpec, mode: Mode): UpstreamTls => new Upstream(spec, spec.tls!, mode)

class Upstream implements UpstreamTls {
  readonly #fixed: ConnectionOptions
  readonly #pins: readonly string[]
  /** One session, the newest: a few KiB per server at most. */
  #session: Buffer | null = null

  constructor(spec: ServerSpec, tls: ServerTlsSpec, mode: Mode) {
    this.#pins = tls.pins
    this.#fixed = {
      secureContext: contextFor(tls),
      rejectUnauthorized: tls.verify,
      ...nameOf(spec, tls),
      ...(mode === 'http' ? { ALPNProtocols: ['http/1.1'] } : {}),
    }
  }

  options(): ConnectionOptions {
    return this.#session ? { ...this.#fixed, session: this.#session } : this.#fixed
  }

  attend(socket: TLSSocket): void {
    ;(socket as Attended)[kUpstream] = this
    if (this.#pins.length > 0) socket.once('secureConnect', checkPins)
    socket.on('session', keepSession)
    socket.on('error', forgetSession)
    socket.on('_tlsError', endOnTlsError)
  }

  /** The session of a server that was turned away is not worth keeping, and one that resumes has been looked at before. */
  accepts(socket: TLSSocket): boolean {
    return socket.isSessionReused() || this.#pins.includes(pinOf(socket))
  }

  keep(session: Buffer): void {
    this.#session = session
  }

  forget(): void {
    this.#session = null
  }
}

/** Before a byte is written: who waits for the same event finds the socket destroyed. */
function checkPins(this: TLSSocket): void {
  if (!(this as Attended)[kUpstream].accepts(this))
    this.destroy(new Error('the public key of the server is not pinned'))
}

/** SHA-256 of the server's public key (SubjectPublicKeyInfo), base64, as in RFC 7469, section 2.4; '' when it showed none. */
function pinOf(socket: TLSSocket): string {
  const key = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' })
  return key === undefined ? '' : createHash('sha256').update(key).digest('base64')
}

function keepSession(this: TLSSocket, session: Buffer): void {
  if (this.destroyed) return
  ;(this as Attended)[kUpstream].keep(session)
}

function forgetSession(this: TLSSocket): void {
  ;(this as Attended)[kUpstream].forget()
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

/**
 * Contexts by authorities and own certificate, weakly, since servers share them and a context with the authorities of Node
 * is not small. By a hash of them: a private key is no key of a table.
 */
const contexts = new Map<string, WeakRef<SecureContext>>()

function contextFor({ ca, certificate }: ServerTlsSpec): SecureContext {
  const id = createHash('sha256')
    .update(JSON.stringify([ca, certificate]))
    .digest('base64')
  const known = contexts.get(id)?.deref()
  if (known) return known
  const context = createSecureContext({ ...(ca === null ? {} : { ca }), ...certificate, minVersion: 'TLSv1.2' })
  for (const [key, ref] of contexts) if (!ref.deref()) contexts.delete(key)
  contexts.set(id, new WeakRef(context))
  return context
}
