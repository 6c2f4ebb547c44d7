// The control socket and the admin bind over real sockets, with a view of a Weir that is not there.
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openAdminBind } from '../../../src/control/admin/admin-bind.ts'
import { openControlSocket } from '../../../src/control/admin/control-socket.ts'
import type { Status } from '../../../src/control/admin/status.ts'
import { ADMIN_DRAIN, HEALTH_UP } from '../../../src/model/states.ts'
import type { WorkerStatus } from '../../../src/control/workers-types.ts'
import { fakeView } from '../fixtures.ts'
import { fakeRuntime } from '../runtime/fake.ts'

const socketPath = (): string => join(mkdtempSync(join(tmpdir(), 'weir-test-')), 'weir.sock')

interface Answer {
  readonly status: number
  readonly type: string | undefined
  readonly body: string
}

function ask(where: { socketPath: string } | { port: number }, path: string, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', ...where, path, method }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
      response.on('end', () => resolve({ status: response.statusCode!, type: response.headers['content-type'], body }))
    })
    asked.on('error', reject).end()
  })
}

test('the control socket tells the whole state, and only its owner may ask', async () => {
  const view = fakeView()
  const { shared, rows } = view.board
  Atomics.store(shared.server.health, 0, HEALTH_UP)
  Atomics.store(shared.server.admin, 1, ADMIN_DRAIN)
  Atomics.store(shared.server.inflight, 0, 2)
  rows[0]!.counters.server.requests[0] = 5
  rows[1]!.counters.server.requests[0] = 7
  rows[1]!.counters.server.connectErrors[0] = 1
  rows[1]!.counters.server.responseErrors[0] = 2
  const path = socketPath()
  const socket = await openControlSocket(path, fakeRuntime({ view }))
  try {
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const { status, type, body } = await ask({ socketPath: path }, '/v1/status')
    expect([status, type]).toEqual([200, 'application/json'])
    const answer = JSON.parse(body) as Status
    expect(answer).toMatchObject({
      version: '1.2.3',
      pid: process.pid,
      ready: true,
      draining: false,
      maxConnections: 5000,
    })
    expect(answer.uptime).toBeGreaterThanOrEqual(65)
    expect(answer.workers).toHaveLength(2)
    expect(answer.frontends).toEqual([
      expect.objectContaining({
        name: 'web',
        binds: [{ id: 'web/127.0.0.1:0', address: '127.0.0.1:8080', tls: false }],
      }),
    ])
    expect(answer.backends[0]).toMatchObject({ name: 'app', balance: 'roundrobin', serversUp: 1 })
    expect(answer.backends[0]!.servers).toEqual([
      expect.objectContaining({
        name: 's1',
        address: '10.0.0.1:80',
        state: 'up',
        admin: 'ready',
        inflight: 2,
        requests: 12,
        errors: 3,
      }),
      expect.objectContaining({
        name: 's2',
        state: 'checking',
        admin: 'drain',
        weight: 3,
        ramp: 100,
        latency: null,
        failing: 0,
        lastResult: 'status 200',
        lastDuration: 1.3,
      }),
    ])
    expect(answer.backends[0]!.servers[0]!.since).toBe('2023-11-14T22:13:20.000Z')
  } finally {
    await socket.close()
  }
  expect(existsSync(path)).toBe(false)
})

test('a worker can be killed by its number, and only by POST', async () => {
  const killed: number[] = []
  const kill = (worker: number): boolean => (killed.push(worker), worker < 2)
  const path = socketPath()
  const socket = await openControlSocket(path, fakeRuntime({ kill }))
  try {
    const at = { socketPath: path }
    expect((await ask(at, '/v1/workers/1/kill', 'POST')).status).toBe(202)
    expect((await ask(at, '/v1/workers/2/kill', 'POST')).status).toBe(404)
    expect((await ask(at, '/v1/workers/1/kill')).status).toBe(405)
    expect((await ask(at, '/v1/workers/-1/kill', 'POST')).status).toBe(404)
    expect((await ask(at, '/v2/status')).status).toBe(404)
    expect(killed).toEqual([1, 2])
  } finally {
    await socket.close()
  }
})

test('a socket that a killed process left behind is taken over', async () => {
  const path = socketPath()
  const left = createServer().listen(path)
  await once(left, 'listening')
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  left.close()
  await once(left, 'close')
  const { spawn } = await import('node:child_process')
  await once(spawn(process.execPath, ['-e', script]), 'exit')
  expect(existsSync(path)).toBe(true)
  const socket = await openControlSocket(path, fakeRuntime())
  expect((await ask({ socketPath: path }, '/v1/status')).status).toBe(200)
  await socket.close()
})

test('a socket that is in use, and a file that is none, are left alone', async () => {
  const path = socketPath()
  const first = await openControlSocket(path, fakeRuntime())
  await expect(openControlSocket(path, fakeRuntime())).rejects.toThrow(/in use by another process/)
  expect((await ask({ socketPath: path }, '/v1/status')).status).toBe(200)
  await first.close()
  writeFileSync(path, 'precious')
  await expect(openControlSocket(path, fakeRuntime())).rejects.toThrow(/is not a socket/)
  expect(readFileSync(path, 'utf8')).toBe('precious')
})

test('the admin bind serves metrics and both probes', async () => {
  const workers: WorkerStatus[] = [0, 1].map((worker) => ({ worker, state: 'starting', since: 0, restarts: 0 }))
  const view = fakeView({ workers: () => workers })
  const admin = await openAdminBind({ host: '127.0.0.1', port: 0 }, view)
  try {
    const get = (path: string, method?: string) => ask({ port: admin.port }, path, method)
    expect(await get('/livez')).toMatchObject({ status: 200, body: 'alive\n' })
    expect(await get('/readyz')).toMatchObject({ status: 503, body: '0 of 2 workers listening\n' })
    workers.forEach((worker, i) => (workers[i] = { ...worker, state: 'listening' }))
    expect(await get('/readyz?verbose')).toMatchObject({ status: 200, body: 'ready\n' })
    Atomics.store(view.board.shared.process.draining, 0, 1)
    expect(await get('/readyz')).toMatchObject({ status: 503, body: 'draining\n' })
    expect((await get('/livez')).status).toBe(200)
    const metrics = await get('/metrics')
    expect(metrics).toMatchObject({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8' })
    expect(metrics.body).toContain('weir_draining 1')
    expect(await get('/metrics', 'HEAD')).toMatchObject({ status: 200, body: '' })
    expect((await get('/metrics', 'POST')).status).toBe(405)
    expect((await get('/v1/status')).status).toBe(404)
    expect((await get('/v1/workers/0/kill', 'POST')).status).toBe(404)
  } finally {
    await admin.close()
  }
})

test('an admin port that is taken is an error with words', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  await expect(openAdminBind({ host: '127.0.0.1', port }, fakeView())).rejects.toThrow(
    `cannot listen on 127.0.0.1:${port} (global.admin): the port is taken by another process (EADDRINUSE)`,
  )
  taken.close()
})

test('closing ends connections that nobody uses', async () => {
  const admin = await openAdminBind({ host: '127.0.0.1', port: 0 }, fakeView())
  const idle = connect(admin.port, '127.0.0.1')
  await once(idle, 'connect')
  const ended = once(idle, 'close')
  idle.resume()
  await admin.close()
  await ended
})
