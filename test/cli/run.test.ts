// `weir run` as a process of its own, with real workers: it starts, serves, survives the death of a worker, and stops.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { Agent, request, type IncomingMessage, type RequestOptions } from 'node:http'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Status } from '../../src/control/admin/status.ts'
import { httpServer, until } from '../control/health/fixtures.ts'

const main = new URL('../../src/main.ts', import.meta.url).pathname

type Line = Record<string, unknown> & { readonly message: string; readonly level: string }

class Process implements AsyncDisposable {
  readonly lines: Line[] = []
  readonly ended: Promise<number>
  err = ''
  code: number | null = null
  readonly #child

  constructor(...args: string[]) {
    this.#child = spawn(process.execPath, [main, 'run', ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#child.stderr.setEncoding('utf8').on('data', (chunk: string) => (this.err += chunk))
    this.ended = once(this.#child, 'close').then(([code]) => (this.code = code as number))
  }

  /** What is written so far, line by line; lines that are not JSON are left out. */
  get log(): Line[] {
    const lines = this.err.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'))
    return lines.map((line) => JSON.parse(line) as Line)
  }

  has(part: string): boolean {
    return this.log.some(({ message }) => message.includes(part))
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  async ready(): Promise<number> {
    await until(() => this.has('is ready') || this.code !== null, this.err)
    expect(this.code, this.err).toBeNull()
    return this.log.find(({ message }) => message.startsWith('listening on'))!.port as number
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.ended
  }
}

const folder = (): string => mkdtempSync(join(tmpdir(), 'weir-test-'))

function write(port: number, more: Record<string, unknown> = {}): { file: string; socket: string } {
  const socket = join(folder(), 'weir.sock')
  const file = join(folder(), 'weir.yaml')
  const config = {
    global: {
      workers: 2,
      admin: '127.0.0.1:0',
      control_socket: socket,
      shutdown_timeout: '20s',
      overload: { loop_delay: '0s' },
      ...more,
    },
    frontends: { web: { bind: '127.0.0.1:0', backend: 'app' } },
    backends: { app: { servers: [`127.0.0.1:${port}`], health_check: { interval: '100ms' } } },
  }
  writeFileSync(file, JSON.stringify(config))
  return { file, socket }
}

interface Reply {
  readonly status: number
  readonly body: string
}

function ask(options: RequestOptions): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const asked = request(options, (response: IncomingMessage) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
      response.on('end', () => resolve({ status: response.statusCode!, body })).on('error', reject)
    })
    asked.on('error', reject).end()
  })
}

const get = (port: number, path = '/', agent?: Agent): Promise<Reply> =>
  ask({ host: '127.0.0.1', port, path, agent: agent ?? false })
const statusOf = async (socketPath: string): Promise<Status> =>
  JSON.parse((await ask({ socketPath, path: '/v1/status' })).body) as Status

test('it starts by a file, serves, shows its state, and stops with 0', async () => {
  await using server = await httpServer((_, response) => response.end('hello'))
  const { file, socket } = write(server.port)
  await using weir = new Process('-f', file)
  const port = await weir.ready()
  await until(async () => (await statusOf(socket)).backends[0]!.servers[0]!.state === 'up')
  expect(await get(port)).toEqual({ status: 200, body: 'hello' })
  const status = await statusOf(socket)
  expect(status).toMatchObject({ ready: true, frontends: [{ name: 'web', binds: [{ address: `127.0.0.1:${port}` }] }] })
  expect(status.backends[0]!.servers[0]).toMatchObject({ state: 'up', lastResult: 'connected' })
  const admin = weir.log.find(({ message }) => message.startsWith('admin on'))!.port as number
  expect((await get(admin, '/readyz')).status).toBe(200)
  await until(async () =>
    (await get(admin, '/metrics')).body.includes(
      'weir_server_requests_total{backend="app",server="127.0.0.1:' + server.port + '"} 1',
    ),
  )
  weir.signal('SIGTERM')
  expect(await weir.ended).toBe(0)
  expect(weir.err.split('\n').filter((line) => line !== '' && !line.startsWith('{'))).toEqual([])
  expect(weir.log.at(-1)!.message).toBe('stopped')
  expect(existsSync(socket)).toBe(false)
})

