// What an operator sees of the connections of a worker, and how he closes them; frontends that he pauses; what failed last.
import { once } from 'node:events'
import net from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { startDataPlane, type TestPlane } from '../../support/data-plane.ts'
import { eventually } from '../../support/peers.ts'

const anything = { frontend: null, server: null, networks: null }

/** A server that answers nothing, so that whoever asks it stays busy. */
async function silentServer(): Promise<number> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).resume()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return (server.address() as net.AddressInfo).port
}

interface Client {
  readonly socket: net.Socket
  received(): string
  closed(): boolean
}

async function dial(port: number, text = ''): Promise<Client> {
  const socket = net.connect(port, '127.0.0.1')
  let received = ''
  let closed = false
  socket.on('error', () => {}).on('close', () => (closed = true))
  socket.on('data', (chunk: Buffer) => (received += chunk.latin1Slice()))
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  if (text !== '') socket.write(text)
  return { socket, received: () => received, closed: () => closed }
}

const request = 'GET /x?secret HTTP/1.1\r\nHost: a\r\n\r\n'

async function stage(): Promise<TestPlane> {
  const [first, second] = [await silentServer(), await silentServer()]
  return startDataPlane({
    frontends: [
      { name: 'web', backend: 0 },
      { name: 'raw', mode: 'tcp', backend: 1 },
    ],
    backends: [{ servers: [first] }, { name: 'db', mode: 'tcp', servers: [second] }],
  })
}

const find = ({ plane }: TestPlane, match = {}, close = false) =>
  plane.connections({ type: 'connections', id: 1, match: { ...anything, ...match }, close })

test('connections are found by frontend, server and network, with what they do', async () => {
  const it = await stage()
  await dial(it.ports['web/0']!)
  await dial(it.ports['web/0']!, request)
  await dial(it.ports['raw/0']!)
  await eventually('busy', () => find(it).list.filter(({ state }) => state === 'busy').length === 2)
  expect(find(it).found).toBe(3)
  expect(find(it, { frontend: 0 }).list.map(({ state, server }) => [state, server])).toEqual([
    ['idle', -1],
    ['busy', 0],
  ])
  expect(find(it, { server: 1 }).list).toEqual([
    { frontend: 'raw', address: '127.0.0.1', port: expect.any(Number), tls: false, state: 'busy', server: 1 },
  ])
  expect(find(it, { networks: ['127.0.0.0/8'] }).found).toBe(3)
  expect(find(it, { networks: ['10.0.0.0/8'] }).found).toBe(0)
})

test('those that match are closed, and the others are left alone', async () => {
  const it = await stage()
  const idle = await dial(it.ports['web/0']!)
  const busy = await dial(it.ports['web/0']!, request)
  const raw = await dial(it.ports['raw/0']!)
  await eventually('busy', () => find(it, { server: 0 }).found === 1 && find(it, { server: 1 }).found === 1)
  expect(find(it, { server: 0 }, true)).toEqual({ found: 1, list: [] })
  await eventually('closed', () => busy.closed())
  expect(find(it, { frontend: 1 }, true).found).toBe(1)
  await eventually('closed', () => raw.closed())
  expect(idle.closed()).toBe(false)
  expect(find(it).found).toBe(1)
})

test('a paused frontend lets new connections wait, and those that are there go on', async () => {
  const server = net.createServer((socket) => {
    socket.on('error', () => {}).on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const it = await startDataPlane({ backends: [{ servers: [(server.address() as net.AddressInfo).port] }] })
  const before = await dial(it.port, request)
  await eventually('answered', () => before.received().endsWith('ok'))
  Atomics.store(it.board.shared.frontend.paused, 0, 1)
  const after = await dial(it.port, request)
  before.socket.write(request)
  await eventually('answered once more', () => before.received().split('200 OK').length === 3)
  expect(
    find(it)
      .list.map(({ state }) => state)
      .toSorted(),
  ).toEqual(['idle', 'waiting'])
  expect(after.received()).toBe('')
  Atomics.store(it.board.shared.frontend.paused, 0, 0)
  await eventually('taken', () => after.received().endsWith('ok'))
})

test('who has waited for too long on a paused frontend is told why', async () => {
  const it = await stage()
  Atomics.store(it.board.shared.frontend.paused, 0, 1)
  const client = await dial(it.port, request)
  await eventually('refused', () => client.closed(), 15_000)
  expect(client.received()).toMatch(/^HTTP\/1\.1 503 /)
  expect(client.received()).toContain('X-Weir-Reason: frontend_paused')
})

test('what failed last is kept, a bounded number of it', async () => {
  const dead = await silentServer()
  const it = await startDataPlane({ backends: [{ servers: [{ port: dead }], retries: 0 }] })
  it.set(0, 'admin', 2)
  const client = await dial(it.port, request)
  await eventually('answered', () => client.received().includes('no_server'))
  expect(it.plane.failures).toEqual([
    {
      at: expect.any(Number),
      reason: 'no_server',
      frontend: 'web',
      backend: 'app',
      server: '',
      address: '127.0.0.1',
      request: '',
      status: 503,
    },
  ])
  for (let i = 0; i < 200; i++) {
    const before = client.received().length
    client.socket.write(request)
    await eventually('answered', () => client.received().length > before)
  }
  expect(it.plane.failures).toHaveLength(128)
})
