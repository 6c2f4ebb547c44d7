// The http check: one request on a fresh connection, judged by the status of its answer. A kept-alive connection would
// go on answering while the server refuses new ones, so none is kept. Redirects are not followed: a 302 is a 302.
// The body is read to at most `bodyLimit` bytes and thrown away, so that a server is not cut off in the middle of a small one.
import { Client, buildConnector, type Dispatcher } from 'undici'
import { isIP } from 'node:net'
import type { ServerTlsSpec } from '../../messages/tls.ts'
import type { Millis } from '../../model/units.ts'
import type { TLSSocket } from 'node:tls'
import { openPlain } from './probe-tcp.ts'
import {
  errorText,
  fail,
  pass,
  timeoutText,
  type HttpCheckSpec,
  type Probe,
  type ProbeResult,
  type SendProxy,
  type Target,
} from './probe.ts'
import { pinProblem, tlsOptions } from './probe-tls.ts'

const bodyLimit = 64 * 1024

/** Makes the check of one server. The TLS context is made once; the client lives for one check. */
export function httpProbe(target: Target, check: HttpCheckSpec, timeout: Millis, sendProxy: SendProxy = null): Probe {
  const origin = originOf(target)
  const connect = connector(target, timeout, sendProxy)
  const request: Dispatcher.RequestOptions = {
    method: check.method,
    path: check.path,
    headers: { 'user-agent': 'weir-health-check', accept: '*/*', ...(check.host === null ? {} : { host: check.host }) },
    reset: true, // Connection: close
  }
  return async (signal) => {
    const limits = { connectTimeout: timeout, headersTimeout: timeout, bodyTimeout: timeout }
    const client = new Client(origin, { connect, pipelining: 0, allowH2: false, ...limits })
    const deadline = AbortSignal.timeout(timeout)
    try {
      const either = AbortSignal.any([signal, deadline])
      const answer = await client.request({ ...request, signal: either })
      await answer.body.dump({ limit: bodyLimit, signal: either }).catch(() => {}) // the status has decided already
      return judge(answer.statusCode, check)
    } catch (error) {
      return fail(deadline.aborted ? timeoutText(timeout) : wordsFor(error, timeout))
    } finally {
      client.destroy().catch(() => {})
    }
  }
}

function judge(status: number, { expect }: HttpCheckSpec): ProbeResult {
  if (expect.some(([low, high]) => status >= low && status <= high)) return pass(`status ${status}`)
  const ranges = expect.map(([low, high]) => (low === high ? `${low}` : `${low}-${high}`))
  return fail(`status ${status}, expected ${ranges.join(', ')}`)
}

function wordsFor(error: unknown, timeout: Millis): string {
  const code = (error as { code?: unknown }).code
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'UND_ERR_HEADERS_TIMEOUT') return timeoutText(timeout)
  if (code === 'UND_ERR_SOCKET') return 'connection closed before an answer'
  if (error instanceof Error && error.name === 'HTTPParserError') return `not a valid HTTP answer (${String(code)})`
  return errorText(error)
}

/** The name in the Host field comes from here when none is configured, so a unix socket calls itself localhost. */
function originOf({ host, port, path, tls }: Target): string {
  const scheme = tls === null ? 'http' : 'https'
  if (path !== null) return `${scheme}://localhost`
  return `${scheme}://${isIP(host ?? '') === 6 ? `[${host}]` : host}:${port}`
}

function connector(target: Target, timeout: Millis, sendProxy: SendProxy): buildConnector.connector {
  const { host, path, tls } = target
  const secure = tls === null ? null : tlsOptions(tls, path === null ? host : null)
  const connect = buildConnector({
    timeout,
    allowH2: false,
    maxCachedSessions: 0, // each check is a full handshake, as a new client's would be
    ...secure,
    ...(path === null ? {} : { socketPath: path }),
  })
  // The client would take the name for SNI from the Host field of the check; the server's own settings decide instead.
  const servername = secure?.servername ?? ''
  const pinned = (callback: buildConnector.Callback) => (tls === null ? callback : ifPinned(tls, callback))
  if (sendProxy === null) return (options, callback) => connect({ ...options, servername }, pinned(callback))
  return (options, callback) => {
    const socket = openPlain(target, sendProxy)
    if (tls !== null) return connect({ ...options, servername, httpSocket: socket }, pinned(callback))
    const timer = setTimeout(() => socket.destroy(new Error(timeoutText(timeout))), timeout)
    const failed = (error: Error): void => callback(error, null)
    socket.once('error', failed)
    socket.once('close', () => clearTimeout(timer))
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.off('error', failed).on('error', () => {}) // from here on the client looks after it
      callback(null, socket)
    })
  }
}

/** Before a byte of the check is sent. */
const ifPinned =
  (tls: ServerTlsSpec, callback: buildConnector.Callback): buildConnector.Callback =>
  (...[error, socket]) => {
    if (error !== null) return callback(error, null)
    const problem = pinProblem(tls, socket as TLSSocket)
    if (problem === null) return callback(null, socket)
    socket.destroy()
    callback(problem, null)
  }