test('a killed worker is replaced, and connections of the other one live on', async () => {
  await using server = await httpServer((_, response) => response.end('hello'))
  const { file, socket } = write(server.port)
  await using weir = new Process('-f', file)
  const port = await weir.ready()
  await until(async () => (await statusOf(socket)).backends[0]!.servers[0]!.state === 'up')
  const agents = Array.from({ length: 24 }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
  const all = (): Promise<PromiseSettledResult<Reply>[]> =>
    Promise.allSettled(agents.map((agent) => get(port, '/', agent)))
  const sockets = (): unknown[] => agents.map((agent) => Object.values(agent.freeSockets)[0]?.[0])
  expect((await all()).every(({ status }) => status === 'fulfilled')).toBe(true)
  const before = sockets()
  expect((await ask({ socketPath: socket, path: '/v1/workers/1/kill', method: 'POST' })).status).toBe(202)
  await until(async () => (await statusOf(socket)).workers[1]!.restarts === 1 && (await statusOf(socket)).ready)
  expect(weir.log.find(({ worker, level }) => worker === 1 && level === 'error')).toMatchObject({ delay: 0 })
  await all()
  const kept = sockets().filter((each, i) => each !== undefined && each === before[i]).length
  expect(kept).toBeGreaterThan(0) // the kernel spreads 24 connections over both workers, save once in millions
  expect(kept).toBeLessThan(24)
  expect((await all()).every((reply) => reply.status === 'fulfilled' && reply.value.status === 200)).toBe(true)
  for (const agent of agents) agent.destroy()
  await until(async () => (await statusOf(socket)).connections === 0)
})

test('a stop lets a request finish, and tells it is going', async () => {
  const finish = Promise.withResolvers<void>()
  await using server = await httpServer((_, response) => void finish.promise.then(() => response.end('late')))
  const { file, socket } = write(server.port)
  await using weir = new Process('-f', file)
  const port = await weir.ready()
  const reply = get(port)
  await until(async () => (await statusOf(socket)).backends[0]!.servers[0]!.inflight === 1)
  const admin = weir.log.find(({ message }) => message.startsWith('admin on'))!.port as number
  weir.signal('SIGTERM')
  await until(() => weir.has('stopping: waiting'))
  expect(await get(admin, '/readyz')).toEqual({ status: 503, body: 'draining\n' })
  expect(weir.code).toBeNull()
  finish.resolve()
  expect(await reply).toEqual({ status: 200, body: 'late' })
  expect(await weir.ended).toBe(0)
})

test('what has not finished at the shutdown timeout is cut off', async () => {
  await using server = await httpServer(() => {})
  const { file, socket } = write(server.port, { shutdown_timeout: '300ms' })
  await using weir = new Process('-f', file)
  const port = await weir.ready()
  const reply = get(port).catch(() => null)
  await until(async () => (await statusOf(socket)).backends[0]!.servers[0]!.inflight === 1)
  weir.signal('SIGINT')
  expect(await weir.ended).toBe(0)
  expect((await reply)?.status).not.toBe(200)
})

test('a second signal ends at once', async () => {
  await using server = await httpServer(() => {})
  const { file, socket } = write(server.port)
  await using weir = new Process('-f', file)
  const port = await weir.ready()
  const reply = get(port).catch(() => null)
  await until(async () => (await statusOf(socket)).backends[0]!.servers[0]!.inflight === 1)
  weir.signal('SIGTERM')
  await until(() => weir.has('stopping: waiting'))
  weir.signal('SIGTERM')
  expect(await weir.ended).toBe(143)
  expect(weir.has('ending at once')).toBe(true)
  await reply
})

test('SIGHUP and SIGUSR1 do not end it', async () => {
  const { file, socket } = write(1)
  await using weir = new Process('-f', file)
  await weir.ready()
  weir.signal('SIGHUP')
  await until(() => weir.has('SIGHUP'))
  weir.signal('SIGUSR1')
  await until(() => weir.has('SIGUSR1'))
  expect((await statusOf(socket)).ready).toBe(true)
  expect(weir.err).not.toContain('Debugger')
})

test('options stand in for a file', async () => {
  await using server = await httpServer((_, response) => response.end('hello'))
  const file = write(server.port).file
  await using clash = new Process('-f', file, '--listen', ':0')
  expect(await clash.ended).toBe(2)
  await using nothing = new Process()
  expect(await nothing.ended).toBe(2)
  expect(nothing.err).toContain('name a configuration file, or say --listen and --to')
})

test('a taken port is told before anything runs, with exit code 1', async () => {
  const taken = createTcpServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const file = join(folder(), 'weir.yaml')
  const config = {
    global: { admin: `127.0.0.1:${port}`, control_socket: 'off' },
    frontends: { web: { bind: `127.0.0.1:${port}`, backend: 'app' } },
    backends: { app: { servers: ['127.0.0.1:1'] } },
  }
  writeFileSync(file, JSON.stringify({ ...config, global: { ...config.global, admin: 'off' } }))
  await using weir = new Process(file)
  expect(await weir.ended).toBe(1)
  expect(weir.log.filter(({ level }) => level === 'fatal').map(({ message }) => message)).toEqual([
    `cannot listen on 127.0.0.1:${port} (frontend web): the port is taken by another process (EADDRINUSE)`,
  ])
  writeFileSync(file, JSON.stringify({ ...config, frontends: { web: { bind: '127.0.0.1:0', backend: 'app' } } }))
  await using other = new Process(file)
  expect(await other.ended).toBe(1)
  expect(other.log.at(-2)).toMatchObject({
    level: 'fatal',
    message: `cannot listen on 127.0.0.1:${port} (global.admin): the port is taken by another process (EADDRINUSE)`,
  })
  expect(other.has('is down')).toBe(false)
  taken.close()
})

test('an invalid configuration is told with its places, with exit code 1', async () => {
  const file = join(folder(), 'weir.yaml')
  writeFileSync(
    file,
    'frontends:\n  web: {bind: ":80", backend: nowhere}\nbackends:\n  app: {servers: ["127.0.0.1:1"]}\n',
  )
  await using weir = new Process(file)
  expect(await weir.ended).toBe(1)
  expect(weir.err).toContain(`${file}:2:`)
  expect(weir.err).toContain('UNKNOWN_BACKEND')
})

test('a limit of connections beyond the limit of open files is warned about with figures', async () => {
  const { file } = write(1, { max_connections: 9_000_000 })
  await using weir = new Process('-f', file)
  await weir.ready()
  expect(weir.log.find(({ level, wanted }) => level === 'warn' && wanted !== undefined)).toMatchObject({
    maxConnections: 9_000_000,
  })
})
