// Clients that send or take less than the lowest rate, and those beside them that only look like it. Here time has to pass
// in earnest, so all of one kind run side by side; how long exactly, pace.test.ts asks on a clock of its own.
import type { Socket } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { bytes, ms } from '../../../src/model/units.ts'
import { unsentBytes } from '../../../src/data/io/socket.ts'
import { Http1Client } from '../../../src/data/http1/client.ts'
import { certificateSpec } from '../../support/certificates.ts'
import {
  dial,
  eventually,
  get,
  leftovers,
  onHead,
  pause,
  reasonCount,
  startPlane,
  startServer,
  type RawClient,
} from '../../support/peers.ts'

const RATE = bytes(1000)
const PATIENCE = 30_000

/** Writes so many bytes every 100 ms, as long as that is of use. */
function drip(client: RawClient, size: number, pieces: number): NodeJS.Timeout {
  let left = pieces
  const timer = setInterval(() => {
    if (left-- > 0 && client.text === '' && !client.closed) client.write('x'.repeat(size))
    else clearInterval(timer)
  }, 100)
  return timer
}

const post = (path: string, length: number, ...lines: string[]): string =>
  [`POST ${path} HTTP/1.1`, 'Host: a', `Content-Length: ${length}`, ...lines, '', ''].join('\r\n')

test('a body that trickles in is refused; a steady one, a slow server and one that is asked first are not', async () => {
  const server = await startServer((socket) => {
    let seen = ''
    let path = ''
    const done = (): boolean => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine')
    socket.on('end', () => socket.end())
    socket.on('data', (chunk) => {
      if (seen === '') path = String(chunk).split(' ')[1]!
      seen += String(chunk)
      const body = seen.length - seen.indexOf('\r\n\r\n') - 4
      if (path === '/deaf') socket.pause()
      else if (path === '/asked' && body === 0) {
        setTimeout(() => socket.write('HTTP/1.1 100 Continue\r\n\r\n'), 7000)
      } else if (path === '/asked' ? body >= 10 : body >= 28_000) done()
      else if (path === '/poll') setTimeout(done, 7000)
    })
  })
  const plane = await startPlane({
    backends: [{ servers: [server.port] }],
    frontends: [{ limits: { bodyRate: RATE } }],
  })
  const [trickling, silent, steady, deaf, asked, poll] = await Promise.all(
    Array.from({ length: 6 }, () => dial(plane.port)),
  )
  drip(trickling!.write(post('/', 28_000)), 1, 1000)
  silent!.write(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab`)
  drip(steady!.write(post('/', 28_000)), 400, 70)
  deaf!.write(post('/deaf', 100_000_000)).write(Buffer.alloc(20_000_000))
  asked!.write(post('/asked', 10, 'Expect: 100-continue'))
  poll!.write(get('/poll'))

  for (const client of [trickling!, silent!]) {
    await eventually('refused', () => client.ended || client.closed, PATIENCE)
    expect(client.text).toMatch(/^HTTP\/1.1 408 [^]*X-Weir-Reason: body_too_slow\r\n[^]*Connection: close\r\n/)
  }
  await eventually('asked', () => asked!.text.includes('100 Continue'), PATIENCE)
  await asked!.write('0123456789').until('fine')
  await poll!.until('fine')
  await steady!.until('fine')
  expect(deaf!.closed || deaf!.ended).toBe(false)
  expect(deaf!.text).toBe('')
  for (const socket of server.sockets) socket.destroy()
  expect(reasonCount(plane, 'body_too_slow')).toBe(2)
})

/** Sends so many bytes, as fast as they are read. */
function pour(socket: Socket, size = Infinity): void {
  const piece = Buffer.alloc(65_536, 'x')
  let left = size
  const more = (): void => {
    while (left > 0 && !socket.destroyed) {
      const n = Math.min(left, piece.length)
      left -= n
      if (!socket.write(piece.subarray(0, n))) return
    }
  }
  socket.on('drain', more)
  more()
}

test('a response that is not read is cut off; one from a slow server, and a long poll, are not', async () => {
  const server = await startServer((socket) =>
    onHead(socket, (head) => {
      if (head.startsWith('GET /slow')) {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 70\r\n\r\n')
        let left = 70
        const timer = setInterval(() => (left-- > 0 ? socket.write('x') : clearInterval(timer)), 100)
      } else if (head.startsWith('GET /whole')) {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n${'x'.repeat(8_000_000)}`)
      } else {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        pour(socket)
      }
    }),
  )
  const plane = await startPlane({
    backends: [{ servers: [server.port] }],
    frontends: [{ limits: { bodyRate: bytes(200_000) } }],
  })
  const [unread, whole, last, slow] = await Promise.all(Array.from({ length: 4 }, () => dial(plane.port)))
  for (const client of [unread!, whole!, last!]) client.socket.pause()
  unread!.write(get('/'))
  whole!.write(get('/whole'))
  last!.write(get('/whole', 'Connection: close'))
  slow!.write(get('/slow'))
  await eventually('all cut off', () => reasonCount(plane, 'client_too_slow') === 3, PATIENCE)
  await eventually('slow, but whole', () => slow!.text.endsWith('x'.repeat(70)))
  slow!.socket.destroy()
  await eventually('freed', () => leftovers(plane) === '')
})

