// What is tried again, where, how often, and what the client sees of it; and what happens while a circuit breaker is open.
import { Agent, createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, createServer as createTcpServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { BREAKER_HALF_OPEN, BREAKER_OPEN } from '../../../src/model/states.ts'
import { bytes, ms } from '../../../src/model/units.ts'
import { startDataPlane, type BackendWish, type TestPlane, type Wish } from '../../support/data-plane.ts'
import { plainBackend } from '../../support/specs.ts'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

interface Seen {
  readonly method: string
  readonly path: string
  readonly body: string
}

/** Reads each request to its end, notes it, and answers by the script. */
async function server(script: (seen: Seen, response: ServerResponse, incoming: IncomingMessage) => void, port = 0) {
  const seen: Seen[] = []
  const listening = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('error', () => {})
    incoming.on('end', () => {
      const one = { method: incoming.method!, path: incoming.url!, body: Buffer.concat(chunks).toString() }
      seen.push(one)
      script(one, response, incoming)
    })
  })
  await new Promise<void>((done) => listening.listen(port, '127.0.0.1', done))
  open.push(() => (listening.closeAllConnections(), listening.close()))
  return { port: (listening.address() as AddressInfo).port, seen }
}

const says = (status: number, text = 'ok') =>
  server((_, response) => response.writeHead(status, { 'X-From': String(status) }).end(text))
const silent = () => server(() => {})
const breaksOff = () => server((_, __, incoming) => incoming.socket.destroy())

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const listening = createTcpServer()
  await new Promise<void>((done) => listening.listen(0, '127.0.0.1', done))
  const { port } = listening.address() as AddressInfo
  await new Promise((done) => listening.close(done))
  return port
}

interface Asked {
  readonly method?: string
  readonly body?: string
}

async function ask(port: number, path = '/', { method = 'GET', body = '' }: Asked = {}) {
  const agent = new Agent()
  return new Promise<{ status: number; reason: string | undefined; body: string }>((resolve, reject) => {
    const sent = httpRequest({ host: '127.0.0.1', port, path, method, agent }, (incoming) => {
      let text = ''
      incoming.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
      incoming.on('error', reject)
      incoming.on('end', () => {
        resolve({ status: incoming.statusCode!, reason: incoming.headers['x-weir-reason'] as string, body: text })
      })
    })
    sent.on('error', reject).end(body)
  })
}

async function start(backends: readonly BackendWish[], more: Partial<Wish> = {}): Promise<TestPlane> {
  const plane = await startDataPlane({ backends, ...more })
  open.push(() => plane.close())
  return plane
}

const retry = (more: Partial<BackendWish['retry']> = {}) => ({ ...plainBackend.retry, ...more })

test('a status in retry.on goes to another server; the client never sees it', async () => {
  const [bad, good] = [await says(503), await says(200)]
  const plane = await start([{ servers: [bad.port, good.port], retry: retry({ statuses: [503] }) }])
  for (let i = 0; i < 20; i++) expect(await ask(plane.port, `/${i}`)).toMatchObject({ status: 200, body: 'ok' })
  expect(bad.seen.length).toBeGreaterThan(5)
  expect(good.seen.length).toBe(20)
  expect(plane.board.rows[0]!.counters.backend.redispatches[0]).toBe(bad.seen.length)
})

test('when every server says so, the client gets their answer, and each was asked once', async () => {
  const servers = [await says(503, 'a'), await says(503, 'b'), await says(503, 'c')]
  const plane = await start([{ servers: servers.map(({ port }) => port), retry: retry({ statuses: [503] }) }])
  expect(await ask(plane.port)).toMatchObject({ status: 503, reason: undefined })
  expect(servers.map(({ seen }) => seen.length)).toEqual([1, 1, 1])
})

test('a status that is not in retry.on is passed on', async () => {
  const [bad, good] = [await says(502), await says(200)]
  const plane = await start([{ servers: [bad.port, good.port], retry: retry({ statuses: [503] }) }])
  const statuses = [(await ask(plane.port)).status, (await ask(plane.port)).status]
  expect(new Set(statuses)).toEqual(new Set([200, 502]))
})

test('a server that does not answer in time: another one is asked', async () => {
  const [mute, good] = [await silent(), await says(200)]
  const wish = { servers: [mute.port, good.port], timeouts: { serverResponse: ms(800) } }
  const plane = await start([{ ...wish, retry: retry({ timeout: true }) }])
  for (let i = 0; i < 4; i++) expect((await ask(plane.port)).status).toBe(200)
  expect(mute.seen.length).toBeGreaterThan(0)
  const without = await start([wish])
  const statuses = [(await ask(without.port)).status, (await ask(without.port)).status]
  expect(new Set(statuses)).toEqual(new Set([200, 504]))
})

test('a POST is tried again only where the configuration says that it may be, with its body', async () => {
  const [bad, good] = [await breaksOff(), await says(200)]
  const plane = await start([{ servers: [bad.port, good.port] }])
  const first = [await ask(plane.port, '/', { method: 'POST', body: 'x' })]
  first.push(await ask(plane.port, '/', { method: 'POST', body: 'x' }))
  expect(new Set(first.map(({ status }) => status))).toEqual(new Set([200, 502]))
  const willing = await start([{ servers: [bad.port, good.port], retry: retry({ methods: 'all' }) }])
  const body = 'y'.repeat(10_000)
  for (let i = 0; i < 4; i++) expect((await ask(willing.port, '/', { method: 'POST', body })).status).toBe(200)
  expect(good.seen.slice(1).every((seen) => seen.body === body)).toBe(true)
})

