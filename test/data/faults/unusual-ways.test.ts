// What is allowed in HTTP and seldom tried: answers before the end of the upload, 100-continue, 103, upgrades, HEAD, and
// programs that half-close.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import {
  dial,
  eventually,
  get,
  leftovers,
  onHead,
  pause,
  reasonCount,
  serverConnections,
  startPlane,
  startServer,
} from '../../support/peers.ts'
import { files, program, run } from '../../support/programs.ts'

const LARGE = 8 * 1_048_576

test('an answer before the end of the upload, and the server closes: the client gets it, not a 502', async () => {
  const server = await startServer((socket) =>
    onHead(socket, () => {
      socket.end('HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nlarge')
      socket.pause()
      setTimeout(() => socket.destroy(), 20) // with bytes unread: a reset goes out
    }),
  )
  const plane = await startPlane({ backends: [{ servers: [server.port] }] })
  for (let i = 0; i < 10; i++) {
    const client = await dial(plane.port)
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${LARGE}\r\n\r\n`)
    const piece = Buffer.alloc(65_536)
    const more = (): void => {
      while (!client.socket.destroyed && client.socket.writable && client.socket.write(piece));
    }
    client.socket.on('drain', more)
    more()
    await client.until('\r\n\r\nlarge')
    expect(client.text).toMatch(/^HTTP\/1.1 413 /)
    client.socket.destroy()
  }
  await eventually('freed', () => leftovers(plane) === '')
})

test('an answer before the end of the upload, from a server that reads on: both are complete', async () => {
  let uploaded = 0
  const server = createServer((request, response) => {
    response.writeHead(200, { 'Content-Length': 4 }).write('fi')
    request.on('data', (chunk: Buffer) => (uploaded += chunk.length))
    request.on('end', () => response.end('ne'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const plane = await startPlane({ backends: [{ servers: [(server.address() as AddressInfo).port] }] })
  const client = await dial(plane.port)
  await client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n').until('fi')
  await client.write(Buffer.alloc(1000)).until('fine')
  expect(uploaded).toBe(1000)
  expect(client.text).toContain('Connection: close') // it was not certain then that the client would send all
})

test('Expect: 100-continue with curl: the body waits for the server to say so, and a refusal saves sending it', async ({
  skip,
}) => {
  const curl = program('curl') ?? skip('curl is not installed')
  const server = createServer()
  let uploaded = 0
  server.on('checkContinue', (request, response) => {
    if (request.url === '/refuse') return void response.writeHead(401, { Connection: 'close' }).end('no')
    response.writeContinue()
    request.on('data', (chunk: Buffer) => (uploaded += chunk.length))
    request.on('end', () => response.end('took it'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const plane = await startPlane({ backends: [{ servers: [(server.address() as AddressInfo).port] }] })
  const { body } = files({ body: 'x'.repeat(2_000_000) })
  const post = (path: string) =>
    run(curl, [
      '-sv',
      '--expect100-timeout',
      '10',
      '-H',
      'Expect: 100-continue',
      '--data-binary',
      `@${body}`,
      `http://127.0.0.1:${plane.port}${path}`,
    ])
  const taken = await post('/take')
  expect(taken.stdout).toBe('took it')
  expect(taken.stderr).toContain('HTTP/1.1 100 Continue')
  expect(uploaded).toBe(2_000_000)
  const refused = await post('/refuse')
  expect(refused.stderr).toContain('HTTP/1.1 401')
  expect(uploaded).toBe(2_000_000)
})

test('103 Early Hints go on to the client, before the answer', async () => {
  const server = await startServer((socket) =>
    onHead(socket, () => socket.write('HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n')),
  )
  const plane = await startPlane({ backends: [{ servers: [server.port] }] })
  const client = await dial(plane.port)
  await client.write(get()).until('style.css')
  server.sockets[0]!.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine')
  await client.until('fine')
  expect(client.text).toMatch(/^HTTP\/1.1 103 [^]*HTTP\/1.1 200 OK/)
})

