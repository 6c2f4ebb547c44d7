// A client over TLS that asks once and tells all that it saw, whatever came of it.
import tls from 'node:tls'
import { get } from './peers.ts'

export interface Outcome {
  /** The server's answer has come to its end. */
  readonly answered: boolean
  /** Of the certificate that was shown: 'CN=main.test'; '' when none was, as in a session that is resumed. */
  readonly subject: string
  readonly fingerprint: string
  readonly reused: boolean
  /** The newest ticket. */
  readonly session: Buffer | undefined
  /** Tickets that were given. */
  readonly tickets: number
  /** What was stapled; null: nothing. */
  readonly staple: Buffer | null
  /** Code of the error that ended it; '': none did. */
  readonly error: string
}

/** A handshake and one request, on a connection of its own. Nothing is verified unless that is said. */
export function ask(port: number, options: tls.ConnectionOptions = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    let text = ''
    const seen = { subject: '', fingerprint: '', reused: false, tickets: 0, error: '' }
    let session: Buffer | undefined
    let staple: Buffer | null = null
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => {
      const certificate = socket.getPeerX509Certificate()
      seen.subject = certificate?.subject ?? ''
      seen.fingerprint = certificate?.fingerprint256 ?? ''
      seen.reused = socket.isSessionReused()
      if (socket.getProtocol() !== 'TLSv1.3') session = socket.getSession() // its ticket is a part of the handshake
      socket.write(get('/', 'Connection: close'))
    })
    socket.on('session', (ticket: Buffer) => {
      session = ticket
      seen.tickets++
    })
    socket.on('OCSPResponse', (response: Buffer | null) => (staple = response))
    socket.on('data', (chunk: Buffer) => (text += chunk.latin1Slice()))
    socket.on('error', (problem: NodeJS.ErrnoException) => (seen.error = problem.code ?? problem.message))
    socket.on('close', () => resolve({ ...seen, session, staple, answered: text.startsWith('HTTP/1.1 200 ') }))
  })
}