test('a body that came later is sent again as long as it fits the buffer', async () => {
  const bad = await breaksOff()
  const good = await says(200)
  const plane = await start([{ servers: [bad.port, good.port], retry: retry({ body: bytes(8000) }) }])
  const put = async (size: number) => {
    const body = Array.from({ length: size / 10 }, (_, i) => String(i).padStart(10, '0')).join('')
    const socket = connect(plane.port, '127.0.0.1')
    let text = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
    socket.write(`PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n`)
    for (let at = 0; at < size; at += 1000) {
      await sleep(10)
      socket.write(body.slice(at, at + 1000))
    }
    await new Promise((done) => socket.on('close', done))
    return { body, status: text.slice(9, 12) }
  }
  for (let i = 0; i < 2; i++) {
    const { body, status } = await put(5000)
    expect(status).toBe('200')
    expect(good.seen.at(-1)!.body).toBe(body)
  }
  expect([(await put(20_000)).status, (await put(20_000)).status].toSorted()).toEqual(['200', '502'])
})

test('one that breaks off on a request of its own takes one other with it at most', async () => {
  const servers = [await breaksOff(), await breaksOff(), await breaksOff(), await breaksOff()]
  const plane = await start([{ servers: servers.map(({ port }) => port) }])
  expect(await ask(plane.port)).toMatchObject({ status: 502, reason: 'server_closed' })
  expect(servers.reduce((sum, { seen }) => sum + seen.length, 0)).toBe(2)
})

test('a server alone that refuses is tried again after a pause, and may be back by then', async () => {
  const port = await closedPort()
  const plane = await start([{ servers: [port], retry: retry({ backoff: ms(400) }) }])
  const asked = ask(plane.port)
  await sleep(50)
  const back = await server((_, response) => response.end('back'), port)
  expect(await asked).toMatchObject({ status: 200, body: 'back' })
  expect(back.seen.length).toBe(1)
})

test('it gives up after so many tries', async () => {
  const plane = await start([{ servers: [await closedPort()], retries: 2, retry: retry({ backoff: ms(20) }) }])
  expect(await ask(plane.port)).toMatchObject({ status: 503, reason: 'connect_refused' })
  expect(plane.board.rows[0]!.counters.server.connects[0]).toBe(3)
})

test('retries stay within the budget', async () => {
  const [bad, good] = [await says(503), await says(200)]
  const plane = await start([{ servers: [bad.port, good.port], retry: retry({ statuses: [503], budget: 20 }) }])
  let seen503 = 0
  for (let i = 0; i < 100; i++) if ((await ask(plane.port)).status === 503) seen503++
  const { redispatches, retriesDenied } = plane.board.rows[0]!.counters.backend
  expect(seen503).toBe(retriesDenied[0])
  expect(redispatches[0]).toBeGreaterThanOrEqual(10)
  expect(redispatches[0]).toBeLessThanOrEqual(20)
})

test('the deadline of a request holds over the queue and all tries', async () => {
  const [a, b] = [await silent(), await silent()]
  const timeouts = { serverResponse: ms(1000), request: ms(1600) }
  const plane = await start([{ servers: [a.port, b.port], timeouts, retry: retry({ timeout: true }) }])
  const since = Date.now()
  expect(await ask(plane.port)).toMatchObject({ status: 504, reason: 'request_deadline' })
  expect(Date.now() - since).toBeGreaterThan(1500)
  expect(a.seen.length + b.seen.length).toBe(2)
})

test('while the circuit breaker is open nothing reaches the servers; half-open, so many do', async () => {
  const good = await says(200)
  const breaker = {
    errorRatio: 50,
    minRequests: 20,
    window: ms(1000),
    open: ms(1000),
    trials: 2,
    fallback: -1,
    answer: null,
  }
  const plane = await start([{ servers: [good.port], breaker }])
  const { breaker: state, trials } = plane.board.shared.backend
  state[0] = BREAKER_OPEN
  expect(await ask(plane.port)).toMatchObject({ status: 503, reason: 'circuit_open' })
  expect(good.seen.length).toBe(0)
  state[0] = BREAKER_HALF_OPEN
  trials[0] = 0
  const statuses = []
  for (let i = 0; i < 4; i++) statuses.push((await ask(plane.port)).status)
  expect(statuses).toEqual([200, 200, 503, 503])
  const { failures, requests } = plane.board.rows[0]!.counters.backend
  expect([failures[0], requests[0]]).toEqual([0, 2])
})

test('an open circuit breaker may have an answer of the operator, or another backend', async () => {
  const [own, other] = [await says(200, 'own'), await says(200, 'other')]
  const rule = { errorRatio: 50, minRequests: 20, window: ms(1000), open: ms(1000), trials: 2 }
  const answer = { status: 200, contentType: 'text/html', body: '<h1>Back soon</h1>' }
  const told = await start([{ servers: [own.port], breaker: { ...rule, fallback: -1, answer } }])
  told.board.shared.backend.breaker[0] = BREAKER_OPEN
  expect(await ask(told.port)).toEqual({ status: 200, reason: 'circuit_open', body: answer.body })
  const backends = [
    { servers: [own.port], breaker: { ...rule, fallback: 1, answer: null } },
    { name: 'other', servers: [other.port] },
  ]
  const moved = await start(backends)
  moved.board.shared.backend.breaker[0] = BREAKER_OPEN
  expect(await ask(moved.port)).toMatchObject({ status: 200, body: 'other' })
})
