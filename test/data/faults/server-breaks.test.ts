// A server that breaks off, at every phase of a request: the client gets the answer that belongs to it, another server
// gets the request where nothing is lost by that, and nothing stays behind.
import type { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import {
  answering,
  deadPort,
  dial,
  eventually,
  fetchOnce,
  get,
  onHead,
  reasonCount,
  startPlane,
  startServer,
} from '../../support/peers.ts'

const reset = (socket: Socket): void => void socket.resetAndDestroy()
const close = (socket: Socket): void => void socket.destroy()
const ways = [
  ['resets', reset],
  ['closes', close],
] as const

describe.each(ways)('a server that %s', (_, breakOff) => {
  test('on accept: nothing of an answer came, so the client gets 502', async () => {
    const server = await startServer(breakOff)
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    const { text } = await fetchOnce(plane.port)
    expect(text).toMatch(/^HTTP\/1.1 50[23] [^]*X-Weir-Reason: (server_closed|connect_refused)\r\n/)
  })

  test('after the head of the request: 502', async () => {
    const server = await startServer((socket) => onHead(socket, () => breakOff(socket)))
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    const { text } = await fetchOnce(plane.port)
    expect(text).toMatch(/^HTTP\/1.1 502 [^]*X-Weir-Reason: server_closed\r\n/)
    expect(reasonCount(plane, 'server_closed')).toBe(1)
  })

  test('after the head of the request: a keep-alive client may go on with the next one', async () => {
    const server = await startServer((socket, n) =>
      n === 0 ? onHead(socket, () => breakOff(socket)) : answering('fine')(socket),
    )
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    const client = await dial(plane.port)
    await client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi').until('502')
    await client.write(get()).until('fine')
  })

  test('after the head of a GET: another server answers it', async () => {
    const bad = await startServer((socket) => onHead(socket, () => breakOff(socket)))
    const good = await startServer(answering('fine'))
    const plane = await startPlane({ backends: [{ servers: [bad.port, good.port] }] })
    for (let i = 0; i < 4; i++) expect((await fetchOnce(plane.port)).text).toMatch(/^HTTP\/1.1 200 /)
  })

  test('in the middle of the request body: 502, and the upload ends', async () => {
    const server = await startServer((socket) => onHead(socket, () => setTimeout(() => breakOff(socket), 50)))
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    const client = await dial(plane.port)
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc')
    await client.over()
    expect(client.text).toMatch(/^HTTP\/1.1 502 [^]*Connection: close\r\n/)
  })

  test('in the middle of the head of the response: 502', async () => {
    const server = await startServer((socket) =>
      onHead(socket, () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Le')
        setTimeout(() => breakOff(socket), 50)
      }),
    )
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    const { text } = await fetchOnce(plane.port)
    expect(text).toMatch(/^HTTP\/1.1 502 [^]*X-Weir-Reason: server_closed\r\n/)
  })

  const cut = [
    ['Content-Length', 'Content-Length: 100\r\n\r\nonly this'],
    ['chunked', 'Transfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n'],
  ] as const
  test.each(cut)('in the middle of a body of %s: the client sees that it is not whole', async (_framing, rest) => {
    const server = await startServer((socket) =>
      onHead(socket, () => {
        socket.write(`HTTP/1.1 200 OK\r\n${rest}`)
        setTimeout(() => breakOff(socket), 100)
      }),
    )
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    const client = await dial(plane.port)
    await client.write(get()).until('only this')
    await client.over()
    expect(client.error?.code).toBe('ECONNRESET')
    expect(client.text).not.toContain('\r\n0\r\n\r\n')
    expect(reasonCount(plane, 'server_aborted')).toBe(1)
  })

  test('between two requests: the next one goes to a new connection', async () => {
    const server = await startServer(answering('fine'))
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    const client = await dial(plane.port)
    await client.write(get('/1')).until('fine')
    breakOff(server.sockets[0]!)
    await eventually('the connection is forgotten', () => plane.board.shared.server.connections[0] === 0)
    client.forget()
    await client.write(get('/2')).until('fine')
    expect(server.sockets.length).toBe(2)
  })

  test('a kept-alive connection as a GET arrives: sent once more, on a new connection', async () => {
    const server = await startServer(oneAnswerThen(breakOff))
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    const client = await dial(plane.port)
    await client.write(get('/1')).until('answer 0')
    await client.write(get('/2')).until('answer 1')
    expect(client.text).not.toContain('502')
    expect(plane.board.rows[0]!.counters.server.retries[0]).toBe(1)
  })

  test('a kept-alive connection as a PUT with its body arrives: sent once more, whole', async () => {
    const bodies: string[] = []
    const server = await startServer((socket, n) => {
      let requests = 0
      onHead(socket, (_, rest) => {
        if (n === 0 && requests++ === 1) return breakOff(socket)
        bodies.push(rest.latin1Slice())
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nanswer ${n}`)
      })
    })
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    const client = await dial(plane.port)
    await client.write(get('/1')).until('answer 0')
    await client.write('PUT /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello').until('answer 1')
    expect(bodies).toEqual(['', 'hello'])
  })

  test('a kept-alive connection as a POST arrives: it may have been carried out, so it is not sent twice', async () => {
    const heads: string[] = []
    const server = await startServer((socket) => {
      let requests = 0
      onHead(socket, (head) => {
        heads.push(head.slice(0, 4))
        if (requests++ === 1) return breakOff(socket)
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine')
      })
    })
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    const client = await dial(plane.port)
    await client.write(get('/1')).until('fine')
    await client.write('POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi').until('502')
    expect(heads.filter((head) => head === 'POST').length).toBe(1)
  })
})

test('a body that ends with the connection: complete when the server closes, broken off when it resets', async () => {
  const server = await startServer((socket) =>
    onHead(socket, (head) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\nuntil the end')
      setTimeout(() => (head.startsWith('GET /close') ? socket.end() : socket.resetAndDestroy()), 100)
    }),
  )
  const plane = await startPlane({ backends: [{ servers: [server.port] }] })
  const whole = await fetchOnce(plane.port, get('/close'))
  expect(whole.text).toMatch(/Connection: close\r\n\r\nuntil the end$/)
  expect(whole.error).toBe(null)
  const broken = await fetchOnce(plane.port, get('/reset'))
  expect(broken.error?.code).toBe('ECONNRESET')
})

test('servers that refuse are passed over, and no request is lost', async () => {
  const server = await startServer(answering('fine'))
  const plane = await startPlane({ backends: [{ servers: [await deadPort(), server.port, await deadPort()] }] })
  for (let i = 0; i < 12; i++) expect((await fetchOnce(plane.port)).text).toMatch(/^HTTP\/1.1 200 /)
  const { counters } = plane.board.rows[0]!
  expect(counters.server.connectErrors[0]! + counters.server.connectErrors[2]!).toBe(counters.backend.redispatches[0])
  expect(counters.backend.redispatches[0]).toBeGreaterThanOrEqual(8)
})

test('a POST whose server refuses goes to another one with its body', async () => {
  const bodies: string[] = []
  const server = await startServer((socket) =>
    onHead(socket, (_, rest) => {
      bodies.push(rest.latin1Slice())
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine')
    }),
  )
  const plane = await startPlane({ backends: [{ servers: [await deadPort(), server.port] }] })
  for (let i = 0; i < 4; i++) {
    const { text } = await fetchOnce(
      plane.port,
      `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 6\r\n\r\nbody ${i}`,
    )
    expect(text).toContain('fine')
  }
  expect(bodies).toEqual(['body 0', 'body 1', 'body 2', 'body 3'])
})

test('all servers refuse: 503 connect_refused, and the client may try again on its connection', async () => {
  const plane = await startPlane({ backends: [{ servers: [await deadPort(), await deadPort()] }] })
  const client = await dial(plane.port)
  await client.write(get()).until('connect_refused')
  expect(client.text).toMatch(/^HTTP\/1.1 503 /)
  client.forget()
  await client.write(get()).until('connect_refused')
})

test('no usable server: 503 no_server, at once', async () => {
  const plane = await startPlane({ backends: [{ servers: [await deadPort()] }] })
  plane.set(0, 'health', 2)
  expect((await fetchOnce(plane.port)).text).toMatch(/^HTTP\/1.1 503 [^]*X-Weir-Reason: no_server\r\n/)
})

/** Answers the first request of the first connection, and breaks it off at the second. */
const oneAnswerThen = (breakOff: (socket: Socket) => void) => (socket: Socket, n: number) => {
  let requests = 0
  onHead(socket, () => {
    if (n === 0 && requests++ === 1) return breakOff(socket)
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nanswer ${n}`)
  })
}
