// What is asked and done over the control socket, as any HTTP client would: paths, bodies, answers, and who is said to have
// done it. What the actions do is test/control/runtime.
import { request } from 'node:http'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openControlSocket } from '../../../src/control/admin/control-socket.ts'
import type { Runtime } from '../../../src/control/runtime/runtime.ts'
import { folder } from '../../support/programs.ts'
import { fakeReloader, fakeRuntime, goodOutcome } from '../runtime/fake.ts'
import { startStage, twoServers } from '../runtime/fixtures.ts'

interface Reply {
  readonly status: number
  readonly value: Record<string, unknown>
}

type Ask = (line: string, body?: unknown, headers?: Record<string, string>) => Promise<Reply>

async function open(runtime: Runtime): Promise<Ask> {
  const path = join(folder(), 'weir.sock')
  const socket = await openControlSocket(path, runtime)
  onTestFinished(() => socket.close())
  return (line, body, headers = {}) => {
    const [method, where] = line.split(' ')
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath: path, method: method!, path: where!, headers }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.on('end', () => {
          const status = response.statusCode!
          const isJson = response.headers['content-type'] === 'application/json'
          resolve({ status, value: (isJson ? JSON.parse(text) : { text }) as Record<string, unknown> })
        })
      })
      asked.on('error', reject).end(typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body))
    })
  }
}

test('a server is drained, weighed, limited, added and removed, and each answer says how it is now', async () => {
  const ask = await open(startStage(twoServers).runtime)
  expect(await ask('POST /v1/servers/app/s1/drain')).toMatchObject({
    status: 200,
    value: { backend: 'app', server: 's1', admin: 'drain', weight: 1, inflight: 0, sessions: null, empty: true },
  })
  expect(await ask('POST /v1/servers/app/s2/weight', { weight: '30%' })).toMatchObject({ value: { weight: 3 } })
  expect(await ask('POST /v1/servers/app/s2/max_connections', { max_connections: 5 })).toMatchObject({
    value: { maxConnections: 5, weight: 3 },
  })
  expect(await ask('POST /v1/servers/app/s3/add', { address: '10.0.0.3:80', weight: 2 })).toMatchObject({ status: 200 })
  expect(await ask('GET /v1/servers/app/s3')).toMatchObject({ value: { weight: 2, admin: 'ready' } })
  expect(await ask('POST /v1/servers/app/s3/remove', { wait: '0s' })).toMatchObject({ value: { empty: true } })
  expect((await ask('GET /v1/servers/app/s3')).status).toBe(404)
  const drift = await ask('GET /v1/drift')
  expect(drift.value.overrides).toMatchObject([{ target: 'app/s1' }, { target: 'app/s2' }, { target: 'app/s2' }])
  expect(await ask('POST /v1/drift/clear', { target: 'app/s2' })).toMatchObject({ status: 200 })
  expect((await ask('GET /v1/drift')).value.overrides).toHaveLength(1)
})

test('names are percent-encoded in paths, so that an address is a name too', async () => {
  const ask = await open(startStage(twoServers).runtime)
  const where = `/v1/servers/app/${encodeURIComponent('[2001:db8::1]:80')}`
  expect(await ask(`POST ${where}/add`, { address: '[2001:db8::1]:80' })).toMatchObject({ status: 200 })
  expect(await ask(`POST ${where}/drain`)).toMatchObject({ value: { server: '[2001:db8::1]:80', admin: 'drain' } })
  expect((await ask('POST /v1/servers/app/%zz/drain')).status).toBe(400)
})

test('what cannot be done is said with what was expected and the nearest name', async () => {
  const ask = await open(startStage(twoServers).runtime)
  expect(await ask('POST /v1/servers/ap/s1/drain')).toEqual({
    status: 404,
    value: { error: 'there is no backend ap', expected: 'app', nearest: 'app' },
  })
  expect(await ask('POST /v1/frontends/wbe/pause')).toMatchObject({ status: 404, value: { nearest: 'web' } })
  expect(await ask('POST /v1/servers/app/s1/weight', { weight: -1 })).toMatchObject({ status: 422 })
  expect(await ask('POST /v1/servers/app/s1/drain', { wait: 'long' })).toMatchObject({ status: 422 })
  expect(await ask('POST /v1/connections/kill', {})).toMatchObject({ status: 422 })
  expect(await ask('POST /v1/connections/kill', { colour: 'red' })).toMatchObject({ status: 422 })
  expect(await ask('POST /v1/servers/app/s1/check')).toMatchObject({ status: 501 })
  expect(await ask('POST /v1/workers/recycle')).toMatchObject({ status: 501 })
  expect(await ask('POST /v1/servers/app/s1/weight', '{')).toMatchObject({ status: 400 })
  expect(await ask('POST /v1/servers/app/s1/weight', '[]')).toMatchObject({ status: 400 })
  expect(await ask('POST /v1/servers/app/s1/weight', JSON.stringify('x'.repeat(70_000)))).toMatchObject({ status: 413 })
  expect(await ask('GET /v1/servers/app/s1/weight')).toMatchObject({ status: 405 })
})

