// What is learnt of a server from what it does with requests, by real sockets; and that after each of them nothing is
// counted as being under way (startPlane sees to that at the end of every test).
import type { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { ms } from '../../../src/model/units.ts'
import { blackHole } from '../../support/black-hole.ts'
import type { TestPlane } from '../../support/data-plane.ts'
import {
  answering,
  deadPort,
  dial,
  eventually,
  fetchOnce,
  get,
  leftovers,
  onHead,
  pause,
  startPlane,
  startServer,
} from '../../support/peers.ts'

const UPLOAD = 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 6\r\n\r\nabc'

/** What is known of a server: its latency in ms, and its failures in a row. */
const known = ({ board }: TestPlane, slot = 0) => ({
  latency: board.learnt.server.latency[slot]! / 1000,
  failures: board.shared.server.consecutive[slot]!,
})
const nothing = { latency: 0, failures: 0 }
const failed = { latency: 0, failures: 1 }

/** Answers, to a head, with these bytes. */
const saying = (text: string) => (socket: Socket) => onHead(socket, () => socket.write(text))

const under = (wish: Partial<Record<'connect' | 'serverResponse', number>>) => ({
  connect: ms(wish.connect ?? 5000),
  serverResponse: ms(wish.serverResponse ?? 60_000),
})

describe('http', () => {
  test('an answer is a latency, from the start to the head; the body is in flight but not waited for', async () => {
    const server = await startServer((socket) => onHead(socket, () => {}))
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    const client = await dial(plane.port)
    client.write(get())
    const { inflight, waiting } = plane.board.shared.server
    await eventually('waited for', () => inflight[0] === 1 && waiting[0] === 1 && server.open() === 1)
    await pause(60)
    server.sockets[0]!.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfi')
    await client.until('200 OK')
    expect([inflight[0], waiting[0], plane.board.shared.backend.inflight[0]]).toEqual([1, 0, 1])
    server.sockets[0]!.write('ne')
    await client.until('fine')
    expect([inflight[0], waiting[0], plane.board.shared.backend.inflight[0]]).toEqual([0, 0, 0])
    expect(known(plane).latency).toBeGreaterThan(50)
    expect(known(plane).failures).toBe(0)
  })

  test.each([
    [200, nothing.failures],
    [404, 0],
    [429, 0],
    [500, 1],
    [501, 0],
    [502, 1],
    [503, 1],
    [504, 1],
    [505, 0],
  ])('an answer of status %i counts as %i failures', async (status, failures) => {
    const server = await startServer(saying(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`))
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    expect((await fetchOnce(plane.port)).text).toContain(` ${status} `)
    expect(known(plane).failures).toBe(failures)
    expect(known(plane).latency > 0).toBe(failures === 0) // how fast it fails is nothing to its credit
  })

  test('informational responses are no answer yet', async () => {
    const server = await startServer(saying('HTTP/1.1 103 Early Hints\r\n\r\n'))
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    const client = await dial(plane.port)
    await client.write(get()).until('103')
    expect(plane.board.shared.server.waiting[0]).toBe(1)
    await pause(60)
    server.sockets[0]!.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    await client.until('200 OK')
    expect(known(plane).latency).toBeGreaterThan(50)
  })

  test('a refused connection is a failure of that server alone', async () => {
    const server = await startServer(answering('fine'))
    const plane = await startPlane({ backends: [{ servers: [await deadPort(), server.port] }] })
    expect((await fetchOnce(plane.port)).text).toContain('fine')
    expect(known(plane, 0)).toEqual(failed)
    expect(known(plane, 1)).toMatchObject({ failures: 0 })
    expect(known(plane, 1).latency).toBeGreaterThan(0)
  })

  test('with several that refuse, each is tried once', async () => {
    const server = await startServer(answering('fine'))
    const dead = [await deadPort(), await deadPort(), await deadPort()]
    const plane = await startPlane({ backends: [{ servers: [...dead, server.port] }] })
    for (let i = 0; i < 4; i++) expect((await fetchOnce(plane.port)).text).toContain('fine')
    const failures = [0, 1, 2].map((slot) => known(plane, slot).failures)
    expect(Math.max(...failures)).toBeLessThanOrEqual(4)
    expect(failures.every((n) => n > 0)).toBe(true)
  })

  test('a connection that cannot be had in time is a failure, and the time that was waited is a latency', async () => {
    const plane = await startPlane({
      backends: [{ servers: [await blackHole()], retries: 0, timeouts: under({ connect: 300 }) }],
    })
    expect((await fetchOnce(plane.port)).text).toContain('connect_timeout')
    expect(known(plane)).toMatchObject({ failures: 1 })
    expect(known(plane).latency).toBeGreaterThan(250)
  })

  test('so is an answer that does not come in time', async () => {
    const server = await startServer((socket) => onHead(socket, () => {}))
    const plane = await startPlane({
      backends: [{ servers: [server.port], timeouts: under({ serverResponse: 300 }) }],
    })
    expect((await fetchOnce(plane.port)).text).toContain('response_timeout')
    expect(known(plane)).toMatchObject({ failures: 1 })
    expect(known(plane).latency).toBeGreaterThan(250)
  })

  test('a connection that is broken off before the answer is a failure, of every server that does it', async () => {
    const server = await startServer((socket) => onHead(socket, () => socket.resetAndDestroy()))
    const plane = await startPlane({ backends: [{ servers: [server.port, server.port] }] })
    expect((await fetchOnce(plane.port)).text).toContain('server_closed')
    expect([known(plane, 0), known(plane, 1)]).toEqual([failed, failed])
  })

  test('what is not HTTP is a failure', async () => {
    const server = await startServer(saying('EHLO\r\n\r\n'))
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    expect((await fetchOnce(plane.port)).text).toContain('bad_response')
    expect(known(plane)).toEqual(failed)
  })

  test('an answer that breaks off after its head has been an answer', async () => {
    const server = await startServer((socket) =>
      onHead(socket, () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfine')
        setTimeout(() => socket.resetAndDestroy(), 20)
      }),
    )
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    await fetchOnce(plane.port)
    expect(known(plane).failures).toBe(0)
    expect(known(plane).latency).toBeGreaterThan(0)
  })

  test('a kept connection that the server had closed says nothing about it', async () => {
    let closing = false
    const server = await startServer((socket, n) =>
      onHead(socket, () => {
        if (closing && n === 0) return void socket.resetAndDestroy()
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine')
      }),
    )
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    const client = await dial(plane.port)
    await client.write(get()).until('fine')
    closing = true
    await client.forget().write(get()).until('fine')
    expect(server.sockets.length).toBe(2)
    expect(known(plane).failures).toBe(0)
  })

  test('a switch of protocols is an answer; the tunnel is in flight until it ends', async () => {
    const server = await startServer(
      saying('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'),
    )
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    const client = await dial(plane.port)
    await client.write(get('/', 'Connection: Upgrade', 'Upgrade: echo')).until('101')
    const { inflight, waiting } = plane.board.shared.server
    expect([inflight[0], waiting[0]]).toEqual([1, 0])
    expect(known(plane).latency).toBeGreaterThan(0)
    client.socket.end()
    await eventually('over', () => leftovers(plane) === '')
  })

  test('a client that takes its time with the body does not make the server slow', async () => {
    const server = await startServer((socket) => {
      let seen = ''
      socket.on('data', (chunk: Buffer) => {
        seen += chunk.latin1Slice()
        if (seen.endsWith('abcdef')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
      })
      socket.on('end', () => socket.end())
    })
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    const client = await dial(plane.port)
    client.write(UPLOAD)
    await pause(1000)
    await client.write('def').until('200 OK')
    expect(known(plane).latency).toBeLessThan(900)
  })

  test.each([
    ['does not send its body', '', 'request_timeout'],
    ['sends a body that is wrong', '\r\nzz\r\n', 'bad_chunk'],
  ])('a client that %s teaches nothing', async (_, more, reason) => {
    const server = await startServer((socket) => socket.resume().on('end', () => socket.end()))
    const plane = await startPlane({
      frontends: [{ timeouts: { clientIdle: ms(1000) } }],
      backends: [{ servers: [server.port] }],
    })
    const client = await dial(plane.port)
    client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc')
    await eventually('at the server', () => plane.board.shared.server.waiting[0] === 1 && server.open() === 1)
    if (more !== '') client.write(more)
    await client.until(reason)
    expect(known(plane)).toEqual(nothing)
  })

  test('a client that leaves teaches nothing: while the server is reached, sent to, or waited for', async () => {
    const server = await startServer((socket) => socket.resume().on('end', () => socket.end()))
    const cases: [port: number, request: string][] = [
      [await blackHole(), get()],
      [server.port, UPLOAD],
      [server.port, get()],
    ]
    for (const [port, request] of cases) {
      const plane = await startPlane({ backends: [{ servers: [port] }] })
      const client = await dial(plane.port)
      client.write(request)
      await eventually('under way', () => plane.board.shared.server.waiting[0] === 1)
      await pause(30)
      client.socket.resetAndDestroy()
      await eventually('forgotten', () => leftovers(plane) === '')
      expect(known(plane)).toEqual(nothing)
    }
  })
})

describe('tcp', () => {
  const frontends = [{ mode: 'tcp' as const }]
  const backend = { mode: 'tcp' as const }

  test('the time to connect is the latency; the connection is in flight until it ends', async () => {
    const server = await startServer((socket) => socket.pipe(socket))
    const plane = await startPlane({ frontends, backends: [{ ...backend, servers: [server.port] }] })
    const client = await dial(plane.port)
    await client.write('hello').until('hello')
    const { inflight, waiting } = plane.board.shared.server
    expect([inflight[0], waiting[0]]).toEqual([1, 0])
    expect(known(plane).failures).toBe(0)
    expect(known(plane).latency).toBeGreaterThan(0)
    client.socket.end()
    await client.over()
  })

  test('a refused connection is a failure, and the next server is tried', async () => {
    const server = await startServer((socket) => socket.pipe(socket))
    const plane = await startPlane({
      frontends,
      backends: [{ ...backend, servers: [await deadPort(), server.port] }],
    })
    const client = await dial(plane.port)
    await client.write('hello').until('hello')
    expect(known(plane, 0)).toEqual(failed)
    expect(known(plane, 1).failures).toBe(0)
    client.socket.end()
    await client.over()
  })

  test('one that cannot be had in time is a failure, and the time that was waited is a latency', async () => {
    const plane = await startPlane({
      frontends,
      backends: [{ ...backend, servers: [await blackHole()], retries: 0, timeouts: under({ connect: 300 }) }],
    })
    const client = await dial(plane.port)
    await client.over()
    await eventually('learnt', () => known(plane).failures === 1)
    expect(known(plane).latency).toBeGreaterThan(250)
  })

  test('a client that leaves before its server is there teaches nothing', async () => {
    const plane = await startPlane({ frontends, backends: [{ ...backend, servers: [await blackHole()] }] })
    const client = await dial(plane.port)
    await eventually('under way', () => plane.board.shared.server.waiting[0] === 1)
    client.socket.resetAndDestroy()
    await eventually('forgotten', () => leftovers(plane) === '')
    expect(known(plane)).toEqual(nothing)
  })
})
