// Peers for tests of the data plane that do exactly what a test says: servers that answer, stall or break off at a given
// point, and clients that see every byte. Everything is closed when the test that asked for it has ended.
import net, { type AddressInfo, type Socket } from 'node:net'
import tls from 'node:tls'
import { expect, onTestFinished } from 'vitest'
import { reasonCodes, reasonIndex, type ReasonCode } from '../../src/model/reasons.ts'
import { total } from '../../src/scoreboard/scoreboard.ts'
import { startDataPlane, type TestPlane, type Wish } from './data-plane.ts'

/**
 * Waits until `check` holds; what it is good for is said when it never does. The span is not what a thing may take, but what a
 * machine that is busy with other tests may make of it: only a failure lasts as long.
 */
export async function eventually(what: string, check: () => boolean | Promise<boolean>, span = 20_000): Promise<void> {
  const end = performance.now() + span
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`after ${span} ms: not yet ${what}`)
    await pause(10)
  }
}

export const pause = (span: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, span))

export interface ScriptedServer {
  readonly port: number
  /** Every connection that was accepted, in order. */
  readonly sockets: readonly Socket[]
  /** Connections that are open now. */
  open(): number
  /** Stops listening and breaks off what is open. */
  close(): Promise<void>
}

export interface ServerOptions {
  readonly port?: number
  readonly host?: string
  readonly path?: string
  readonly tls?: tls.TlsOptions
}

/** @param serve called with each connection and its number, from 0; errors of the connection are swallowed */
export async function startServer(
  serve: (socket: Socket, n: number) => void,
  { port = 0, host = '127.0.0.1', path, tls: secure }: ServerOptions = {},
): Promise<ScriptedServer> {
  const sockets: Socket[] = []
  const open = new Set<Socket>()
  const accept = (socket: Socket): void => {
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    serve(socket, sockets.push(socket) - 1)
  }
  const server = secure
    ? tls.createServer({ allowHalfOpen: true, ...secure }, accept)
    : net.createServer({ allowHalfOpen: true }, accept)
  server.on('tlsClientError', () => {})
  const raw = new Set<Socket>() // of TLS too, where the handshake may never have come to its end
  server.on('connection', (socket: Socket) => {
    raw.add(socket)
    socket.on('close', () => raw.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path === undefined ? { port, host } : { path }, resolve)
  })
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      for (const socket of [...open, ...raw]) socket.destroy()
    })
  onTestFinished(close)
  const address = server.address() as AddressInfo | string
  return { port: typeof address === 'string' ? 0 : address.port, sockets, open: () => open.size, close }
}

/** Calls `answer` with each request head on the connection, and what has come behind it. Heads only, no pipelining; closes when the other side does. */
export function onHead(socket: Socket, answer: (head: string, rest: Buffer) => void): void {
  let seen: Buffer = Buffer.alloc(0)
  socket.on('end', () => socket.end())
  socket.on('data', (chunk: Buffer) => {
    seen = Buffer.concat([seen, chunk])
    const end = seen.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = seen.latin1Slice(0, end + 4)
    const rest = seen.subarray(end + 4)
    seen = Buffer.alloc(0)
    answer(head, rest)
  })
}

