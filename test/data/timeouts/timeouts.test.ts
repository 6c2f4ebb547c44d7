// Every deadline, with spans of some hundred milliseconds: what is late ends with its own reason, what only is slow
// does not. The clock of a worker ticks ten times a second, so nothing here asks how long exactly.
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { ms } from '../../../src/model/units.ts'
import { HEALTH_DOWN } from '../../../src/model/states.ts'
import { blackHole } from '../../support/black-hole.ts'
import { certificateSpec } from '../../support/certificates.ts'
import {
  answering,
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

const SHORT = ms(300)
/** Where something has to happen within the time: what a busy machine does not take that long for. */
const AMPLE = ms(1000)

/** A piece of the text every 60 ms, while the other side listens. */
async function trickle(write: (piece: string) => unknown, text: string, going: () => boolean): Promise<void> {
  for (const piece of text) {
    if (!going()) return
    write(piece)
    await pause(60)
  }
}

/** Longer than AMPLE, letter by letter. */
const SLOW = 'slow and steady, to the end'

test('a head that trickles in for too long: 408, however steadily it comes', async () => {
  const server = await startServer(answering('fine'))
  const plane = await startPlane({
    backends: [{ servers: [server.port] }],
    frontends: [{ timeouts: { clientHeader: SHORT } }],
  })
  const client = await dial(plane.port)
  await trickle(
    (piece) => client.write(piece),
    get('/a/long/path/that/takes/its/time'),
    () => client.text === '',
  )
  await client.over()
  expect(client.text).toMatch(/^HTTP\/1.1 408 [^]*X-Weir-Reason: request_timeout\r\n/)
  expect(server.sockets.length).toBe(0)
})

test('a client that says nothing at all is closed without an answer', async () => {
  const server = await startServer(answering('fine'))
  const plane = await startPlane({
    backends: [{ servers: [server.port] }],
    frontends: [{ timeouts: { clientHeader: SHORT } }],
  })
  const client = await dial(plane.port)
  await client.over()
  expect(client.text).toBe('')
  expect(client.ended).toBe(true)
})

test('an idle keep-alive connection is closed in order, and a later head has the time for heads, not for idling', async () => {
  const server = await startServer(answering('fine'))
  const timeouts = { keepAlive: AMPLE, clientHeader: ms(10_000) }
  const plane = await startPlane({ backends: [{ servers: [server.port] }], frontends: [{ timeouts }] })
  const client = await dial(plane.port)
  await client.write(get()).until('fine')
  client.forget()
  const [head, rest] = [get().slice(0, 20), get().slice(20)]
  client.write(head)
  await pause(AMPLE + 500)
  await client.write(rest).until('fine')
  client.forget()
  await client.over()
  expect(client.text).toBe('')
  expect(client.ended).toBe(true)
})

test('the second head of a connection that stops half-way: 408', async () => {
  const server = await startServer(answering('fine'))
  const plane = await startPlane({
    backends: [{ servers: [server.port] }],
    frontends: [{ timeouts: { clientHeader: SHORT } }],
  })
  const client = await dial(plane.port)
  await client.write(`${get()}GET / HT`).until('fine')
  await client.until('408')
})

test('a body that stops: 408, and the server is not kept waiting', async () => {
  const server = await startServer((socket) => socket.resume().on('end', () => socket.end()))
  const plane = await startPlane({
    backends: [{ servers: [server.port] }],
    frontends: [{ timeouts: { clientIdle: SHORT } }],
  })
  const client = await dial(plane.port)
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc')
  await client.over()
  expect(client.text).toMatch(/^HTTP\/1.1 408 [^]*X-Weir-Reason: request_timeout\r\n[^]*Connection: close/)
  await eventually('freed', () => serverConnections(plane) === 0 && server.open() === 0)
})

test('a body that trickles in is waited for', async () => {
  const server = await startServer((socket) => {
    let seen = ''
    socket.on('data', (chunk) => {
      seen += String(chunk)
      if (seen.endsWith(SLOW)) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine')
    })
  })
  const plane = await startPlane({
    backends: [{ servers: [server.port] }],
    frontends: [{ timeouts: { clientIdle: AMPLE } }],
  })
  const client = await dial(plane.port)
  client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${SLOW.length}\r\n\r\n`)
  await trickle(
    (piece) => client.write(piece),
    SLOW,
    () => true,
  )
  await client.until('fine')
})

test('a server that does not answer: 504, and its connection is not used again', async () => {
  const server = await startServer((socket) => onHead(socket, () => {}))
  const plane = await startPlane({ backends: [{ servers: [server.port], timeouts: { serverResponse: SHORT } }] })
  const client = await dial(plane.port)
  await client.write(get()).until('response_timeout')
  expect(client.text).toMatch(/^HTTP\/1.1 504 /)
  await eventually('closed', () => serverConnections(plane) === 0)
})

test('a server that takes no more of an upload: 504', async () => {
  const server = await startServer((socket) => socket.pause())
  const timeouts = { serverIdle: SHORT }
  const plane = await startPlane({ backends: [{ servers: [server.port], timeouts }] })
  const client = await dial(plane.port)
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n')
  const more = (): void => {
    while (!client.socket.destroyed && client.socket.write(Buffer.alloc(65_536)));
  }
  client.socket.on('drain', more)
  more()
  await eventually('the end', () => client.text.includes('504') || client.closed)
  expect(reasonCount(plane, 'response_timeout')).toBe(1)
})

test('a server that stops in the middle of its answer: the client sees that it is not whole', async () => {
  const server = await startServer((socket) =>
    onHead(socket, () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc')),
  )
  const plane = await startPlane({ backends: [{ servers: [server.port], timeouts: { serverIdle: SHORT } }] })
  const client = await dial(plane.port)
  await client.write(get()).until('abc')
  await client.over()
  expect(client.error?.code).toBe('ECONNRESET')
  expect(reasonCount(plane, 'server_stalled')).toBe(1)
})

test('an answer that trickles in is waited for', async () => {
  const server = await startServer((socket) =>
    onHead(socket, () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SLOW.length}\r\n\r\n`)
      void trickle(
        (piece) => socket.write(piece),
        SLOW,
        () => true,
      )
    }),
  )
  const plane = await startPlane({ backends: [{ servers: [server.port], timeouts: { serverIdle: AMPLE } }] })
  await (await dial(plane.port)).write(get()).until(SLOW)
})

