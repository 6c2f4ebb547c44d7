// Reload under load, as clients see it: twenty changes of the file, one after the other, while requests come on kept and on
// new connections, in clear and over TLS, and WebSockets and tcp connections stay open. Nothing fails and nothing is reset.
// What of the state lives on is in reload-state.test.ts, what is removed in reload-removed.test.ts, files that are not taken
// in reload-refused.test.ts.
import { writeFileSync } from 'node:fs'
import tls from 'node:tls'
import { expect, test } from 'vitest'
import { pause } from '../support/peers.ts'
import { Load, Wire } from './reload-load.ts'
import { ask, listed, type Named } from './reload-stage.ts'
import { startWorld, type World } from './reload-world.ts'

/** Who answers, asked often enough that every server of the backend has its turn. */
async function answerers(port: number, path = '/'): Promise<string[]> {
  const found = new Set<string>()
  for (let i = 0; i < 64; i++) found.add((await ask(port, path)).text)
  return [...found].toSorted()
}

/** Common name of the certificate that a port shows. */
async function certificateAt(port: number): Promise<string> {
  const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false })
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  const { subject } = socket.getPeerCertificate()
  socket.destroy()
  return String(subject.CN)
}

/** A change of the file, and what shows that it is in force. */
type Step = readonly [what: string, change: (world: World) => void, check?: (world: World) => Promise<void>]

const web = ({ stage }: World): number => stage.weir.port('web')
const serversOf = (world: World, names: readonly Named[]): void => {
  world.config.backends['app']!.servers = listed(...names)
}

const steps: readonly Step[] = [
  ['nothing', () => {}],
  [
    'a weight',
    ({ config, servers: [a] }) => (config.backends['app']!.servers['a'] = { address: a.address, weight: 3 }),
    async ({ stage }) => expect((await stage.server('app', 'a')).weight).toBe(3),
  ],
  [
    'a server more',
    ({ config, servers: [, , , d] }) => (config.backends['app']!.servers['d'] = { address: d.address }),
    async (world) => {
      await world.stage.settled('app', 'up')
      expect(await answerers(web(world))).toEqual(['a', 'b', 'c', 'd'])
    },
  ],
  [
    'a server less',
    ({ config }) => delete config.backends['app']!.servers['b'],
    async (world) => expect(await answerers(web(world))).toEqual(['a', 'c', 'd']),
  ],
  [
    'a route',
    ({ config }) =>
      (config.frontends['web']!['routes'] = [
        { path: '/ws', backend: 'sockets' },
        { path: '/api', backend: 'api' },
      ]),
    async (world) => expect(await answerers(web(world), '/api')).toEqual(['a']),
  ],
  [
    'another backend for the route',
    ({ config }) =>
      (config.frontends['web']!['routes'] = [
        { path: '/ws', backend: 'sockets' },
        { path: '/api', backend: 'sockets' },
      ]),
    async (world) => expect(await answerers(web(world), '/api')).toEqual(['c']),
  ],
  [
    'timeouts',
    ({ config }) => {
      config.frontends['web']!['timeouts'] = { keep_alive: '50s', client_idle: '50s' }
      config.backends['app']!['timeouts'] = { server_response: '50s', idle_connection: '20s' }
    },
  ],
  ['balance leastconn', ({ config }) => (config.backends['app']!['balance'] = 'leastconn')],
  ['balance by a table', ({ config }) => (config.backends['app']!['balance'] = { algorithm: 'hash', key: 'path' })],
  ['balance adaptive', ({ config }) => (config.backends['app']!['balance'] = 'adaptive')],
  [
    'a certificate',
    ({ pem, certificates }) => writeFileSync(pem, certificates[1]),
    async ({ stage }) => expect(await certificateAt(stage.weir.port('secure'))).toBe('two.test'),
  ],
  [
    'a bind more',
    ({ config }) => (config.frontends['web']!['bind'] = ['127.0.0.1:0', '127.0.0.2:0']),
    async ({ stage }) => {
      const port = await stage.portOf('web', '127.0.0.2')
      const wire = (await Wire.open({ port, host: '127.0.0.2' })) as Wire
      wire.write('GET / HTTP/1.1\r\nHost: weir.test\r\nConnection: close\r\n\r\n')
      expect(await wire.answer()).toMatchObject({ status: 200 })
    },
  ],
  ['a bind less', ({ config }) => (config.frontends['web']!['bind'] = ['127.0.0.1:0'])],
  [
    'a frontend and a backend more',
    (world) => {
      world.config.backends['other'] = { health_check: 'off', servers: listed(world.servers[1]) }
      world.config.frontends['other'] = { bind: '127.0.0.3:0', backend: 'other' }
    },
    async ({ stage }) => expect(await stage.portOf('other', '127.0.0.3')).toBeGreaterThan(0),
  ],
  [
    'these less',
    ({ config }) => {
      delete config.frontends['other']
      delete config.backends['other']
    },
  ],
  [
    'limits and a queue',
    ({ config }) =>
      Object.assign(config.backends['app']!, { max_connections_per_server: 50, queue: { max: 500, timeout: '4s' } }),
  ],
  [
    'a server under the same name at another address',
    ({ config, servers: [, b] }) => (config.backends['app']!.servers['d'] = { address: b.address }),
    async (world) => {
      await world.stage.settled('app', 'up')
      expect(await answerers(web(world))).not.toContain('d')
    },
  ],
  [
    'checks, retries and ejection',
    ({ config }) => {
      const check = { path: '/health', interval: '300ms', rise: 2, fall: 2 }
      Object.assign(config.backends['app']!, { health_check: check, retries: 2, ejection: { failures: 7 } })
    },
  ],
  ['what servers are told', ({ config }) => (config.frontends['web']!['forward'] = { request_id: 'off', via: 'weir' })],
  [
    'nearly all back to where it was',
    (world) => {
      const { config, servers } = world
      serversOf(world, servers.slice(0, 3))
      config.backends['app']!['balance'] = 'roundrobin'
      for (const key of ['timeouts', 'forward']) delete config.frontends['web']![key]
      for (const key of ['timeouts', 'retries', 'queue']) delete config.backends['app']![key]
    },
    async (world) => {
      await world.stage.settled('app', 'up')
      expect(await answerers(web(world))).toEqual(['a', 'b', 'c'])
    },
  ],
]