/** A WebSocket server of a few lines: answers the handshake, and sends back all that comes. */
const upgrading = () =>
  startServer((socket) => {
    let head = ''
    const onData = (chunk: Buffer): void => {
      head += chunk.latin1Slice()
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      socket.off('data', onData)
      const key = /Sec-WebSocket-Key: (.*)\r\n/i.exec(head)![1]!
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\nserver first;`,
      )
      socket.write(head.slice(end + 4))
      socket.pipe(socket)
    }
    socket.on('data', onData)
  })
const handshake = get(
  '/',
  'Connection: keep-alive, Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
)

test('an upgrade: both ways are open, also for what was sent right behind the request, and each side may close first', async () => {
  const server = await upgrading()
  const plane = await startPlane({ backends: [{ servers: [server.port] }] })
  const client = await dial(plane.port)
  await client.write(`${handshake}early;`).until('early;')
  expect(client.text).toMatch(/^HTTP\/1.1 101 /)
  expect(client.text).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n')
  expect(client.text).toMatch(/\r\n\r\nserver first;early;$/)
  const bulk = Buffer.alloc(1_000_000, 'abc')
  client.forget()
  client.write(bulk)
  await eventually('echoed', () => client.received.length === bulk.length)
  expect(client.received.equals(bulk)).toBe(true)
  client.socket.end('last')
  await client.over()
  expect(client.text.endsWith('last')).toBe(true)
  await eventually('freed', () => leftovers(plane) === '' && serverConnections(plane) === 0)
})

test('data that follows the upgrade in a piece of its own, before the server has answered, is kept for it', async () => {
  const server = await startServer((socket) =>
    onHead(socket, () =>
      setTimeout(() => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n')
        socket.removeAllListeners('data')
        socket.pipe(socket)
      }, 150),
    ),
  )
  const plane = await startPlane({ backends: [{ servers: [server.port] }] })
  const client = await dial(plane.port)
  client.write(get('/', 'Connection: Upgrade', 'Upgrade: echo'))
  await pause(50)
  await client.write('one;').write('two;').until('one;two;')
})

test('a server that does not want to upgrade answers as usual, and the connection goes on', async () => {
  const server = await startServer((socket) =>
    onHead(socket, () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine')),
  )
  const plane = await startPlane({ backends: [{ servers: [server.port] }] })
  const client = await dial(plane.port)
  await client.write(get('/', 'Connection: Upgrade', 'Upgrade: echo')).until('fine')
  client.forget()
  await client.write(get()).until('fine')
  expect(server.sockets.length).toBe(1)
})

test('101 that nobody asked for: 502', async () => {
  const server = await startServer((socket) =>
    onHead(socket, () =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n'),
    ),
  )
  const plane = await startPlane({ backends: [{ servers: [server.port] }] })
  const client = await dial(plane.port)
  await client.write(get()).until('bad_response')
  expect(reasonCount(plane, 'bad_response')).toBe(1)
})

test('HEAD: the head alone, with the length of what GET would get, and the connections go on', async () => {
  const server = await startServer((socket) =>
    onHead(socket, () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n')),
  )
  const plane = await startPlane({ backends: [{ servers: [server.port] }] })
  const client = await dial(plane.port)
  for (let i = 0; i < 2; i++) {
    client.forget()
    await client.write('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n').until('\r\n\r\n')
    expect(client.text).toMatch(/Content-Length: 12345\r\n\r\n$/)
  }
  expect(server.sockets.length).toBe(1)
})

test('a client that sends its request, closes its side and waits, as nc does, gets its answer: also over a slow server', async () => {
  const server = await startServer((socket) =>
    onHead(socket, () => setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine'), 200)),
  )
  const plane = await startPlane({ backends: [{ servers: [server.port] }] })
  const socket = net.connect({ port: plane.port, host: '127.0.0.1', allowHalfOpen: true })
  socket.end(get())
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  expect(text).toMatch(/^HTTP\/1.1 200 OK[^]*fine$/)
})