test('a client that stops reading its answer is cut off, and the server is freed', async () => {
  const server = await startServer((socket) => onHead(socket, () => pour(socket)))
  const plane = await startPlane({
    backends: [{ servers: [server.port] }],
    frontends: [{ timeouts: { clientIdle: SHORT } }],
  })
  const client = await dial(plane.port)
  client.socket.pause()
  client.write(get())
  await eventually('in flight', () => leftovers(plane).includes('inflight'))
  await eventually('freed', () => leftovers(plane) === '' && server.open() === 0)
  expect(reasonCount(plane, 'client_stalled')).toBe(1)
})

test('a client that asks on and on and never reads is cut off, and the answers do not pile up', async () => {
  const server = await startServer(answering('x'.repeat(10_000)))
  const plane = await startPlane({
    backends: [{ servers: [server.port] }],
    frontends: [{ timeouts: { clientIdle: SHORT } }],
  })
  const client = await dial(plane.port)
  client.socket.pause()
  const more = (): void => {
    while (!client.socket.destroyed && client.socket.write(get().repeat(100)));
  }
  client.socket.on('drain', more)
  more()
  await eventually('cut off', () => reasonCount(plane, 'client_stalled') === 1, 20_000)
})

test('a slow client gets the whole of its last answer', async () => {
  let size = 1_000_000_000
  const server = await startServer((socket) =>
    onHead(socket, () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
      pour(socket, size)
    }),
  )
  const plane = await startPlane({ backends: [{ servers: [server.port] }] })
  const ask = async () => {
    const client = await dial(plane.port)
    client.socket.pause()
    return client.write(get('/', 'Connection: close'))
  }
  const probe = await ask() // how much fits into the buffers on the way, when nobody reads
  const bytesOut = (): number => plane.board.rows[0]!.counters.backend.bytesOut[0]!
  await pause(300)
  probe.socket.resetAndDestroy()
  await eventually('counted', () => bytesOut() > 0)
  const most = bytesOut()
  const sizes = [most - 8_000, most - 24_000, most - 40_000, most - 56_000]
  const clients = []
  for (size of sizes) {
    clients.push(await ask())
    await pause(100)
  }
  await pause(2600)
  for (const client of clients) client.socket.resume()
  for (const [i, client] of clients.entries()) {
    await client.over()
    expect(client.error).toBe(null)
    expect(client.received.length - client.received.indexOf('\r\n\r\n') - 4).toBe(sizes[i])
  }
})

