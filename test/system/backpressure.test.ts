// Bulk transfers through readers that stop: the sender is made to wait, Weir holds next to nothing of what is on the way,
// and when the reader goes on, every byte arrives. Measured on a whole process, by its resident memory.
import { createHash, randomBytes } from 'node:crypto'
import { createServer, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import net, { type AddressInfo } from 'node:net'
import tls from 'node:tls'
import type { Readable, Writable } from 'node:stream'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { makeCertificate } from '../support/certificates.ts'
import { eventually, pause } from '../support/peers.ts'
import { files, startWeir, type WeirProcess } from '../support/programs.ts'

const MIB = 1_048_576
/** Far more than fits into the sockets on the way. */
const SIZE = 48 * MIB
const CONNECTIONS = 4
const block = randomBytes(MIB / 16)
const digest = (() => {
  const hash = createHash('sha1')
  for (let at = 0; at < SIZE; at += block.length) hash.update(block)
  return hash.digest('hex')
})()

/** Bytes that the sending ends have handed over. */
let sent = 0

/** Writes SIZE bytes as fast as they are taken, then ends. */
function send(to: Writable): void {
  let left = SIZE
  const more = (): void => {
    while (left > 0) {
      left -= block.length
      sent += block.length
      if (!to.write(block)) return void to.once('drain', more)
    }
    to.end()
  }
  more()
}

/** Counts and hashes to the end of the stream. */
function receive(from: Readable): Promise<string> {
  const hash = createHash('sha1')
  from.on('data', (chunk: Buffer) => hash.update(chunk))
  return new Promise((resolve, reject) => {
    from.on('end', () => resolve(hash.digest('hex')))
    from.on('error', reject)
    from.on('close', () => reject(new Error('closed before the end')))
  })
}

/** One transfer: the end that reads, as soon as it is there; it does not read until it is told to. */
type Transfer = (weir: WeirProcess) => Promise<Readable>
const options = (weir: WeirProcess, frontend: string, more: RequestOptions = {}): RequestOptions => ({
  host: '127.0.0.1',
  port: weir.port(frontend),
  agent: false,
  ...more,
})
const quietly = <Stream extends { on(event: 'error', listener: () => void): unknown }>(stream: Stream): Stream => {
  stream.on('error', () => {})
  return stream
}

const download =
  (path: string, frontend: string): Transfer =>
  (weir) =>
    new Promise((resolve) => {
      const answered = (response: IncomingMessage): void => resolve(response.pause())
      const wanted = { ...options(weir, frontend, { path }), rejectUnauthorized: false }
      quietly(frontend === 'secure' ? httpsRequest(wanted, answered) : httpRequest(wanted, answered)).end()
    })

/** Requests at the server whose bodies nobody reads yet. */
const uploads: Readable[] = []
const uploaded = async (): Promise<Readable> => {
  await eventually('at the server', () => uploads.length > 0)
  return uploads.shift()!
}
const upload =
  (frontend: string, headers: Record<string, string | number>): Transfer =>
  (weir) => {
    const wanted = {
      ...options(weir, frontend, { path: '/upload', method: 'POST', headers }),
      rejectUnauthorized: false,
    }
    send(quietly(frontend === 'secure' ? httpsRequest(wanted) : httpRequest(wanted)))
    return uploaded()
  }

const tunnel: Transfer = (weir) =>
  new Promise((resolve) => {
    const headers = { Connection: 'Upgrade', Upgrade: 'bulk' }
    const request = quietly(httpRequest(options(weir, 'web', { path: '/tunnel', headers })))
    request.on('upgrade', (_, socket, head) => {
      if (head.length > 0) socket.unshift(head)
      resolve(quietly(socket))
    })
    request.end()
  })

const stream =
  (frontend: string, word: string): Transfer =>
  async (weir) => {
    const target = { host: '127.0.0.1', port: weir.port(frontend), allowHalfOpen: true }
    const socket = quietly(
      frontend === 'rawtls' ? tls.connect({ ...target, rejectUnauthorized: false }) : net.connect(target),
    )
    onTestFinished(() => void socket.destroy())
    socket.write(word)
    if (word === 'down') return socket
    send(socket)
    return uploaded()
  }

/** One server for all: over HTTP by path, over TCP by the first word. */
const server = createServer((request, response) => {
  if (request.url === '/upload') {
    uploads.push(request)
    request.on('end', () => response.end())
    return
  }
  if (request.url === '/length') response.setHeader('Content-Length', SIZE)
  send(quietly(response))
})
server.requestTimeout = 0
server.on('upgrade', (_, socket) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: bulk\r\n\r\n')
  send(quietly(socket))
})
const rawServer = net.createServer({ allowHalfOpen: true }, (socket) => {
  quietly(socket).once('data', (first: Buffer) => {
    if (first.toString('latin1', 0, 4) === 'down') return send(socket)
    socket.pause()
    if (first.length > 2) socket.unshift(first.subarray(2))
    uploads.push(socket)
    socket.on('end', () => socket.end())
  })
})

