// A client that goes away, at every phase of a request, by closing or by a reset: the server's side is freed, nothing is
// counted as being under way any more, and a client that only closed its sending side still gets its answer.
import { describe, expect, test } from 'vitest'
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
  type RawClient,
} from '../../support/peers.ts'

const reset = (client: RawClient): void => void client.socket.resetAndDestroy()
const close = (client: RawClient): void => void client.socket.destroy()
const ways = [
  ['resets', reset],
  ['closes', close],
] as const
const UPLOAD = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc'

describe.each(ways)('a client that %s', (way, vanish) => {
  test('before it said anything is forgotten', async () => {
    const server = await startServer(answering('fine'))
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    const client = await dial(plane.port)
    await eventually('counted', () => plane.board.shared.frontend.connections[0] === 1)
    vanish(client)
    await eventually('forgotten', () => leftovers(plane) === '')
  })

  test('in the middle of a head: no server ever hears of it', async () => {
    const server = await startServer(answering('fine'))
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    const client = await dial(plane.port)
    client.write('GET / HTTP/1.1\r\nHost:')
    await pause(50)
    vanish(client)
    await eventually('forgotten', () => leftovers(plane) === '')
    expect(server.sockets.length).toBe(0)
  })

  test('in the middle of an upload: the connection to the server is broken off too', async () => {
    const server = await startServer((socket) => socket.resume().on('end', () => socket.end()))
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    const client = await dial(plane.port)
    client.write(UPLOAD)
    await eventually('at the server', () => server.open() === 1)
    await pause(50)
    vanish(client)
    await eventually('freed', () => leftovers(plane) === '' && serverConnections(plane) === 0 && server.open() === 0)
    expect(reasonCount(plane, 'client_gone') + reasonCount(plane, 'incomplete_request')).toBe(1)
  })

  test('while it waits for the answer: freed, at the latest with the answer', async () => {
    const server = await startServer((socket) =>
      onHead(socket, () =>
        setTimeout(
          () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate'),
          way === 'closes' ? 300 : 60_000,
        ),
      ),
    )
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    const client = await dial(plane.port)
    client.write(get())
    await eventually('at the server', () => plane.board.shared.server.inflight[0] === 1)
    vanish(client)
    await eventually('freed', () => leftovers(plane) === '')
  })

  test('in the middle of a download: the server is not left sending', async () => {
    const server = await startServer((socket) =>
      onHead(socket, () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n')
        const more = (): void => {
          while (!socket.destroyed && socket.write(Buffer.alloc(65_536)));
        }
        socket.on('drain', more)
        more()
      }),
    )
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    const client = await dial(plane.port)
    await client.write(get()).until('200 OK')
    vanish(client)
    await eventually('freed', () => leftovers(plane) === '' && server.open() === 0)
    expect(reasonCount(plane, 'client_gone')).toBe(1)
  })

  test('out of a tunnel: the other side hears of it', async () => {
    const server = await startServer((socket) => {
      onHead(socket, () =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'),
      )
      socket.on('end', () => socket.end())
    })
    const plane = await startPlane({ backends: [{ servers: [server.port] }] })
    const client = await dial(plane.port)
    await client.write(get('/', 'Connection: Upgrade', 'Upgrade: echo')).until('101')
    vanish(client)
    await eventually('freed', () => leftovers(plane) === '' && serverConnections(plane) === 0 && server.open() === 0)
  })
})

test('half-closing clients get their answers: the first, and those that were pipelined behind it', async () => {
  const server = await startServer((socket) =>
    onHead(socket, (head) => {
      const path = head.split(' ')[1]!
      setTimeout(() => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`), 30)
    }),
  )
  const plane = await startPlane({ backends: [{ servers: [server.port] }] })
  const client = await dial(plane.port)
  client.socket.end(get('/one') + get('/two') + get('/three'))
  await client.over()
  expect(client.text.match(/\/(one|two|three)/g)).toEqual(['/one', '/two', '/three'])
  expect(client.ended).toBe(true)
})

test('a client that closes in the middle of its second head is told so', async () => {
  const server = await startServer(answering('fine'))
  const plane = await startPlane({ backends: [{ servers: [server.port] }] })
  const client = await dial(plane.port)
  client.socket.end(`${get()}GET /cut HTT`)
  await client.over()
  expect(client.text).toMatch(/200 OK[^]*fineHTTP\/1.1 400 [^]*incomplete_request/)
})

test('a client that resets while its server is being reached leaves nothing behind', async () => {
  const plane = await startPlane({
    backends: [{ servers: [{ host: '192.0.2.1', port: 9 }], timeouts: { connect: 60_000 as never } }],
  })
  const client = await dial(plane.port)
  client.write(get())
  await eventually('in flight', () => plane.board.shared.server.inflight[0] === 1 || client.text !== '')
  client.socket.resetAndDestroy()
  await eventually('freed', () => leftovers(plane) === '' && serverConnections(plane) === 0)
})
