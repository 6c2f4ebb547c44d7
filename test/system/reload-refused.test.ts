// Files that are not taken: nothing of them comes into force, the log says where the mistake is, a metric shows it, and the
// next good file works. The same when a file is good but what it asks for cannot be had.
import { rmSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/peers.ts'
import { Load } from './reload-load.ts'
import { ask, httpServer, listed, ReloadStage, type FileConfig, type Named } from './reload-stage.ts'

interface World {
  readonly stage: ReloadStage
  readonly config: FileConfig
  readonly servers: readonly [Named, Named]
  readonly port: number
}

async function startWorld(): Promise<World> {
  const servers = await Promise.all([httpServer('a'), httpServer('b')])
  const config: FileConfig = {
    frontends: { web: { bind: '127.0.0.1:0', backend: 'app' } },
    backends: {
      app: { health_check: 'off', servers: listed(servers[0]) },
      other: { health_check: 'off', servers: listed(servers[1]) },
    },
  }
  const stage = await ReloadStage.start(config)
  return { stage, config, servers, port: stage.weir.port('web') }
}

/** @param line in place of the one that names the backend, the seventh */
const yaml = ({ servers }: World, line: string, weight: number | string = 1): string => `global:
  workers: 2
  admin: 127.0.0.1:0
  control_socket: CONTROL
  shutdown_timeout: 2s
frontends:
  web: { bind: '127.0.0.1:0', ${line} }
backends:
  app:
    health_check: off
    servers:
      a: { address: '${servers[0].address}', weight: ${weight} }
  other: { health_check: off, servers: { b: '${servers[1].address}' } }
`

const lastSuccessful = (stage: ReloadStage): Promise<number> => stage.metric('weir_config_last_reload_successful')

test('a file with mistakes: the old one runs on, all of them are in the log by line and column, and metrics show it', async () => {
  const world = await startWorld()
  const { stage, port } = world
  const load = new Load().keepAlive('kept', { port }, 4).fresh('new', { port }, 2)
  expect(await stage.reloads()).toEqual({ succeeded: 0, failed: 0 })
  expect(await lastSuccessful(stage)).toBe(1)

  stage.write(yaml(world, 'backend: other, max_conections: 5', 'heavy'))
  expect(await stage.hangUp()).toBe(false)
  expect((await ask(port)).text).toBe('a')
  await eventually('told', () => /weir\.yaml:7:47: UNKNOWN_KEY/.test(stage.weir.log()))
  await eventually('told', () => /weir\.yaml:12:\d+: /.test(stage.weir.log()))
  expect(await stage.reloads()).toEqual({ succeeded: 0, failed: 1 })
  expect(await lastSuccessful(stage)).toBe(0)

  const outcome = await stage.post()
  expect(outcome).toMatchObject({ ok: false, changes: [] })
  expect(outcome.problems).toMatch(/weir\.yaml:7:47: UNKNOWN_KEY/)
  expect(await stage.reloads()).toEqual({ succeeded: 0, failed: 2 })

  stage.write(yaml(world, 'backend: other'))
  expect(await stage.hangUp()).toBe(true)
  expect((await ask(port)).text).toBe('b')
  expect(await stage.reloads()).toEqual({ succeeded: 1, failed: 2 })
  expect(await lastSuccessful(stage)).toBe(1)
  await load.stop()
  expect(load.problems).toEqual([])
})

test.each([
  ['is not YAML', () => 'frontends: { web: [', /weir\.yaml:1:\d+: /],
  ['is empty', () => '', /weir\.yaml/],
  ['names a backend that is not there', (world: World) => yaml(world, 'backend: nowhere'), /weir\.yaml:7:\d+: /],
  [
    'names a certificate that is not there',
    (world: World) => yaml(world, 'backend: other, tls: nowhere.pem'),
    /weir\.yaml:7:\d+: /,
  ],
])('a file that %s is refused, and the one after it is taken', async (_, text, told) => {
  const world = await startWorld()
  const { stage, config, port } = world
  const { version } = await stage.post()
  stage.write(text(world))
  const outcome = await stage.post()
  expect(outcome).toMatchObject({ ok: false, version })
  expect(outcome.problems).toMatch(told)
  expect((await ask(port)).text).toBe('a')
  config.frontends['web']!['backend'] = 'other'
  await stage.reload(config, 'signal')
  expect((await ask(port)).text).toBe('b')
})

test('a file that has gone is refused, and Weir runs on', async () => {
  const { stage, config, port } = await startWorld()
  rmSync(join(dirname(stage.weir.control), 'weir.yaml'))
  expect(await stage.hangUp()).toBe(false)
  expect((await ask(port)).text).toBe('a')
  await stage.reload(config)
})

test('a new bind that somebody else has: the file is refused as a whole, and taken once the port is free', async () => {
  const { stage, config, port } = await startWorld()
  const load = new Load().keepAlive('kept', { port }, 4).fresh('new', { port }, 2)
  const holder = net.createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void holder.close())
  await eventually('listening', () => holder.listening)
  const taken = (holder.address() as AddressInfo).port
  config.frontends['web']!['backend'] = 'other'
  config.frontends['free'] = { bind: '127.0.0.2:0', backend: 'app' }
  config.frontends['taken'] = { bind: `127.0.0.1:${taken}`, backend: 'app' }

  stage.write(config)
  expect(await stage.hangUp()).toBe(false)
  const outcome = await stage.post()
  expect(outcome.ok).toBe(false)
  expect(outcome.problems).toContain(String(taken))
  expect((await ask(port)).text).toBe('a')
  expect((await stage.status()).frontends.map(({ name }) => name)).toEqual(['web'])
  expect(await lastSuccessful(stage)).toBe(0)

  await new Promise((resolve) => holder.close(resolve))
  await stage.reload(config)
  expect((await ask(port)).text).toBe('b')
  expect((await ask(taken)).text).toBe('a')
  expect(await stage.portOf('free', '127.0.0.2')).toBeGreaterThan(0)
  await load.stop()
  expect(load.problems).toEqual([])
})

test('after a refused file a worker that dies is replaced by one that runs the old configuration', async () => {
  const world = await startWorld()
  const { stage, port } = world
  stage.write(yaml(world, 'backend: other, max_conections: 5'))
  expect(await stage.hangUp()).toBe(false)
  await stage.weir.kill(1)
  const replaced = async (): Promise<boolean> => {
    const { workers } = await stage.status()
    return workers[1]!.restarts === 1 && workers[1]!.state === 'listening'
  }
  await eventually('replaced', replaced)
  for (let i = 0; i < 20; i++) expect((await ask(port)).text).toBe('a')
})

test('a worker that dies after a reload is replaced by one that runs the new configuration', async () => {
  const { stage, config, port } = await startWorld()
  config.frontends['web']!['backend'] = 'other'
  config.frontends['more'] = { bind: '127.0.0.2:0', backend: 'other' }
  await stage.reload(config)
  const more = await stage.portOf('more', '127.0.0.2')
  await stage.weir.kill(0)
  await stage.weir.kill(1)
  const replaced = async (): Promise<boolean> =>
    (await stage.status()).workers.every(({ restarts, state }) => restarts === 1 && state === 'listening')
  await eventually('replaced', replaced)
  for (let i = 0; i < 20; i++) expect((await ask(port)).text).toBe('b')
  expect(await stage.portOf('more', '127.0.0.2')).toBe(more)
})
