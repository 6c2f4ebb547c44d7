// The tcp check: connect, finish the TLS handshake where the server speaks TLS, close. Not one byte of payload is sent, but for a
// PROXY header where the server waits for one. How a check connects is also here, for both kinds.
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { ownHeader, type Ends } from '../../model/proxy-protocol.ts'
import type { Millis } from '../../model/units.ts'
import {
  errorText,
  fail,
  pass,
  timeoutText,
  type Probe,
  type ProbeResult,
  type SendProxy,
  type Target,
} from './probe.ts'
import { pinProblem, tlsOptions } from './probe-tls.ts'

/** Makes the check of one server. */
export function tcpProbe(target: Target, timeout: Millis, sendProxy: SendProxy = null): Probe {
  return (signal) =>
    new Promise<ProbeResult>((resolve) => {
      const socket = open(target, sendProxy)
      const timer = setTimeout(() => end(fail(timeoutText(timeout))), timeout)
      const abort = (): void => end(fail('cancelled'))
      function end(result: ProbeResult): void {
        clearTimeout(timer)
        signal.removeEventListener('abort', abort)
        resolve(result)
        if (result.passed) socket.destroySoon() // lets the TLS handshake and its close go out, so that the server logs no error
        else socket.destroy()
      }
      signal.addEventListener('abort', abort, { once: true })
      socket.on('error', (error) => end(fail(errorText(error)))) // stays, for errors after the end
      socket.once('close', () => end(fail('connection closed during the check')))
      const { tls } = target
      if (tls === null) socket.once('connect', () => end(pass('connected')))
      else {
        socket.once('secureConnect', () => {
          const problem = pinProblem(tls, socket as TLSSocket)
          end(problem === null ? pass('connected, TLS established') : fail(problem.message))
        })
      }
      if (signal.aborted) abort()
    })
}

function open(target: Target, sendProxy: SendProxy): Socket {
  const { tls, host } = target
  if (tls !== null && sendProxy === null) return connectTls({ ...placeOf(target), ...tlsOptions(tls, host) })
  const socket = openPlain(target, sendProxy)
  return tls === null ? socket : connectTls({ ...placeOf(target), socket, ...tlsOptions(tls, host) })
}

const placeOf = ({ host, port, path }: Target) => (path === null ? { host: host ?? 'localhost', port } : { path })

/** A connection without TLS, or for it to be spoken on. */
export function openPlain(target: Target, sendProxy: SendProxy): Socket {
  const socket = connectTcp(placeOf(target))
  if (sendProxy !== null) socket.once('connect', () => socket.write(ownHeader(sendProxy, endsOf(socket))))
  return socket
}

/** The check's own: it is made on behalf of nobody. */
function endsOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): Ends | null {
  if (localAddress === undefined || remoteAddress === undefined) return null
  return {
    source: localAddress,
    sourcePort: localPort!,
    destination: remoteAddress,
    destinationPort: remotePort!,
  }
}