test('a tunnel in which nothing passes', async () => {
  const server = await startServer((socket) =>
    onHead(socket, () =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'),
    ),
  )
  const plane = await startPlane({ backends: [{ servers: [server.port], timeouts: { tunnel: SHORT } }] })
  const client = await dial(plane.port)
  await client.write(get('/', 'Connection: Upgrade', 'Upgrade: echo')).until('101')
  await client.over()
  await eventually('freed', () => leftovers(plane) === '' && serverConnections(plane) === 0)
  expect(reasonCount(plane, 'tunnel_timeout')).toBe(1)
})

test('a tcp connection on which nothing passes, over TLS on both sides', async () => {
  const certificate = await certificateSpec({ names: ['a.test'] })
  const server = await startServer((socket) => socket.resume().on('end', () => socket.end()), { tls: certificate })
  const tls = {
    certificates: [certificate],
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: null,
    alpn: [],
    ticketKeys: Buffer.alloc(48, 1),
  } as const
  const plane = await startPlane({
    frontends: [{ mode: 'tcp', binds: [{ tls }] }],
    backends: [
      {
        mode: 'tcp',
        servers: [{ port: server.port, tls: { verify: false, ca: null, serverName: null } }],
        timeouts: { tunnel: SHORT },
      },
    ],
  })
  const client = await dial(plane.port, {})
  await client.over()
  await eventually('freed', () => leftovers(plane) === '' && server.open() === 0)
  expect(reasonCount(plane, 'tunnel_timeout')).toBe(1)
})

test('a TLS handshake that is not begun, and one that stops half-way', async () => {
  const certificate = await certificateSpec({ names: ['a.test'] })
  const tls = {
    certificates: [certificate],
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: null,
    alpn: [],
    ticketKeys: Buffer.alloc(48, 1),
  } as const
  const plane = await startPlane({
    frontends: [{ binds: [{ tls }], timeouts: { tlsHandshake: SHORT } }],
    backends: [{ servers: [1] }],
  })
  const silent = await dial(plane.port)
  const halfWay = await dial(plane.port)
  halfWay.write(Buffer.from('16030100c8010000c40303', 'hex'))
  await silent.over()
  await halfWay.over()
  await eventually('freed', () => leftovers(plane) === '')
  expect(reasonCount(plane, 'tls_handshake')).toBe(2)
})

test('a server that cannot be reached in time: the next one, with everything that was sent', async () => {
  const server = await startServer((socket) =>
    onHead(socket, (_, rest) => socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n${rest.latin1Slice()}`)),
  )
  const hole = await blackHole()
  const plane = await startPlane({ backends: [{ servers: [hole, server.port], timeouts: { connect: AMPLE } }] })
  const client = await dial(plane.port)
  await client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello').until('hello')
  expect(plane.board.rows[0]!.counters.server.connectErrors[0]).toBe(1)
  plane.set(1, 'health', HEALTH_DOWN)
  await client.write(get()).until('connect_timeout')
  expect(client.text).toMatch(/HTTP\/1.1 504 /)
})

test('an idle connection to a server is closed after its time', async () => {
  const server = await startServer(answering('fine'))
  const plane = await startPlane({ backends: [{ servers: [server.port], timeouts: { idleConnection: SHORT } }] })
  await (await dial(plane.port)).write(get()).until('fine')
  expect(serverConnections(plane)).toBe(1)
  await eventually('closed', () => serverConnections(plane) === 0)
})

/** Writes without end, or until `size` bytes, as fast as they are taken. */
function pour(socket: Socket, size = Infinity): void {
  if (size === Infinity) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n')
  let left = size
  const more = (): void => {
    while (!socket.destroyed && left > 0) {
      const n = Math.min(left, 65_536)
      left -= n
      if (!socket.write(Buffer.alloc(n, 'x'))) return
    }
  }
  socket.on('drain', more)
  more()
}
