// Where clients arrive and how many may: unix sockets, IPv6, both families on one port, and the limits on connections.
import { chmodSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { expect, test } from 'vitest'
import {
  answering,
  dial,
  dialInVain,
  eventually,
  fetchOnce,
  get,
  leftovers,
  onHead,
  reasonCount,
  startPlane,
  startServer,
} from '../../support/peers.ts'
import { folder } from '../../support/programs.ts'

const hasIPv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)
const ask = async (client: ReturnType<typeof dial>): Promise<string> =>
  (await (await client).write(get('/', 'Connection: close')).over()).text

test('a unix socket, in front and behind', async () => {
  const where = folder()
  const server = await startServer(
    (socket) =>
      onHead(socket, (head) => socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${head.length}\r\n\r\n${head}`)),
    { path: `${where}/app.sock` },
  )
  expect(server.port).toBe(0)
  const plane = await startPlane({
    frontends: [{ binds: [{ host: null, path: `${where}/web.sock` }] }],
    backends: [{ servers: [{ host: null, path: `${where}/app.sock` }] }],
  })
  const text = await ask(dial({ path: `${where}/web.sock` }))
  expect(text).toMatch(/^HTTP\/1.1 200 /)
  await eventually('over', () => leftovers(plane) === '')
})

test('a unix socket that breaks off in the middle of an answer takes nothing with it', async () => {
  const where = folder()
  await startServer(
    (socket) =>
      onHead(socket, () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc')
        setTimeout(() => socket.destroy(), 50)
      }),
    { path: `${where}/app.sock` },
  )
  const plane = await startPlane({
    frontends: [{ binds: [{ host: null, path: `${where}/web.sock` }] }],
    backends: [{ servers: [{ host: null, path: `${where}/app.sock` }] }],
  })
  for (let i = 0; i < 2; i++) {
    const client = await dial({ path: `${where}/web.sock` })
    client.write(get())
    await client.over()
    expect(client.text.endsWith('abc')).toBe(true)
  }
  expect(reasonCount(plane, 'server_aborted')).toBe(2)
})

test('a unix socket of a server that is not there, or that may not be opened: another server', async () => {
  const where = folder()
  const locked = await startServer(answering('locked'), { path: `${where}/locked.sock` })
  chmodSync(`${where}/locked.sock`, 0)
  const server = await startServer(answering('fine'))
  const plane = await startPlane({
    backends: [{ servers: [{ host: null, path: `${where}/missing.sock` }, { port: server.port }] }],
  })
  for (let i = 0; i < 4; i++) expect(await ask(dial(plane.port))).toContain('fine')
  await locked.close()
})

test.skipIf(!hasIPv6)('IPv6, in front and behind', async () => {
  const server = await startServer((socket) => onHead(socket, (head) => socket.end(`HTTP/1.1 200 OK\r\n\r\n${head}`)), {
    host: '::1',
  })
  const plane = await startPlane({
    frontends: [{ binds: [{ host: '::1' }] }],
    backends: [{ servers: [{ host: '::1', port: server.port }] }],
  })
  expect(await ask(dial({ port: plane.port, host: '::1' }))).toContain('X-Forwarded-For: ::1\r\n')
})

test.skipIf(!hasIPv6)('a bind to :: serves both families, and shows an IPv4 client as such', async () => {
  const server = await startServer((socket) => onHead(socket, (head) => socket.end(`HTTP/1.1 200 OK\r\n\r\n${head}`)))
  const plane = await startPlane({ frontends: [{ binds: [{ host: '::' }] }], backends: [{ servers: [server.port] }] })
  expect(await ask(dial({ port: plane.port, host: '::1' }))).toContain('X-Forwarded-For: ::1\r\n')
  expect(await ask(dial({ port: plane.port, host: '127.0.0.1' }))).toContain('X-Forwarded-For: 127.0.0.1\r\n')
})

test('a frontend that stays full says 503 frontend_full, and takes clients again when there is room', async () => {
  const server = await startServer(answering('fine'))
  const plane = await startPlane({ frontends: [{ maxConnections: 2 }], backends: [{ servers: [server.port] }] })
  const inside = [await dial(plane.port), await dial(plane.port)]
  for (const client of inside) await client.write(get()).until('fine')
  const refused = await Promise.all(Array.from({ length: 5 }, () => fetchOnce(plane.port)))
  for (const { text } of refused) {
    expect(text).toMatch(/^HTTP\/1.1 503 [^]*X-Weir-Reason: frontend_full\r\n[^]*Connection: close\r\n/)
  }
  for (const client of inside) {
    client.forget()
    await client.write(get()).until('fine')
  }
  expect(reasonCount(plane, 'frontend_full')).toBe(5)
  inside[0]!.socket.destroy()
  await eventually('room', () => plane.board.shared.frontend.connections[0] === 1)
  expect((await fetchOnce(plane.port)).text).toContain('fine')
})

test('clients that were turned away and do not leave take no place', async () => {
  const server = await startServer(answering('fine'))
  const plane = await startPlane({ frontends: [{ maxConnections: 1 }], backends: [{ servers: [server.port] }] })
  const inside = await dial(plane.port)
  await inside.write(get()).until('fine')
  const refused = await dial({ port: plane.port, host: '127.0.0.1', allowHalfOpen: true })
  await refused.until('frontend_full')
  inside.socket.destroy()
  await eventually('room', () => plane.board.shared.frontend.connections[0] === 0)
  expect((await fetchOnce(plane.port)).text).toContain('fine')
})

test('the limit of the process holds for all frontends together, and for all workers', async () => {
  const server = await startServer(answering('fine'))
  const wish = {
    frontends: [{}, { name: 'other' }],
    backends: [{ servers: [server.port] }],
    snapshot: { maxConnections: 2 },
    workers: 2,
  }
  const one = await startPlane(wish)
  const two = await startPlane({ ...wish, board: one.board, worker: 1 })
  await (await dial(one.ports['web/0']!)).write(get()).until('fine')
  await (await dial(two.ports['other/0']!)).write(get()).until('fine')
  const refused = await Promise.all([one, two].map((plane) => fetchOnce(plane.ports['web/0']!)))
  for (const { text } of refused) expect(text).toContain('process_full')
})

test('a tcp frontend that stays full resets what comes', async () => {
  const server = await startServer((socket) => socket.write('hello'))
  const plane = await startPlane({
    frontends: [{ mode: 'tcp', maxConnections: 1 }],
    backends: [{ mode: 'tcp', servers: [server.port] }],
  })
  await (await dial(plane.port)).until('hello')
  await dialInVain(plane.port)
  expect(reasonCount(plane, 'frontend_full')).toBe(1)
})
