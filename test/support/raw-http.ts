// HTTP/1.1 as bytes, for tests that must see every one of them: a server that records what it gets and refuses to guess,
// and a client that sends pieces as they are. Neither uses node:http, whose opinions are not those of the tests.
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'

export interface SeenRequest {
  /** The whole message as received, chunked framing taken off the body. */
  readonly head: string
  readonly method: string
  readonly target: string
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
  readonly chunked: boolean
}

/** Answers one request; a string is latin1. */
export type Script = (request: SeenRequest) => string | Buffer

const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/
const REQUEST_LINE = /^[!#$%&'*+.^_`|~\w-]+ [\x21-\x7e]+ HTTP\/1\.1$/
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** One complete response with a length. */
export function response(body: string | Buffer, status = '200 OK'): Buffer {
  const bytes = Buffer.from(body)
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status}\r\nContent-Length: ${bytes.length}\r\n\r\n`), bytes])
}

/**
 * A server that takes requests only in the one form that leaves no doubt, and notes as a violation whatever is in another:
 * a proxy that sends it something it calls a violation has let through what another server may read differently.
 */
export class RecordingServer {
  readonly requests: SeenRequest[] = []
  readonly violations: string[] = []
  /** Bytes received, over all connections. */
  bytes = 0
  connections = 0
  script: Script = () => response('ok')
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor() {
    this.#server = createServer((socket) => this.#serve(socket))
  }

  async listen(): Promise<number> {
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done))
    return (this.#server.address() as AddressInfo).port
  }

  /** Forgets what it has seen; connections stay. */
  reset(): void {
    this.requests.length = this.violations.length = 0
    this.bytes = 0
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((done) => this.#server.close(done))
  }

  #serve(socket: Socket): void {
    let waiting: Buffer = Buffer.alloc(0)
    let broken = false
    this.connections++
    this.#sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length
      if (broken) return
      waiting = Buffer.concat([waiting, chunk])
      for (;;) {
        const taken = readRequest(waiting)
        if (taken === null) return
        if (typeof taken === 'string') {
          broken = true
          this.violations.push(`${taken}: ${JSON.stringify(waiting.toString('latin1'))}`)
          return
        }
        waiting = waiting.subarray(taken.length)
        this.requests.push(taken.request)
        const answer = this.script(taken.request)
        socket.write(typeof answer === 'string' ? Buffer.from(answer, 'latin1') : answer)
      }
    })
  }
}

/** @returns null while it is incomplete, a string when it is not in canonical form */
function readRequest(bytes: Buffer): { request: SeenRequest; length: number } | string | null {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return null
  const head = bytes.toString('latin1', 0, end + 4)
  const [line, ...lines] = head.slice(0, -4).split('\r\n') as [string, ...string[]]
  if (!REQUEST_LINE.test(line)) return 'request line'
  const fields: [string, string][] = []
  for (const text of lines) {
    const colon = text.indexOf(':')
    const name = text.slice(0, colon)
    if (colon < 1 || !TOKEN.test(name) || !VALUE.test(text.slice(colon + 1))) return 'field line'
    fields.push([name.toLowerCase(), text.slice(colon + 1).trim()])
  }
  const all = (name: string) => fields.filter(([other]) => other === name).map(([, value]) => value)
  const lengths = all('content-length')
  const codings = all('transfer-encoding')
  if (all('host').length !== 1) return 'not one Host'
  if (lengths.length + codings.length > 1) return 'framing said more than once'
  if (lengths.length === 1 && !/^(0|[1-9]\d*)$/.test(lengths[0]!)) return 'Content-Length'
  if (codings.length === 1 && codings[0] !== 'chunked') return 'Transfer-Encoding'
  const upgrade = all('upgrade').length > 0
  if (all('connection').some((value) => !upgrade || value !== 'Upgrade')) return 'Connection'
  for (const name of ['keep-alive', 'proxy-connection', 'te', 'http2-settings']) {
    if (all(name).length > 0) return `hop-by-hop field ${name}`
  }
  const [method, target] = line.split(' ') as [string, string]
  const make = (body: Buffer, length: number) => ({
    request: { head, method, target, fields, body, chunked: codings.length === 1 },
    length,
  })
  if (codings.length === 1) {
    const chunks = readChunks(bytes, end + 4)
    return chunks === null || typeof chunks === 'string' ? chunks : make(chunks.body, chunks.end)
  }
  const length = Number(lengths[0] ?? 0)
  const body = bytes.subarray(end + 4, end + 4 + length)
  return body.length < length ? null : make(Buffer.from(body), end + 4 + length)
}

/** Chunks without extensions, leading zeros or trailers. Also for responses. */
export function readChunks(bytes: Buffer, start: number): { body: Buffer; end: number } | string | null {
  const pieces: Buffer[] = []
  for (let at = start; ;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return null
    const line = bytes.toString('latin1', at, lineEnd)
    if (!/^(0|[1-9a-f][\da-f]*)$/.test(line)) return 'chunk size'
    const size = parseInt(line, 16)
    const end = lineEnd + 2 + size
    if (bytes.length < end + 2) return null
    if (bytes.toString('latin1', end, end + 2) !== '\r\n') return 'chunk end'
    if (size === 0) return { body: Buffer.concat(pieces), end: end + 2 }
    pieces.push(bytes.subarray(lineEnd + 2, end))
    at = end + 2
  }
}

export interface SeenResponse {
  readonly status: number
  readonly head: string
  readonly body: Buffer
  /** As far as its own framing tells; a body until close is complete when the connection ended in order. */
  readonly complete: boolean
}

/** What a client got until its connection was closed. */
export interface Conversation {
  readonly bytes: Buffer
  /** The connection was reset rather than ended. */
  readonly reset: boolean
}

/** The value of a field in a head, or undefined. */
export function fieldOf(head: string, name: string): string | undefined {
  return new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*\r$`, 'im').exec(head)?.[1]
}

