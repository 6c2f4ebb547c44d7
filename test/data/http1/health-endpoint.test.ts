// The health endpoint: what it says to the checks of a tier above, before any rule, and that nobody counts it.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { HealthEndpointSpec } from '../../../src/messages/snapshot.ts'
import { ADMIN_DRAIN, ADMIN_READY, HEALTH_CHECKING, HEALTH_DOWN, HEALTH_UP } from '../../../src/model/states.ts'
import { ms } from '../../../src/model/units.ts'
import { total } from '../../../src/scoreboard/scoreboard.ts'
import type { FrontendWish, TestPlane, Wish } from '../../support/data-plane.ts'
import { answering, dial, eventually, fetchOnce, get, startPlane, startServer } from '../../support/peers.ts'
import { folder } from '../../support/programs.ts'
import { openFrontend } from '../../support/specs.ts'

const health: HealthEndpointSpec = { path: '/healthz', failWhen: [{ backend: 0, fewerThan: 1 }], counted: false }

async function planeFor(more: FrontendWish = {}, wish: Partial<Wish> = {}): Promise<TestPlane> {
  const { port } = await startServer(answering('from a server'))
  return startPlane({ frontends: [{ health, ...more }], backends: [{ servers: [port, port, port] }], ...wish })
}
const ask = async (plane: TestPlane, path = '/healthz', ...lines: string[]): Promise<string> =>
  (await fetchOnce(plane.port, get(path, 'Connection: close', ...lines))).text
const statusOf = (text: string): number => Number(/^HTTP\/1\.1 (\d+) /.exec(text)?.[1])
const requests = ({ board }: TestPlane): number => total(board, (row) => row.counters.frontend.requests, 0)

test('a Weir that takes traffic says so, and that the answer is not to be kept', async () => {
  const text = await ask(await planeFor())
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok\n$/)
  expect(text).toMatch(/\r\nCache-Control: no-store\r\n/)
  expect(text).toMatch(/\r\nContent-Type: text\/plain; charset=utf-8\r\n/)
})

test('it is that path alone, by GET and HEAD, with any query; all else goes to the servers', async () => {
  const plane = await planeFor()
  for (const path of ['/healthz?', '/healthz?a=/b', 'http://other.test/healthz', '/healthz/live', '/healthz/live?x'])
    expect(await ask(plane, path)).toMatch(/\r\n\r\nok\n$/)
  for (const path of [
    '/',
    '/healthz/',
    '/healthz/live/',
    '/HEALTHZ',
    '/healthzz',
    '/health%7a',
    '/x/healthz',
    '/?/healthz',
  ])
    expect(await ask(plane, path)).toMatch(/from a server$/)
  const post = get('/healthz', 'Connection: close').replace('GET', 'POST')
  expect((await fetchOnce(plane.port, post)).text).toMatch(/from a server$/)
  const { text } = await fetchOnce(plane.port, get('/healthz', 'Connection: close').replace('GET', 'HEAD'))
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Content-Length: 3\r\n[^]*\r\n\r\n$/)
})

test('not ready while a backend has too few servers that are up and ready; alive all the same', async () => {
  const failWhen = [{ backend: 0, fewerThan: 2 }]
  const plane = await planeFor({ health: { ...health, failWhen } })
  const ready = async () => statusOf(await ask(plane))
  expect(await ready()).toBe(200)
  plane.set(0, 'health', HEALTH_DOWN)
  expect(await ready()).toBe(200)
  plane.set(1, 'admin', ADMIN_DRAIN)
  const text = await ask(plane)
  expect(text).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n[^]*\r\n\r\nbackend app: 1 of 3 up, needs 2\n$/)
  expect(statusOf(await ask(plane, '/healthz/live'))).toBe(200)
  plane.set(1, 'admin', ADMIN_READY)
  expect(await ready()).toBe(200)
  plane.set(1, 'health', HEALTH_CHECKING)
  expect(await ready()).toBe(503)
  plane.set(0, 'health', HEALTH_UP)
  expect(await ready()).toBe(200)
})

test('every reason is told, a line each', async () => {
  const failWhen = [
    { backend: 0, fewerThan: 4 },
    { backend: 1, fewerThan: 1 },
    { backend: 2, fewerThan: 1 },
  ]
  const backends = [{ servers: [1] }, { servers: [2] }, { servers: [3] }]
  const plane = await startPlane({ frontends: [{ health: { ...health, failWhen } }], backends })
  plane.set(2, 'health', HEALTH_DOWN)
  Atomics.store(plane.board.shared.process.draining, 0, 1)
  expect((await ask(plane)).split('\r\n\r\n')[1]).toBe(
    'shutting down\nbackend app: 1 of 1 up, needs 4\nbackend app2: 0 of 1 up, needs 1\n',
  )
})

