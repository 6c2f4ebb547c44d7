// Load of TLS handshakes: each client opens a connection, makes one GET with `Connection: close`, reads to the end, and
// starts anew. A program of its own, pinned to the generator's core: wrk resumes sessions whether one wants it or not,
// h2load does not reconnect, and `openssl s_time` needs more CPU time for a handshake than this does.
// Started by runHandshakes(); in the child it is the main module.
import { createHistogram } from 'node:perf_hooks'
import { join } from 'node:path'
import tls from 'node:tls'
import { parseArgs } from 'node:util'
import { pinned, run } from '../process.ts'
import type { LoadResult } from './load.ts'

export interface HandshakeOptions {
  readonly port: number
  readonly path: string
  readonly clients: number
  readonly seconds: number
  /** Use the ticket of the client's last connection, or never. */
  readonly resume: boolean
  readonly cores: string
  /** Of names that are asked for (SNI), each time another at random: see nameOf. 0: none is. */
  readonly names?: number
}

/** The names of so many certificates. */
export const nameOf = (n: number): string => `n${n}.many.test`

/** @throws when full handshakes were resumed ones, or more resumed ones than each client's first were full */
export async function runHandshakes(options: HandshakeOptions): Promise<LoadResult> {
  const { port, path, clients, seconds, resume, cores, names = 0 } = options
  const argv = [process.execPath, join(import.meta.dirname, 'handshakes.ts'), '--port', String(port), '--path', path]
  argv.push('--clients', String(clients), '--seconds', String(seconds), '--names', String(names))
  if (resume) argv.push('--resume')
  const output = await run(pinned(cores, argv), (seconds + 15) * 1000)
  const { resumed, ...result } = JSON.parse(output) as LoadResult & { resumed: number }
  const expected = resume ? result.requests - clients : 0
  if (resume ? resumed < expected : resumed > expected) {
    throw new Error(`${resumed} of ${result.requests} handshakes were resumed, expected ${expected}`)
  }
  return result
}

interface Counts {
  requests: number
  resumed: number
  bytes: number
  errors: number
  stopped: boolean
}

type ClientOptions = Required<Pick<HandshakeOptions, 'port' | 'path' | 'resume' | 'names'>>

/** One client: connection after connection until stopped. */
function client(counts: Counts, times: { record(nanoseconds: number): void }, options: ClientOptions): void {
  const { port, path, resume, names } = options
  const request = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`
  const secureContext = tls.createSecureContext({
    minVersion: 'TLSv1.3',
    ciphers: 'TLS_AES_128_GCM_SHA256',
    ecdhCurve: 'X25519',
  })
  let session: Buffer | undefined
  const connect = (): void => {
    if (counts.stopped) return
    const began = process.hrtime.bigint()
    let answered = false
    const target = {
      host: '127.0.0.1',
      port,
      ...(names > 0 ? { servername: nameOf(Math.floor(Math.random() * names)) } : {}),
    }
    const socket = tls.connect({ ...target, secureContext, session, rejectUnauthorized: false }, () => {
      if (socket.isSessionReused()) counts.resumed++
      socket.write(request)
    })
    if (resume) socket.on('session', (ticket: Buffer) => (session = ticket))
    socket.on('data', (chunk: Buffer) => {
      if (!answered) answered = chunk.toString('latin1', 0, 12) === 'HTTP/1.1 200'
      counts.bytes += chunk.length
    })
    socket.once('end', () => socket.destroy())
    socket.on('error', () => {})
    socket.once('close', () => {
      if (counts.stopped) return
      if (answered) {
        counts.requests++
        times.record(Number(process.hrtime.bigint() - began))
      } else counts.errors++
      connect()
    })
  }
  connect()
}

function main(): void {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      port: text,
      path: text,
      clients: text,
      seconds: text,
      names: text,
      resume: { type: 'boolean', default: false },
    },
  })
  const counts: Counts = { requests: 0, resumed: 0, bytes: 0, errors: 0, stopped: false }
  const times = createHistogram()
  const began = process.hrtime.bigint()
  for (let i = 0; i < Number(values.clients); i++) {
    const { port, path = '/', resume, names } = values
    client(counts, times, { port: Number(port), path, resume, names: Number(names) })
  }
  setTimeout(
    () => {
      counts.stopped = true
      const seconds = Number(process.hrtime.bigint() - began) / 1e9
      const { requests, resumed, bytes, errors } = counts
      const [p50, p99] = [50, 99].map((each) => times.percentile(each) / 1e6)
      process.stdout.write(JSON.stringify({ requests, resumed, bytes, errors, seconds, p50, p99 }), () =>
        process.exit(),
      )
    },
    Number(values.seconds) * 1000,
  )
}

if (import.meta.main) main()