/**
 * Splits what a client got into responses.
 * @param methods of the requests in order; what is not named is a GET
 */
export function readResponses({ bytes, reset }: Conversation, methods: readonly string[] = []): SeenResponse[] {
  const found: SeenResponse[] = []
  let at = 0
  let final = 0
  while (at < bytes.length) {
    const end = bytes.indexOf('\r\n\r\n', at)
    if (end < 0) {
      found.push({ status: 0, head: bytes.toString('latin1', at), body: Buffer.alloc(0), complete: false })
      break
    }
    const head = bytes.toString('latin1', at, end + 4)
    const status = Number(/^HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n/.exec(head)?.[1] ?? 0)
    at = end + 4
    const length = fieldOf(head, 'content-length')
    let body: Buffer = Buffer.alloc(0)
    let complete = true
    const bodyless = status < 200 || status === 204 || status === 304 || methods[final] === 'HEAD'
    if (!bodyless && fieldOf(head, 'transfer-encoding')?.toLowerCase() === 'chunked') {
      const chunks = readChunks(bytes, at)
      complete = chunks !== null && typeof chunks === 'object'
      body = complete ? (chunks as { body: Buffer }).body : bytes.subarray(at)
      at = complete ? (chunks as { end: number }).end : bytes.length
    } else if (!bodyless) {
      const until = length === undefined ? bytes.length : at + Number(length)
      body = bytes.subarray(at, until)
      complete = length === undefined ? !reset : until <= bytes.length
      at = Math.min(until, bytes.length)
    }
    if (status >= 200 || status === 0) final++
    found.push({ status, head, body, complete })
  }
  return found
}

/**
 * Sends pieces, each in a read of its own as far as the kernel allows, and waits until the other side has closed.
 * @throws when nothing has closed the connection for `patience` milliseconds
 */
export async function talk(
  port: number,
  pieces: readonly (string | Buffer)[],
  patience = 20_000,
): Promise<Conversation> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  const chunks: Buffer[] = []
  let reset = false
  let over = false
  const closed = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`still open after ${JSON.stringify(Buffer.concat(chunks).toString('latin1'))}`))
      socket.destroy()
    }, patience)
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('error', () => (reset = true))
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      clearTimeout(timer)
      over = true
      resolve()
    })
  })
  await new Promise<void>((resolve) => socket.once('connect', resolve).once('close', resolve))
  for (const [i, piece] of pieces.entries()) {
    if (i > 0) await breath()
    if (over || socket.destroyed || socket.writableEnded) break
    socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)
  }
  await closed
  return { bytes: Buffer.concat(chunks), reset }
}

/** Time for a proxy in the same process to read what was written. */
export async function breath(): Promise<void> {
  for (let i = 0; i < 3; i++) await turn()
}

/** Runs jobs, at most `width` at a time. */
export async function pool<T>(jobs: readonly (() => Promise<T>)[], width: number): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const run = async (): Promise<void> => {
    while (next < jobs.length) {
      const i = next++
      results[i] = await jobs[i]!()
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, jobs.length) }, run))
  return results
}

/** All ways to send a message in two pieces, and the one byte by byte. */
export function cuts(message: string): string[][] {
  const ways: string[][] = []
  for (let at = 1; at < message.length; at++) ways.push([message.slice(0, at), message.slice(at)])
  ways.push(message.split(''))
  return ways
}