test('the end of an answer that is left lying is not kept for ever, whether or not the connection was to stay', async () => {
  let size = 1_000_000_000
  const server = await startServer((socket) =>
    onHead(socket, () => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`, () => pour(socket, size))),
  )
  const plane = await startPlane({
    backends: [{ servers: [server.port] }],
    frontends: [{ limits: { bodyRate: bytes(200_000) }, timeouts: { keepAlive: ms(500) } }],
  })
  const ask = async (...lines: string[]): Promise<RawClient> => {
    const client = await dial(plane.port)
    client.socket.pause()
    return client.write(get('/', ...lines))
  }
  const { bytesOut } = plane.board.rows[0]!.counters.frontend
  const probe = await ask() // how much fits into the buffers on the way, when nobody reads
  await pause(300)
  probe.socket.resetAndDestroy()
  await eventually('counted', () => bytesOut[0]! > 0)
  // So near to that, some answers end in the last buffer of ours, and the others a little before or behind it.
  const most = bytesOut[0]!
  const clients: RawClient[] = []
  for (const less of [8000, 24_000, 40_000, 56_000, 150_000, 250_000, 400_000]) {
    size = most - less
    clients.push(await ask(), await ask('Connection: close'))
    await pause(50)
  }
  await eventually('all cut off or idle for too long', () => leftovers(plane) === '', PATIENCE)
  expect(clients.length).toBe(14)
  expect(reasonCount(plane, 'client_too_slow')).toBeGreaterThan(0)
})

/** The connections that clients have from now on, as the data plane sees them. */
function watchClients(): () => Http1Client[] {
  const spy = vi.spyOn(Http1Client.prototype, 'expect')
  onTestFinished(() => spy.mockRestore())
  return () => [...new Set(spy.mock.contexts as Http1Client[])]
}

/** In bytes: what a client that reads nothing may leave in the memory of the process, when there are many. */
const MOST_UNSENT = 128 * 1024
/** As many may have taken up a large buffer before these were used up. */
const LARGE_ONES = 64

test.each([false, true])(
  'what clients leave unread does not pile up (TLS: %s)',
  async (secure) => {
    const certificate = await certificateSpec({ names: ['a.test'] })
    const tls = {
      certificates: [certificate],
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      ciphers: null,
      alpn: [],
      ticketKeys: Buffer.alloc(48, 1),
    } as const
    const server = await startServer((socket) =>
      onHead(socket, () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n')
        pour(socket)
      }),
    )
    const plane = await startPlane({
      frontends: [{ binds: [{ tls: secure ? tls : null }], timeouts: { clientIdle: ms(60_000) } }],
      backends: [{ servers: [server.port] }],
    })
    const connections = watchClients()
    const count = LARGE_ONES + 16
    const clients = await Promise.all(
      Array.from({ length: count }, () => dial(plane.port, secure ? { servername: 'a.test' } : undefined)),
    )
    for (const client of clients) {
      client.socket.pause()
      client.write(get())
    }
    const unsent = (): number[] => connections().map(({ socket }) => unsentBytes(socket))
    await eventually('all held up', () => unsent().filter((n) => n > 0).length === count, PATIENCE)
    await pause(500)
    const found = unsent().toSorted((a, b) => b - a)
    expect(Math.max(...found)).toBeLessThanOrEqual(300_000)
    for (const n of found.slice(LARGE_ONES)) expect(n).toBeLessThanOrEqual(MOST_UNSENT)
    for (const client of clients) client.socket.destroy()
  },
  60_000,
)
