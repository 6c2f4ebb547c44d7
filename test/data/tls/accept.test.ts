// A terminated connection behaves the same with static reads and with ordinary events, through its whole life.
import { randomBytes } from 'node:crypto'
import { connect as connectTcp, createServer, type Socket, type AddressInfo, type Server } from 'node:net'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { wrapServer, type AcceptedSocket, type Terms } from '../../../src/data/tls/accept.ts'
import { testTls } from '../../support/tls.ts'
import { certificateSpec } from '../../support/certificates.ts'

let tls: Terms
const servers: Server[] = []

beforeAll(async () => {
  const certificate = await certificateSpec({ names: ['a.test'] })
  tls = testTls({
    certificates: [certificate],
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: null,
    alpn: ['http/1.1'],
    ticketKeys: randomBytes(48),
  })
})
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

type Listener = (socket: TLSSocket, chunk: Buffer) => boolean | void
type Accepted = AcceptedSocket & { listener?: Listener }

/** What every read of these tests goes into, as in a worker. */
const shared = Buffer.alloc(16_384)
const onread = {
  buffer: () => shared,
  callback(this: unknown, n: number, buffer: Uint8Array): boolean {
    const socket = this as Accepted
    return socket.listener?.(socket, Buffer.from(buffer.subarray(0, n))) !== false
  },
}

const ways = [
  ['static reads on the handle of an accepted socket', true, false],
  ['static reads on a bare handle', true, true],
  ['ordinary events', false, false],
  ['ordinary events on a bare handle', false, true],
] as const

