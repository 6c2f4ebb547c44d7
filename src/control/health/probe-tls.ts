// TLS of a check: as strict as that of the requests (data/tls/server-tls.ts), or a server that fails every request would
// pass its checks. Every check is a full handshake, as a new client's would be.
import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import { checkServerIdentity, type PeerCertificate, type TLSSocket } from 'node:tls'
import type { ServerTlsSpec } from '../../messages/tls.ts'

/** Those options of node:tls that undici takes too. */
export interface TlsOptions {
  readonly rejectUnauthorized: boolean
  readonly minVersion: 'TLSv1.2'
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly servername?: string
  readonly checkServerIdentity?: (host: string, certificate: PeerCertificate) => Error | undefined
}

/**
 * Options of node:tls for a connection to a server.
 * @param host the server's own name or address: the name for SNI and verification when none is configured
 */
export function tlsOptions(tls: ServerTlsSpec, host: string | null): TlsOptions {
  return {
    rejectUnauthorized: tls.verify,
    minVersion: 'TLSv1.2',
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...tls.certificate,
    ...nameOf(tls.serverName ?? host, host),
  }
}

/** SNI carries no addresses (RFC 6066, section 3): an address is only looked for in the certificate. */
function nameOf(name: string | null, host: string | null): Partial<TlsOptions> {
  if (name === null || (isIP(name) !== 0 && name === host)) return {}
  if (isIP(name) === 0) return { servername: name }
  return { checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate) }
}

/**
 * Whether the server has one of the keys that are pinned, where there are any.
 * @param socket after its handshake
 * @returns why it is not the server that it should be; null: it is
 */
export function pinProblem({ pins }: ServerTlsSpec, socket: TLSSocket): Error | null {
  if (pins.length === 0) return null
  const key = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' })
  const pin = key === undefined ? '' : createHash('sha256').update(key).digest('base64')
  return pins.includes(pin) ? null : new Error('the public key of the server is not pinned')
}