/** Answers every request without a body with 200 and the text. */
export const answering =
  (text: string) =>
  (socket: Socket): void =>
    onHead(socket, () => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`))

/** The next port to look at: tests run in processes of their own, which begin somewhere each. */
let nextPort = 10_000 + Math.floor(Math.random() * 10_000)

/**
 * A port on which nobody listens, another one with each call. It is none of those that the kernel gives to clients and to
 * listeners on port 0, so that nobody gets it by chance before the test uses it.
 */
export async function deadPort(): Promise<number> {
  for (;;) {
    const port = nextPort++
    if (nextPort === 20_000) nextPort = 10_000
    const server = net.createServer()
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!free) continue
    await new Promise((resolve) => server.close(resolve))
    return port
  }
}

/** A client that remembers what it got and how it ended. */
export class RawClient {
  readonly socket: Socket
  #pieces: Buffer[] = []
  /** The server's side has ended in order. */
  ended = false
  closed = false
  error: NodeJS.ErrnoException | null = null

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => this.#pieces.push(chunk))
    socket.on('end', () => (this.ended = true))
    socket.on('error', (error) => (this.error = error))
    socket.on('close', () => (this.closed = true))
  }

  get received(): Buffer {
    if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces)]
    return this.#pieces[0] ?? Buffer.alloc(0)
  }

  /** What was received so far is of no more interest. */
  forget(): this {
    this.#pieces = []
    return this
  }

  get text(): string {
    return this.received.latin1Slice()
  }

  write(text: string | Buffer): this {
    this.socket.write(text)
    return this
  }

  /** Until what was received contains the text. */
  async until(text: string): Promise<this> {
    await eventually(`"${text}" in "${this.text.slice(0, 400)}"`, () => this.text.includes(text) || this.closed)
    expect(this.text).toContain(text)
    return this
  }

  /** Until the other side has ended or reset the connection. */
  async over(): Promise<this> {
    await eventually('the end of the connection', () => this.ended || this.closed)
    return this
  }
}

/** Connects to a port of loopback, or by other options; over TLS when `secure` is given. */
export async function dial(where: number | net.NetConnectOpts, secure?: tls.ConnectionOptions): Promise<RawClient> {
  const target = typeof where === 'number' ? { port: where, host: '127.0.0.1' } : where
  const socket = secure
    ? tls.connect({ ...target, rejectUnauthorized: false, ...secure } as tls.ConnectionOptions)
    : net.connect(target)
  onTestFinished(() => void (secure || !socket.remotePort ? socket.destroy() : socket.resetAndDestroy()))
  const client = new RawClient(socket)
  await new Promise<void>((resolve, reject) => {
    socket.once(secure ? 'secureConnect' : 'connect', resolve)
    socket.once('error', reject)
  })
  return client
}

/** A connection that is reset as soon as it is accepted, perhaps before it is seen to be there. */
export async function dialInVain(port: number): Promise<void> {
  const client = await dial(port).catch((error: NodeJS.ErrnoException) => expect(error.code).toBe('ECONNRESET'))
  if (client instanceof RawClient) expect((await client.over()).text).toBe('')
}

export const get = (path = '/', ...lines: string[]): string =>
  [`GET ${path} HTTP/1.1`, 'Host: weir.test', ...lines, '', ''].join('\r\n')

/** One request on a connection of its own, to its end. */
export async function fetchOnce(port: number, request = get('/', 'Connection: close')): Promise<RawClient> {
  const client = await dial(port)
  client.write(request)
  return client.over()
}

/** Starts a data plane; at the end of the test nothing may be in flight, and every connection must be gone. */
export async function startPlane(wish: Wish): Promise<TestPlane> {
  const plane = await startDataPlane(wish)
  onTestFinished(async () => {
    await eventually(`nothing in flight: ${leftovers(plane)}`, () => leftovers(plane) === '')
    await plane.close()
    const { connections } = plane.board.rows[wish.worker ?? 0]!.owned.server
    await eventually('rid of all connections to servers', () => connections.every((n) => n === 0))
  })
  return plane
}

/** What is counted as being under way on the shared columns, in words; '' when nothing is. */
export function leftovers({ board }: TestPlane): string {
  const { shared, rows } = board
  const counts: Record<string, number> = {}
  const add = (name: string, column: Int32Array): void => {
    for (const [slot, value] of column.entries()) if (value !== 0) counts[`${name}[${slot}]`] = value
  }
  add('server.inflight', shared.server.inflight)
  add('server.waiting', shared.server.waiting)
  add('backend.inflight', shared.backend.inflight)
  add('frontend.connections', shared.frontend.connections)
  add('process.connections', shared.process.connections)
  for (const { owned } of rows) {
    add('own server.inflight', owned.server.inflight)
    add('own server.waiting', owned.server.waiting)
    add('own backend.inflight', owned.backend.inflight)
    add('own frontend.connections', owned.frontend.connections)
  }
  return Object.entries(counts)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}

export const serverConnections = ({ board }: TestPlane): number =>
  board.shared.server.connections.reduce((sum, n) => sum + n, 0)

/** How often a reason was counted at the first frontend. */
export const reasonCount = ({ board }: TestPlane, code: ReasonCode, frontend = 0): number =>
  total(board, (row) => row.tables.frontend.reasons, frontend * reasonCodes.length + reasonIndex[code])
