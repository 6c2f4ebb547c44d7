// Connections to a server through a running data plane: reused while the server has them open, and given up before it
// closes them, so that not one request, repeatable or not, meets a connection that has just been closed.
import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { createDice } from '../../../src/balance/dice.ts'
import { ms } from '../../../src/model/units.ts'
import {
  answering,
  dial,
  eventually,
  get,
  onHead,
  pause,
  serverConnections,
  startPlane,
  startServer,
} from '../../support/peers.ts'

/** Answers, and closes a connection that has been idle for so long. */
const closingAt =
  (span: number) =>
  (socket: Socket): void => {
    let timer = setTimeout(() => socket.end(), span)
    socket.on('close', () => clearTimeout(timer))
    onHead(socket, () => {
      clearTimeout(timer)
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine')
      timer = setTimeout(() => socket.end(), span)
    })
  }
const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi'

test('a server that closes after a second, clients paced around a second: no failure, most requests on old connections', async () => {
  const server = await startServer(closingAt(1000))
  const plane = await startPlane({ backends: [{ servers: [server.port] }] })
  const dice = createDice(1)
  let requests = 0
  const drive = async (until: number, text: string): Promise<void> => {
    const client = await dial(plane.port)
    while (performance.now() < until) {
      await pause(800 + dice.below(400))
      requests++
      client.forget()
      await client.write(text).until('\r\n\r\nfine')
    }
  }
  // A few clients, so that connections do get old: what the server does about them is learnt from requests that may be
  // repeated.
  await Promise.all([1, 2].map(() => drive(performance.now() + 4000, get())))
  requests = 0
  const { counters } = plane.board.rows[0]!
  const { reuses, connects, retries } = counters.server
  const before = { reuses: reuses[0]!, retries: retries[0]! }
  const end = performance.now() + 5000
  await Promise.all(Array.from({ length: 16 }, (_, i) => drive(end, i % 2 === 0 ? get() : post)))
  expect((retries[0]! - before.retries) / requests).toBeLessThan(0.05) // 0 on a machine that is not busy
  expect((reuses[0]! - before.reuses) / requests).toBeGreaterThan(0.5) // a busy machine makes every pause longer, and what was near to a second is more
  expect(connects[0]).toBe(server.sockets.length)
})

test('what can not be repeated is sent on a connection that has been idle for longer than a second once it is known', async () => {
  const server = await startServer(closingAt(2000))
  const plane = await startPlane({ backends: [{ servers: [server.port] }] })
  const client = await dial(plane.port)
  const ask = async (text: string): Promise<void> => void (await client.forget().write(text).until('fine'))
  const connectsAfter = async (idle: number): Promise<number> => {
    await pause(idle)
    const { length } = server.sockets
    await ask(post)
    return server.sockets.length - length
  }
  await ask(get())
  expect(await connectsAfter(1300)).toBe(1)
  // Two connections are left alone until the server closes them, one after the other.
  await eventually('closed by the server', () => serverConnections(plane) === 0)
  await ask(get())
  await eventually('closed by the server once more', () => serverConnections(plane) === 0)
  await ask(get())
  expect(await connectsAfter(1300)).toBe(0)
})

test('idle connections are closed when their time is over, and no more are kept than the backend says', async () => {
  const server = await startServer(answering('fine'))
  const plane = await startPlane({
    backends: [{ servers: [server.port], idleConnections: 2, timeouts: { idleConnection: ms(300) } }],
  })
  const clients = await Promise.all([1, 2, 3, 4].map(() => dial(plane.port)))
  await Promise.all(clients.map((client) => client.write(get()).until('fine')))
  await eventually('no more than two kept', () => serverConnections(plane) <= 2)
  await eventually('none left', () => serverConnections(plane) === 0 && server.open() === 0)
})