describe.each(ways)('%s', (_, staticReads, bare) => {
  interface Side {
    readonly server: Server
    readonly port: number
    readonly accepted: Promise<Accepted>
  }

  async function serve(listener?: Listener, terms: Terms = tls): Promise<Side> {
    let resolve: (socket: Accepted) => void
    const accepted = new Promise<Accepted>((done) => (resolve = done))
    const accept = (raw: Socket | object): void => {
      const socket: Accepted = wrapServer(raw, terms, onread, staticReads)
      expect(socket.staticReads).toBe(staticReads)
      if (listener) socket.listener = listener
      if (!staticReads) {
        socket.on('data', (chunk: Buffer) => {
          if (listener?.(socket, chunk) === false) socket.pause()
        })
      }
      resolve(socket)
    }
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true })
    servers.push(server)
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const handle = (server as unknown as { _handle: { onconnection: (error: number, handle: object) => void } })._handle
    if (bare) handle.onconnection = (_error, client) => accept(client)
    else server.on('connection', (raw) => accept(raw))
    return { server, port: (server.address() as AddressInfo).port, accepted }
  }

  const dial = (port: number): TLSSocket =>
    connect({ port, host: '127.0.0.1', rejectUnauthorized: false, allowHalfOpen: true } as ConnectionOptions) // documented, not typed

  const received = (socket: Socket): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const chunks: Buffer[] = []
      socket.on('data', (chunk: Buffer) => chunks.push(chunk))
      socket.on('end', () => resolve(Buffer.concat(chunks)))
      socket.on('error', reject)
    })
  const closed = (socket: Socket): Promise<Error | null> =>
    new Promise((resolve) => {
      let failure: Error | null = null
      socket.on('error', (error) => (failure = error))
      socket.on('close', () => resolve(failure))
    })

  test('bytes pass both ways unchanged, and both ends may half-close', async () => {
    const sent = randomBytes(1_000_000)
    const back: Buffer[] = []
    const { port, accepted } = await serve((_socket, chunk) => void back.push(chunk))
    const client = dial(port)
    const whole = received(client)
    client.end(sent)
    const socket = await accepted
    await new Promise<void>((resolve) => socket.once('end', resolve))
    expect(Buffer.concat(back).equals(sent)).toBe(true)
    socket.end(sent) // the client's side is closed, ours is not
    expect((await whole).equals(sent)).toBe(true)
  })

  test('reading stops when the callback says so, and goes on with resume()', async () => {
    let got = 0
    let stopped = false
    const { port, accepted } = await serve((_socket, chunk) => {
      got += chunk.length
      if (stopped) return true
      stopped = true
      return false
    })
    const client = dial(port)
    client.end(Buffer.alloc(8_000_000))
    const socket = await accepted
    await new Promise<void>((resolve) => socket.once('secure', resolve))
    while (!stopped) await new Promise(setImmediate)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(got).toBeLessThan(8_000_000)
    socket.resume()
    await new Promise<void>((resolve) => socket.once('end', resolve))
    expect(got).toBe(8_000_000)
    socket.end()
  })

  test('a written buffer may be used again at once when nothing was waiting', async () => {
    const { port, accepted } = await serve()
    const client = dial(port)
    const whole = received(client)
    const socket = await accepted
    await new Promise<void>((resolve) => socket.once('secure', resolve))
    const buffer = Buffer.alloc(300_000)
    const expected: Buffer[] = []
    for (let round = 1; round <= 20; round++) {
      while (socket.writableLength > 0) await new Promise(setImmediate)
      buffer.fill(round)
      const piece = buffer.subarray(0, round * 15_000)
      expected.push(Buffer.from(piece))
      socket.write(piece)
      buffer.fill(0xff)
    }
    socket.end()
    expect((await whole).equals(Buffer.concat(expected))).toBe(true)
  })

  test('the address of the client, the protocol and the name are known', async () => {
    const { port, accepted } = await serve()
    const client = connect({
      port,
      host: '127.0.0.1',
      servername: 'a.test',
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
    })
    const socket = await accepted
    await new Promise<void>((resolve) => socket.once('secure', resolve))
    expect(socket.remoteAddress).toBe('127.0.0.1')
    expect(socket.remotePort).toBe(client.localPort)
    expect([socket.alpnProtocol, socket.servername]).toEqual(['http/1.1', 'a.test'])
    client.destroy()
    socket.destroy()
  })

  test('a certificate is chosen by the name, and the socket tells what was chosen', async () => {
    const certificates = [await certificateSpec({ names: ['a.test'] }), await certificateSpec({ names: ['b.test'] })]
    const own = testTls({ certificates })
    for (const servername of ['a.test', 'b.test']) {
      const { port, accepted } = await serve(undefined, own)
      const client = connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false })
      await new Promise<void>((resolve) => client.once('secureConnect', resolve))
      expect(client.getPeerX509Certificate()?.subject).toBe(`CN=${servername}`)
      expect((await accepted).choice).toMatchObject({ refused: false, onTrial: false })
      client.destroy()
      ;(await accepted).destroy()
    }
  })

  test('what is not TLS ends the connection with an error', async () => {
    const { port, accepted } = await serve()
    const client = connectTcp({ port, host: '127.0.0.1' })
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    client.on('error', () => {})
    client.resume()
    expect((await closed(await accepted))?.message).toMatch(/http request|wrong version/)
  })

  test('a client that leaves in the middle of the handshake shows as end, one that resets as error', async () => {
    const { port, accepted } = await serve()
    const client = connectTcp({ port, host: '127.0.0.1', allowHalfOpen: true })
    client.end(Buffer.from('16030100', 'hex'))
    const socket = await accepted
    await new Promise<void>((resolve) => socket.once('end', resolve))
    expect(socket.destroyed).toBe(false)
    const end = closed(socket)
    client.resetAndDestroy()
    socket.destroy()
    expect(await end).toBe(null)
  })

  test('a damaged record after the handshake ends the connection with an error', async () => {
    const { port, accepted } = await serve()
    const tcp = connectTcp({ port, host: '127.0.0.1' })
    const client = connect({ socket: tcp, rejectUnauthorized: false })
    client.on('error', () => {})
    const socket = await accepted
    const end = closed(socket)
    await new Promise<void>((resolve) => socket.once('secure', resolve))
    tcp.write(Buffer.concat([Buffer.from('1703030020', 'hex'), randomBytes(32)]))
    expect((await end)?.message).toMatch(/bad record mac|decryption failed/)
    tcp.destroy()
  })

  test('the listening server counts it until it is closed', async () => {
    if (bare) return // it is not the server that accepted it
    const { server, port, accepted } = await serve()
    const client = dial(port)
    client.on('error', () => {})
    const socket = await accepted
    const over = new Promise<void>((resolve) => server.close(() => resolve()))
    await new Promise<void>((resolve) => socket.once('secure', resolve))
    expect(await new Promise((resolve) => server.getConnections((_error, n) => resolve(n)))).toBe(1)
    socket.destroy()
    await over
    client.destroy()
  })
})
