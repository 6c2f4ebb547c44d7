// Limits and the queue, end to end: real clients, a server that answers when it is told to, and up to two workers on one
// scoreboard, in this thread. That workers in threads of their own keep to the same is test/system.
import { createServer, request as httpRequest, Agent, type ServerResponse } from 'node:http'
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { ms } from '../../../src/model/units.ts'
import { startDataPlane, type BackendWish, type TestPlane, type Wish } from '../../support/data-plane.ts'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

/** Holds every request until it is let go; the order of arrival is that of `held`. */
async function holdingServer() {
  const held: { path: string; response: ServerResponse }[] = []
  let most = 0
  const server = createServer((incoming, response) => {
    held.push({ path: incoming.url!, response })
    most = Math.max(most, held.length)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  open.push(() => (server.closeAllConnections(), server.close()))
  return {
    port: (server.address() as AddressInfo).port,
    held,
    get most() {
      return most
    },
    /** Answers the one that came first. @returns its path */
    async letGo(): Promise<string> {
      await until(() => held.length > 0)
      const { path, response } = held.shift()!
      response.end(path)
      return path
    },
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(2)
}

interface Answer {
  readonly status: number
  readonly reason: string | undefined
  readonly body: string
}

/** On a connection of its own. */
function get(port: number, path: string): Promise<Answer> & { readonly cancel: () => void } {
  const agent = new Agent()
  let cancel = (): void => {}
  const answer = new Promise<Answer>((resolve, reject) => {
    const sent = httpRequest({ host: '127.0.0.1', port, path, agent }, (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('end', () => {
        const reason = incoming.headers['x-weir-reason'] as string | undefined
        resolve({ status: incoming.statusCode!, reason, body: Buffer.concat(chunks).toString() })
      })
    })
    sent.on('error', reject).end()
    cancel = () => sent.destroy()
  })
  answer.catch(() => {})
  return Object.assign(answer, { cancel: () => cancel() })
}

async function start(backend: BackendWish, more: Partial<Wish> = {}): Promise<TestPlane> {
  const plane = await startDataPlane({ backends: [backend], ...more })
  open.push(() => plane.close())
  return plane
}

const queued = ({ board }: TestPlane): number => board.shared.backend.queued[0]!
const inflight = ({ board }: TestPlane): number => board.shared.backend.inflight[0]!

test('a server never has more than its limit; the others wait in the order in which they came', async () => {
  const server = await holdingServer()
  const plane = await start({ servers: [{ port: server.port, maxConnections: 1 }] })
  const answers: Promise<Answer>[] = []
  for (let i = 0; i < 5; i++) {
    answers.push(get(plane.port, `/${i}`))
    await until(() => inflight(plane) + queued(plane) === i + 1)
  }
  expect(queued(plane)).toBe(4)
  for (let i = 0; i < 5; i++) expect(await server.letGo()).toBe(`/${i}`)
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
  expect(server.most).toBe(1)
  await until(() => inflight(plane) === 0)
  expect(queued(plane)).toBe(0)
  expect(plane.board.rows[0]!.counters.backend.queueWaits[0]).toBe(4)
})

test('a limit of the backend holds over all of its servers', async () => {
  const [a, b] = [await holdingServer(), await holdingServer()]
  const plane = await start({ servers: [a.port, b.port], maxConnections: 3 })
  const answers = Array.from({ length: 8 }, (_, i) => get(plane.port, `/${i}`))
  await until(() => queued(plane) === 5)
  expect(a.held.length + b.held.length).toBe(3)
  for (let i = 0; i < 8; i++) {
    await until(() => a.held.length + b.held.length > 0)
    await (a.held.length > 0 ? a : b).letGo()
  }
  for (const answer of answers) expect((await answer).status).toBe(200)
})

test('what one full server has no room for goes to the next one that has', async () => {
  const [a, b] = [await holdingServer(), await holdingServer()]
  const servers = [
    { port: a.port, maxConnections: 1 },
    { port: b.port, maxConnections: 4 },
  ]
  const plane = await start({ servers })
  const answers = Array.from({ length: 5 }, (_, i) => get(plane.port, `/${i}`))
  await until(() => a.held.length + b.held.length === 5)
  expect([a.held.length, b.held.length]).toEqual([1, 4])
  for (let i = 0; i < 4; i++) await b.letGo()
  await a.letGo()
  await Promise.all(answers)
})

test('beyond queue.max: 503 queue_full; not in time: 503 queue_timeout', async () => {
  const server = await holdingServer()
  const servers = [{ port: server.port, maxConnections: 1 }]
  const plane = await start({ servers, queue: { max: 2, timeout: ms(1500) } })
  const first = get(plane.port, '/first')
  await until(() => inflight(plane) === 1)
  const waiting = [get(plane.port, '/a'), get(plane.port, '/b')]
  await until(() => queued(plane) === 2)
  expect(await get(plane.port, '/c')).toMatchObject({ status: 503, reason: 'queue_full' })
  for (const each of waiting) expect(await each).toMatchObject({ status: 503, reason: 'queue_timeout' })
  expect(queued(plane)).toBe(0)
  await server.letGo()
  expect((await first).status).toBe(200)
})

test('with queue.max 0 nobody waits', async () => {
  const server = await holdingServer()
  const plane = await start({
    servers: [{ port: server.port, maxConnections: 1 }],
    queue: { max: 0, timeout: ms(300) },
  })
  const first = get(plane.port, '/first')
  await until(() => inflight(plane) === 1)
  expect(await get(plane.port, '/c')).toMatchObject({ status: 503, reason: 'queue_full' })
  await server.letGo()
  await first
})

test('a client that leaves gives up its place', async () => {
  const server = await holdingServer()
  const plane = await start({ servers: [{ port: server.port, maxConnections: 1 }] })
  const first = get(plane.port, '/first')
  await until(() => inflight(plane) === 1)
  const leaver = get(plane.port, '/leaver')
  await until(() => queued(plane) === 1)
  const last = get(plane.port, '/last')
  await until(() => queued(plane) === 2)
  leaver.cancel()
  await until(() => queued(plane) === 1)
  expect(await server.letGo()).toBe('/first')
  expect(await server.letGo()).toBe('/last')
  await Promise.all([first, last])
  await until(() => inflight(plane) === 0)
})

test('high priority goes first; within a priority the order is kept', async () => {
  const server = await holdingServer()
  const frontends = [
    { name: 'normal', backend: 0 },
    { name: 'vip', backend: 0, routes: [{ host: null, path: '/vip', backend: 0, priority: 'high' as const }] },
  ]
  const plane = await start({ servers: [{ port: server.port, maxConnections: 1 }] }, { frontends })
  const [normal, vip] = [plane.ports['normal/0']!, plane.ports['vip/0']!]
  const answers = [get(normal, '/first')]
  await until(() => inflight(plane) === 1)
  for (const [port, path] of [
    [normal, '/n1'],
    [vip, '/vip/1'],
    [vip, '/n2'],
    [vip, '/vip/2'],
  ] as const) {
    const before = queued(plane)
    answers.push(get(port, path))
    await until(() => queued(plane) === before + 1)
  }
  const order = []
  for (let i = 0; i < 5; i++) order.push(await server.letGo())
  expect(order).toEqual(['/first', '/vip/1', '/vip/2', '/n1', '/n2'])
  await Promise.all(answers)
})

test('two workers: the limit is exact over both, the order is that of arrival, and each wakes the other', async () => {
  const server = await holdingServer()
  const servers = [{ port: server.port, maxConnections: 2 }]
  const one = await start({ servers }, { workers: 2 })
  const two = await startDataPlane({ backends: [{ servers }], workers: 2, worker: 1, board: one.board })
  open.push(() => two.close())
  const answers = []
  for (let i = 0; i < 12; i++) {
    answers.push(get((i % 3 === 0 ? one : two).port, `/${i}`))
    await until(() => inflight(one) + queued(one) === i + 1)
  }
  const order = []
  for (let i = 0; i < 12; i++) {
    order.push(Number((await server.letGo()).slice(1)))
    await until(() => server.held.length + i + 1 === Math.min(12, i + 3))
  }
  expect(order).toEqual(Array.from({ length: 12 }, (_, i) => i))
  await Promise.all(answers)
  expect(server.most).toBe(2)
  await until(() => inflight(one) === 0 && queued(one) === 0)
})

test('a client that belongs to a server waits for that one, and holds nobody up', async () => {
  const [a, b] = [await holdingServer(), await holdingServer()]
  const by = { source: 'query', name: 'user', prefix4: 32, prefix6: 128, depth: 0, length: 0 } as const
  const table = { by: [by], cookie: null, entries: 64, idle: ms(60_000) }
  const plane = await start({
    servers: [
      { port: a.port, maxConnections: 1 },
      { port: b.port, maxConnections: 1 },
    ],
    persistence: { strict: false, cookie: null, table },
  })
  const first = get(plane.port, '/1?user=x')
  await until(() => a.held.length + b.held.length === 1)
  const [home, other] = a.held.length === 1 ? [a, b] : [b, a]
  await home.letGo()
  await first
  const blocking = get(plane.port, '/2?user=x')
  await until(() => home.held.length === 1)
  const bound = [get(plane.port, '/3?user=x'), get(plane.port, '/4?user=x')]
  await until(() => queued(plane) === 2)
  const free = get(plane.port, '/free')
  expect(await other.letGo()).toBe('/free')
  expect((await free).status).toBe(200)
  expect(queued(plane)).toBe(2)
  expect([await home.letGo(), await home.letGo()]).toEqual(['/2?user=x', '/3?user=x'])
  const slot = home === a ? 0 : 1
  const [late, last] = [get(plane.port, '/5?user=x'), get(plane.port, '/6?user=x')]
  await until(() => queued(plane) === 2)
  plane.set(slot, 'health', 2)
  expect(await other.letGo()).toBe('/5?user=x')
  expect(await other.letGo()).toBe('/6?user=x')
  expect(await home.letGo()).toBe('/4?user=x')
  await Promise.all([blocking, ...bound, late, last])
})

test('a server that comes up takes from the queue at once', async () => {
  const [a, b] = [await holdingServer(), await holdingServer()]
  const servers = [
    { port: a.port, maxConnections: 1 },
    { port: b.port, maxConnections: 1 },
  ]
  const plane = await start({ servers })
  plane.set(1, 'health', 2)
  const answers = [get(plane.port, '/1'), get(plane.port, '/2')]
  await until(() => queued(plane) === 1)
  plane.set(1, 'health', 1)
  await until(() => b.held.length === 1)
  await Promise.all([a.letGo(), b.letGo()])
  await Promise.all(answers)
})

test('the body of a request that waits is not lost, and not read ahead without bound', async () => {
  const server = await holdingServer()
  const plane = await start({ servers: [{ port: server.port, maxConnections: 1 }] })
  const first = get(plane.port, '/first')
  await until(() => inflight(plane) === 1)
  const socket = connect(plane.port, '127.0.0.1')
  open.push(() => socket.destroy())
  const body = Buffer.alloc(8_000_000, 'x')
  socket.write(`POST /up HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`)
  socket.write(body)
  await until(() => queued(plane) === 1)
  await sleep(100)
  expect(socket.writableLength).toBeGreaterThan(1_000_000) // it waits at the client
  const seen = new Promise<string>((resolve) => {
    let text = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
    socket.on('end', () => resolve(text))
  })
  expect(await server.letGo()).toBe('/first')
  await first
  await until(() => server.held.length === 1)
  const { response } = server.held[0]!
  let received = 0
  response.req.on('data', (chunk: Buffer) => (received += chunk.length))
  await until(() => received === body.length)
  await server.letGo()
  expect(await seen).toContain('200 OK')
})

test('tcp: connections wait for a place, and one that ends gives it to the next', async () => {
  const sockets: Socket[] = []
  const server = createTcpServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.write('hello')
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  open.push(() => (sockets.forEach((socket) => socket.destroy()), server.close()))
  const { port } = server.address() as AddressInfo
  const plane = await start(
    { mode: 'tcp', servers: [{ port, maxConnections: 1 }], queue: { max: 1, timeout: ms(5000) } },
    { frontends: [{ mode: 'tcp' }] },
  )
  const dial = () => {
    const socket = connect(plane.port, '127.0.0.1')
    socket.on('error', () => {})
    open.push(() => socket.destroy())
    const said = new Promise<string>((resolve) => {
      socket.once('data', (chunk: Buffer) => resolve(chunk.toString()))
      socket.once('close', () => resolve('closed'))
    })
    return { socket, said }
  }
  const first = dial()
  expect(await first.said).toBe('hello')
  const second = dial()
  await until(() => queued(plane) === 1)
  expect(await dial().said).toBe('closed')
  expect(sockets.length).toBe(1)
  first.socket.destroy()
  expect(await second.said).toBe('hello')
})