let yaml = ''
beforeAll(async () => {
  const { cert, key } = await makeCertificate({ names: ['weir.test'] })
  for (const each of [server, rawServer]) await new Promise<void>((resolve) => each.listen(0, '127.0.0.1', resolve))
  const port = (of: typeof server | typeof rawServer): number => (of.address() as AddressInfo).port
  yaml = `
global: { workers: 1, admin: off, control_socket: off }
defaults: { health_check: off }
frontends:
  web: { bind: '127.0.0.1:0', backend: http }
  secure: { bind: '127.0.0.1:0', tls: PEM, backend: http }
  raw: { mode: tcp, bind: '127.0.0.1:0', backend: tcp }
  rawtls: { mode: tcp, bind: '127.0.0.1:0', tls: PEM, backend: tcp }
backends:
  http: { servers: ['127.0.0.1:${port(server)}'] }
  tcp: { servers: ['127.0.0.1:${port(rawServer)}'] }
`
  pem = cert + key
})
let pem = ''
afterAll(() => {
  server.closeAllConnections()
  server.close()
  rawServer.close()
})

const transfers: readonly (readonly [string, Transfer])[] = [
  ['a download with its length', download('/length', 'web')],
  ['a chunked download', download('/chunked', 'web')],
  ['a download over TLS', download('/length', 'secure')],
  ['an upload with its length', upload('web', { 'Content-Length': SIZE })],
  ['a chunked upload', upload('web', { 'Transfer-Encoding': 'chunked' })],
  ['an upload over TLS', upload('secure', { 'Content-Length': SIZE })],
  ['an upgraded connection', tunnel],
  ['a tcp download', stream('raw', 'down')],
  ['a tcp upload', stream('raw', 'up')],
  ['a tcp download, TLS ended here', stream('rawtls', 'down')],
]

test.each(transfers)('%s waits for its reader, and arrives whole', async (_, transfer) => {
  const weir = await startWeir(yaml.replaceAll('PEM', files({ 'web.pem': pem })['web.pem']))
  expect(await receive((await transfer(weir)).resume())).toBe(digest) // so that what is made once is there
  const before = weir.memory()

  sent = 0
  const readers: Readable[] = []
  for (let i = 0; i < CONNECTIONS; i++) readers.push(await transfer(weir))
  for (let last = -1; last !== sent; await pause(250)) last = sent
  expect(sent).toBeLessThan(CONNECTIONS * SIZE)
  expect(weir.memory() - before).toBeLessThan(CONNECTIONS * MIB)
  if (process.env['VERBOSE']) console.log(_, (weir.memory() - before) / MIB, sent / MIB)

  const digests = await Promise.all(readers.map((reader) => receive(reader.resume())))
  expect(new Set(digests)).toEqual(new Set([digest]))
  if (process.env['VERBOSE']) console.log(_, 'after', (weir.memory() - before) / MIB)
})
