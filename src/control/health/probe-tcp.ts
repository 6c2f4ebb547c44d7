// The tcp check: connect, finish the TLS handshake where the server speaks TLS, close. Not one byte of payload is sent.
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ServerTlsSpec } from '../../messages/snapshot.ts'
import type { Millis } from '../../model/units.ts'
import { errorText, fail, pass, timeoutText, type Probe, type ProbeResult, type Target } from './probe.ts'

/** Makes the check of one server. */
export function tcpProbe(target: Target, timeout: Millis): Probe {
  return (signal) =>
    new Promise<ProbeResult>((resolve) => {
      const socket = open(target)
      const timer = setTimeout(() => end(fail(timeoutText(timeout))), timeout)
      const abort = (): void => end(fail('cancelled'))
      function end(result: ProbeResult): void {
        clearTimeout(timer)
        signal.removeEventListener('abort', abort)
        if (result.passed) socket.destroySoon() // lets the TLS handshake and its close go out, so that the server logs no error
        else socket.destroy()
        resolve(result)
      }
      signal.addEventListener('abort', abort, { once: true })
      socket.on('error', (error) => end(fail(errorText(error)))) // stays, for errors after the end
      socket.once('close', () => end(fail('connection closed during the check')))
      if (target.tls === null) socket.once('connect', () => end(pass('connected')))
      else socket.once('secureConnect', () => end(pass('connected, TLS established')))
      if (signal.aborted) abort()
    })
}

function open(target: Target): Socket {
  const where = target.path === null ? { host: target.host ?? 'localhost', port: target.port } : { path: target.path }
  return target.tls === null ? connectTcp(where) : connectTls({ ...where, ...tlsOptions(target.tls, target.host) })
}

/** Those options of node:tls that undici takes too. */
export interface TlsOptions {
  readonly rejectUnauthorized: boolean
  readonly ca?: string
  readonly servername?: string
}

/**
 * Options of node:tls for a connection to a server.
 * @param host the server's own name or address: the name for SNI and verification when none is configured
 */
export function tlsOptions(tls: ServerTlsSpec, host: string | null): TlsOptions {
  const name = tls.serverName ?? host
  return {
    rejectUnauthorized: tls.verify,
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...(name === null || isIP(name) !== 0 ? {} : { servername: name }), // RFC 6066, section 3: no address in SNI
  }
}