test('twenty changes under load: no request fails, no connection is reset, and those that stay open stay', async () => {
  const world = await startWorld()
  const { stage, config } = world
  const port = { web: stage.weir.port('web'), secure: stage.weir.port('secure'), db: stage.weir.port('db') }
  const secure = { port: port.secure, tls: true }
  const load = new Load()
    .keepAlive('kept', { port: port.web }, 8)
    .fresh('new', { port: port.web }, 4)
    .keepAlive('kept over TLS', secure, 4)
    .fresh('new over TLS', secure, 2)
    .echo('WebSocket', { port: port.web }, 4, true)
    .echo('tcp', { port: port.db }, 4)
    .visits('new tcp', { port: port.db }, 2)
  await load.more(10)
  for (const [i, [what, change, check]] of steps.entries()) {
    load.during = what
    change(world)
    await stage.reload(config, i % 2 === 0 ? 'signal' : 'socket')
    await check?.(world)
    await load.more(10)
  }
  await load.stop()
  expect(load.problems).toEqual([])
  expect(load.connections).toMatchObject({ kept: 8, 'kept over TLS': 4, WebSocket: 4, tcp: 4 })
  expect(await stage.reloads()).toEqual({ succeeded: steps.length, failed: 0 })
  expect(await stage.metric('weir_config_last_reload_successful')).toBe(1)
  expect((await stage.status()).workers.map(({ restarts }) => restarts)).toEqual([0, 0])
}, 120_000)

test('reloads in quick succession are carried out one after the other, and the last file is the one that runs', async () => {
  const { stage, config, servers } = await startWorld()
  const load = new Load().keepAlive('kept', { port: stage.weir.port('web') }, 4)
  for (let weight = 1; weight <= 10; weight++) {
    config.backends['app']!.servers['a'] = { address: servers[0].address, weight }
    stage.write(config)
    stage.weir.signal('SIGHUP')
    await pause(weight % 3)
  }
  await stage.reload(config)
  await load.more(5)
  await load.stop()
  expect((await stage.server('app', 'a')).weight).toBe(10)
  expect(load.problems).toEqual([])
  expect((await stage.reloads()).failed).toBe(0)
})
