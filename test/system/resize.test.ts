// The number of workers changed by reload, under load: not one request fails on kept and on new connections, the numbers of what
// goes on are right afterwards, and a unix socket stays served.
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { answering, dial, eventually, get, startServer } from '../support/peers.ts'
import { folder, startWeir, type WeirProcess } from '../support/programs.ts'
import { Load } from './reload-load.ts'
import { gone, isThere, Service } from './successor.ts'

const configOf = (workers: number, server: number, path: string): string => `
global: { workers: ${workers}, admin: off, control_socket: CONTROL, overload: { loop_delay: 0s }, shutdown_timeout: 5s }
frontends:
  web: { bind: ['127.0.0.1:0', 'unix:${path}'], backend: app }
backends:
  app: { health_check: off, servers: ['127.0.0.1:${server}'] }
`

/** Until so many workers listen, and no other thread of one is left. */
async function listening(service: Service, count: number): Promise<void> {
  await eventually(`${count} workers that listen`, async () => {
    const { workers } = await service.status()
    return workers.length === count && workers.every(({ state }) => state === 'listening')
  })
}

async function quiet(service: Service): Promise<void> {
  await eventually('without connections and requests', async () => {
    const { connections, backends } = await service.status()
    return connections === 0 && backends[0]!.inflight === 0
  })
}

/** An answer over the unix socket. */
const asked = async (path: string): Promise<string> => {
  const client = await dial({ path })
  return (await client.write(get('/', 'Connection: close')).over()).text
}

async function start(
  workers: number,
): Promise<{ weir: WeirProcess; service: Service; config: (workers: number) => string; path: string }> {
  const server = await startServer(answering('fine'))
  const path = join(folder(), 'web.sock')
  const config = (count: number): string => configOf(count, server.port, path)
  const weir = await startWeir(config(workers))
  return { weir, service: new Service(weir), config, path }
}

test('from 2 workers to 4, to 1 and to 2 under load: nothing fails', async () => {
  const { weir, service, config, path } = await start(2)
  const web = { port: weir.port('web') }
  const load = new Load().keepAlive('kept', web, 6).fresh('new', web, 6)
  await load.more(10)
  for (const workers of [4, 1, 2]) {
    load.during = `the change to ${workers} workers`
    service.writeConfig(config(workers))
    const { status, value } = await service.ask('POST', '/v1/reload')
    expect([status, value]).toMatchObject([
      200,
      { ok: true, changes: [{ what: 'global workers', needsRestart: false }] },
    ])
    await listening(service, workers)
    expect(await asked(path)).toContain('fine')
    await load.more(10)
  }
  await load.stop()
  expect(load.problems).toEqual([])
  expect((await service.status()).ready).toBe(true)
  await quiet(service)
  weir.signal('SIGTERM')
  expect(await weir.exit).toBe(0)
}, 120_000)

test('a worker that is recycled or dies while sockets have no worker of their own: they are served still', async () => {
  const { weir, service, config } = await start(3)
  const web = { port: weir.port('web') }
  service.writeConfig(config(1))
  await service.ask('POST', '/v1/reload')
  await listening(service, 1)
  const load = new Load().fresh('new', web, 4)
  await load.more(10)
  expect((await service.ask('POST', '/v1/workers/recycle')).value).toEqual({ recycled: 1 })
  await load.more(10)
  await load.stop()
  expect(load.problems).toEqual([])

  const [{ worker }] = (await service.status()).workers as unknown as [{ worker: number }]
  await weir.kill(worker)
  await eventually('replaced', async () => (await service.status()).workers[0]!.restarts === 1)
  await listening(service, 1)
  const after = new Load().fresh('after its death', web, 4) // the kernel sends two thirds of them to the other sockets
  await after.more(12)
  await after.stop()
  expect(after.problems).toEqual([])
}, 120_000)

test('another process takes over the sockets that have no worker too', async () => {
  const { weir, service, config } = await start(4)
  service.writeConfig(config(1))
  await service.ask('POST', '/v1/reload')
  await listening(service, 1)
  const load = new Load().keepAlive('kept', { port: weir.port('web') }, 3).fresh('new', { port: weir.port('web') }, 5)
  await load.more(5)
  const before = service.pid
  expect((await service.ask('POST', '/v1/upgrade')).status).toBe(200)
  await service.succeeded()
  await gone(before)
  load.during = 'the time after'
  await load.more(10)
  await load.stop()
  expect(load.problems).toEqual([])
  expect(isThere(service.pid)).toBe(true)
}, 120_000)

test('more workers than there is room for: as many as there is, and the rest is said to need a restart', async () => {
  const { weir, service, config } = await start(1)
  service.writeConfig(config(64))
  const { value } = await service.ask('POST', '/v1/reload')
  expect(value).toMatchObject({ ok: true, changes: [{ what: 'global workers', needsRestart: true }] })
  await eventually('said', () => weir.log().includes('takes effect with a restart only'))
  const { length } = (await service.status()).workers
  expect(length).toBeGreaterThanOrEqual(8)
  expect(length).toBeLessThan(64)
}, 120_000)
