// Workers replaced one by one under load: not one request fails, kept connections end in order, a unix socket stays served,
// and the numbers of what goes on are right afterwards.
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { answering, dial, eventually, get, startServer } from '../support/peers.ts'
import { folder, startWeir } from '../support/programs.ts'
import { Load } from './reload-load.ts'
import { Service } from './successor.ts'

test('all workers recycled twice under load: nothing fails', async () => {
  const server = await startServer(answering('fine'))
  const path = join(folder(), 'web.sock')
  const weir = await startWeir(`
global: { workers: 2, admin: off, control_socket: CONTROL, overload: { loop_delay: 0s }, shutdown_timeout: 5s }
frontends:
  web: { bind: ['127.0.0.1:0', 'unix:${path}'], backend: app }
backends:
  app: { health_check: off, servers: ['127.0.0.1:${server.port}'] }
`)
  const service = new Service(weir)
  const ask = async (): Promise<string> => {
    const client = await dial({ path })
    return (await client.write(get('/', 'Connection: close')).over()).text
  }
  const web = { port: weir.port('web') }
  const load = new Load().keepAlive('kept', web, 6).fresh('new', web, 6)
  await load.more(10)
  for (const round of ['first', 'second']) {
    load.during = `the ${round} round`
    expect(await service.ask('POST', '/v1/workers/recycle')).toEqual({ status: 200, value: { recycled: 2 } })
    expect(await ask()).toContain('fine')
    await load.more(5)
  }
  load.during = 'one worker'
  const [{ worker }] = (await service.status()).workers as unknown as [{ worker: number }]
  expect((await service.ask('POST', `/v1/workers/${worker}/recycle`)).value).toEqual({ recycled: 1 })
  expect(await ask()).toContain('fine')
  await load.more(5)

  await load.stop()
  expect(load.problems).toEqual([])
  const { workers, ready } = await service.status()
  expect(ready).toBe(true)
  expect(workers.map(({ state, restarts }) => [state, restarts])).toEqual([
    ['listening', 0],
    ['listening', 0],
  ])
  await eventually('without connections and requests', async () => {
    const { connections, backends } = await service.status()
    return connections === 0 && backends[0]!.inflight === 0
  })

  await weir.kill(workers[0]!.worker)
  await eventually('replaced', async () => (await service.status()).workers[0]!.restarts === 1)
  weir.signal('SIGTERM')
  expect(await weir.exit).toBe(0)
}, 120_000)
