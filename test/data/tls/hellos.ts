// ClientHellos for tests: those that real clients send, and some put together by hand to be right or wrong in one point.
import { spawn } from 'node:child_process'
import net, { type AddressInfo } from 'node:net'
import tls from 'node:tls'

/** What a client says first to a server that does not answer; all that comes in one message of TLS. */
async function firstWords(start: (port: number) => () => void): Promise<Buffer> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stop = start((server.address() as AddressInfo).port)
  const words = await new Promise<Buffer>((resolve) => {
    server.once('connection', (socket) => {
      let seen = Buffer.alloc(0)
      socket.on('error', () => {})
      socket.on('data', (chunk: Buffer) => {
        seen = Buffer.concat([seen, chunk])
        if (seen.length < 5 || seen.length < 5 + seen.readUInt16BE(3)) return
        socket.destroy()
        resolve(seen)
      })
    })
  })
  stop()
  await new Promise((resolve) => server.close(resolve))
  return words
}

/** That of Node, which is the OpenSSL that it was built with. */
export const helloOfNode = (options: tls.ConnectionOptions): Promise<Buffer> =>
  firstWords((port) => {
    const socket = tls.connect({ port, host: '127.0.0.1', ...options })
    socket.on('error', () => {})
    return () => socket.destroy()
  })

/** That of the program `openssl s_client`. */
export const helloOfOpenssl = (...options: string[]): Promise<Buffer> =>
  firstWords((port) => {
    const program = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...options], { stdio: 'ignore' })
    return () => program.kill()
  })

/** A block with its length before it. */
export const block = (width: number, ...pieces: readonly (Buffer | string)[]): Buffer => {
  const bytes = Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)))
  const length = Buffer.alloc(width)
  length.writeUIntBE(bytes.length, 0, width)
  return Buffer.concat([length, bytes])
}

export const number16 = (n: number): Buffer => Buffer.of(n >> 8, n & 255)

export const extension = (type: number, body: Buffer): Buffer => Buffer.concat([number16(type), block(2, body)])
export const serverName = (...names: readonly string[]): Buffer =>
  extension(0, block(2, ...names.map((name) => Buffer.concat([Buffer.of(0), block(2, name)]))))
export const protocolNames = (...names: readonly string[]): Buffer =>
  extension(16, block(2, ...names.map((name) => block(1, name))))

/** The body of a hello; without `extensions` there is not even their length. */
export const helloBody = (extensions: readonly Buffer[] | null, after: Buffer = Buffer.alloc(0)): Buffer =>
  Buffer.concat([
    number16(0x0303),
    Buffer.alloc(32, 0xa5),
    block(1, Buffer.alloc(32, 0x5a)),
    block(2, number16(0x1301), number16(0xc02b)),
    block(1, Buffer.of(0)),
    ...(extensions === null ? [] : [block(2, ...extensions)]),
    after,
  ])

/** A handshake message. */
export const handshake = (body: Buffer, type = 1): Buffer => Buffer.concat([Buffer.of(type), block(3, body)])

/** A message in records of the given sizes; what is left goes into a last one. */
export function records(message: Buffer, sizes: readonly number[] = []): Buffer {
  const pieces: Buffer[] = []
  let at = 0
  for (const size of [...sizes, message.length]) {
    const piece = message.subarray(at, at + size)
    if (piece.length > 0) pieces.push(Buffer.of(22, 3, 1), block(2, piece))
    at += size
  }
  return Buffer.concat(pieces)
}

export const hello = (...extensions: readonly Buffer[]): Buffer => records(handshake(helloBody(extensions)))