test('a stop that has been announced fails it, while requests and connections go on', async () => {
  const plane = await planeFor()
  Atomics.store(plane.board.shared.process.draining, 0, 1)
  const client = await dial(plane.port)
  await client.write(get('/healthz')).until('shutting down\n')
  expect(client.text).not.toMatch(/Connection: close/)
  await client.forget().write(get('/')).until('from a server')
  await client.forget().write(get('/healthz/live')).until('ok\n')
})

test('over HTTP/1.0, without Host, and on a unix socket', async () => {
  const path = `${folder()}/health.sock`
  const plane = await planeFor({ binds: [{}, { host: null, path }] })
  for (const where of [plane.port, { path }]) {
    const client = await dial(where)
    const { text } = await client.write('GET /healthz HTTP/1.0\r\n\r\n').over()
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\nConnection: close\r\n\r\nok\n$/)
  }
})

test('before all rules: methods, rates, routes, the state of the process', async () => {
  const plane = await planeFor({
    clients: { ...openFrontend.clients, requestRate: { perSecond: 0.01, burst: 1 } },
    requests: { methods: ['PUT'], normalizePath: null, neverShed: [] },
    backend: -1,
  })
  for (let i = 0; i < 5; i++) expect(statusOf(await ask(plane))).toBe(200)
  expect(statusOf(await ask(plane, '/'))).toBe(405)
})

test('requests before and behind it on one connection, in one write and in pieces', async () => {
  const plane = await planeFor()
  const all = `${get('/')}${get('/healthz')}${get('/healthz')}${get('/')}${get('/healthz/live', 'Connection: close')}`
  for (const size of [all.length, 50, 7]) {
    const client = await dial(plane.port)
    for (const piece of all.match(new RegExp(`[^]{1,${size}}`, 'g'))!) {
      client.write(piece)
      await new Promise(setImmediate)
    }
    await client.over()
    expect(client.text.match(/from a server|ok\n/g)).toEqual(['from a server', 'ok\n', 'ok\n', 'from a server', 'ok\n'])
  }
})

test('a body that comes with it is not taken for a request', async () => {
  const plane = await planeFor()
  const client = await dial(plane.port)
  client.write(`GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: ${get('/').length}\r\n\r\n${get('/')}`)
  await client.over()
  expect(client.text.match(/HTTP\/1\.1 /g)).toHaveLength(1)
  expect(client.text).toMatch(/Connection: close\r\n\r\nok\n$/)
})

test('it is neither counted nor logged unless that is wanted; its connections are', async () => {
  const target = `${folder()}/access.log`
  const snapshot = { accessLog: { format: 'json', target } } as const
  const silent = await planeFor({}, { snapshot })
  await ask(silent)
  await ask(silent, '/')
  expect(requests(silent)).toBe(1)
  expect(total(silent.board, (row) => row.counters.frontend.connects, 0)).toBe(2)
  const lines = (): unknown[] =>
    readFileSync(target, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as unknown)
  await eventually('logged', () => lines().length > 0)
  expect(lines()).toMatchObject([{ path: '/' }])

  const counted = await planeFor({ health: { ...health, counted: true } }, { snapshot })
  await ask(counted, '/healthz?x')
  counted.set(0, 'health', HEALTH_DOWN)
  counted.set(1, 'health', HEALTH_DOWN)
  counted.set(2, 'health', HEALTH_DOWN)
  await ask(counted)
  expect(requests(counted)).toBe(2)
  expect(total(counted.board, (row) => row.counters.frontend.status5xx, 0)).toBe(1)
  await eventually('logged', () => lines().length === 3)
  expect(lines().slice(1)).toMatchObject([
    { client: '127.0.0.1', method: 'GET', path: '/healthz?x', status: 200, backend: '', server: '', reason: '-' },
    { path: '/healthz', status: 503, protocol: 'HTTP/1.1', reason: '-' },
  ])
})

test('while the worker drains, the answer is the last of its connection', async () => {
  const plane = await planeFor({ timeouts: { keepAlive: ms(60_000) } })
  const client = await dial(plane.port)
  await client.write(get('/healthz')).until('ok\n')
  const closed = plane.close()
  await client.forget().write(get('/healthz')).over()
  expect(client.text).toMatch(/\r\nConnection: close\r\n\r\nok\n$/)
  await closed
})