test('who asks is in the log and in the journal, cleaned of what could fool a reader', async () => {
  const stage = startStage(twoServers)
  const ask = await open(stage.runtime)
  const headers = { 'weir-client': 'user=anna uid=1000 pid=12 tty=pts/3 colour=red' }
  await ask('POST /v1/servers/app/s1/drain', {}, headers)
  await ask('POST /v1/servers/app/s2/drain', {}, { 'weir-client': 'user=eve"\\;ready' })
  await ask('POST /v1/frontends/web/pause')
  expect(stage.lines.filter(({ by }) => by !== undefined)).toMatchObject([
    { by: 'anna (uid 1000, pid 12, pts/3)', at: 'control socket' },
    { by: 'eveready' },
    { by: 'somebody at the control socket' },
  ])
  expect(stage.runtime.journal.overrides[0]!.by).toBe('anna (uid 1000, pid 12, pts/3)')
})

test('the reloader is asked with a path and a time to confirm, and what is bad is 422', async () => {
  const asked: unknown[] = []
  const bad = { ...goodOutcome, ok: false, problems: 'weir.yaml:1:1: BAD\n' }
  const reloader = fakeReloader({
    reload: async (who) => (asked.push(['reload', who]), bad),
    plan: async (path) => (asked.push(['plan', path]), goodOutcome),
    apply: async (path, confirm) => (asked.push(['apply', path, confirm]), goodOutcome),
    confirm: () => asked.length > 4,
  })
  const ask = await open(fakeRuntime({ reloader }))
  expect(await ask('POST /v1/reload')).toEqual({ status: 422, value: bad })
  expect(await ask('POST /v1/plan', { path: '/a.yaml' })).toEqual({ status: 200, value: goodOutcome })
  expect(await ask('POST /v1/confirm')).toMatchObject({ status: 409 })
  await ask('POST /v1/apply', { path: '/b.yaml', confirm: '60s' })
  await ask('POST /v1/apply', { path: '/b.yaml' })
  expect((await ask('POST /v1/plan', { path: 'a.yaml' })).status).toBe(422)
  expect((await ask('POST /v1/apply', { path: '/b.yaml', confirm: -1 })).status).toBe(422)
  await ask('POST /v1/reload')
  expect(await ask('POST /v1/confirm')).toMatchObject({ status: 200, value: { confirmed: true } })
  expect(asked.slice(0, 4)).toEqual([
    ['reload', 'somebody at the control socket'],
    ['plan', '/a.yaml'],
    ['apply', '/b.yaml', 60_000],
    ['apply', '/b.yaml', null],
  ])
})

test('counters that are cleared begin at 0 in the status, and go on for metrics', async () => {
  const stage = startStage(twoServers)
  const { counters, tables } = stage.runtime.view.board.rows[0]!
  const ask = await open(stage.runtime)
  counters.server.requests[0] = 5
  counters.frontend.requests[0] = 5
  tables.frontend.reasons[0] = 3
  expect((await ask('GET /v1/errors')).value.counts).toMatchObject([{ frontend: 'web', count: 3 }])
  expect((await ask('GET /v1/status')).value).toMatchObject({ countersSince: null, frontends: [{ requests: 5 }] })
  await ask('POST /v1/counters/clear')
  counters.server.requests[0] += 2
  counters.frontend.requests[0] += 2
  expect((await ask('GET /v1/status')).value).toMatchObject({
    countersSince: expect.stringMatching(/^20/),
    frontends: [{ requests: 2 }],
    backends: [{ servers: [{ requests: 2 }, { requests: 0 }] }],
  })
  expect((await ask('GET /v1/errors')).value.counts).toEqual([])
  expect(counters.server.requests[0]).toBe(7)
})

test('the configuration is shown without its secrets', async () => {
  const key = '-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n'
  const config = {
    frontends: [{ name: 'web', binds: [{ tls: { certificates: [{ cert: 'PEM', key, names: ['a.example'] }] } }] }],
    backends: [{ name: 'app', persistence: { cookie: { name: 'S', key: new Uint8Array(32) } }, balance: { key: [] } }],
  }
  const ask = await open(fakeRuntime({ reloader: fakeReloader({ config: config as never }) }))
  expect((await ask('GET /v1/config')).value).toEqual({
    frontends: [
      { name: 'web', binds: [{ tls: { certificates: [{ cert: 'PEM', key: '(not shown)', names: ['a.example'] }] } }] },
    ],
    backends: [{ name: 'app', persistence: { cookie: { name: 'S', key: '(not shown)' } }, balance: { key: [] } }],
  })
})

test('connections are asked for by slot and network, and shown by name', async () => {
  const asked: unknown[] = []
  const one = {
    frontend: 'web',
    address: '192.0.2.7',
    port: 5,
    tls: false,
    state: 'busy',
    server: 1,
    worker: 0,
  } as const
  const connections = async (match: unknown, close: boolean) => {
    asked.push([match, close])
    return { found: 1, list: close ? [] : [one] }
  }
  const ask = await open(startStage(twoServers, { operator: { connections } }).runtime)
  expect((await ask('GET /v1/connections?frontend=web&server=app/s2')).value).toEqual({
    found: 1,
    connections: [{ ...one, server: 'app/s2' }],
  })
  expect((await ask('POST /v1/connections/kill', { from: '192.0.2.0/24' })).value).toEqual({ closed: 1 })
  expect((await ask('POST /v1/connections/kill', { from: '192.0.2.7/24' })).value).toMatchObject({
    nearest: '192.0.2.0/24',
  })
  expect(asked).toEqual([
    [{ frontend: 0, server: 1, networks: null }, false],
    [{ frontend: null, server: null, networks: ['192.0.2.0/24'] }, true],
  ])
})
