// What becomes of connections when what they are on is removed: a bind, a frontend, a server. It all ends in order, and in
// bounded time.
import { expect, test } from 'vitest'
import { freePorts } from '../../src/cli/demo-stage.ts'
import { eventually, pause } from '../support/peers.ts'
import { openWebSocket, Wire, type Target } from './reload-load.ts'
import { ask, listed } from './reload-stage.ts'
import { startWorld } from './reload-world.ts'

/** Once what had been waiting to be accepted is served, the socket is closed. @returns what a client is told then */
async function refusedAt(target: Target): Promise<string> {
  for (let tries = 0; ; tries++) {
    const wire = await Wire.open(target)
    if (typeof wire === 'string' && (wire.includes('ECONNREFUSED') || tries === 200)) return wire
    if (typeof wire !== 'string') wire.socket.destroy()
    if (tries === 200) return 'connected'
    await pause(10)
  }
}

test('a bind that is removed: answers under way are finished, kept connections end in order, new ones are refused', async () => {
  const { stage, config, servers } = await startWorld()
  config.frontends['old'] = { bind: '127.0.0.2:0', backend: 'app' }
  await stage.reload(config)
  const target = { port: await stage.portOf('old', '127.0.0.2'), host: '127.0.0.2' }
  const [idle, busy] = (await Promise.all([Wire.open(target), Wire.open(target)])) as [Wire, Wire]
  idle.write('GET / HTTP/1.1\r\nHost: weir.test\r\n\r\n')
  expect(await idle.answer()).toMatchObject({ status: 200, close: false })
  const answers = Promise.withResolvers<void>()
  for (const server of servers) server.holds = answers.promise
  const before = servers.reduce((sum, { requests }) => sum + requests, 0)
  busy.write('GET / HTTP/1.1\r\nHost: weir.test\r\n\r\n')
  await eventually('under way', () => servers.reduce((sum, { requests }) => sum + requests, 0) > before)

  delete config.frontends['old']
  await stage.reload(config)
  answers.resolve()
  expect(await busy.answer()).toMatchObject({ status: 200, close: true })
  expect([await busy.over(), await idle.over()]).toEqual(['ended', 'ended'])
  expect(await refusedAt(target)).toBe('no connection: ECONNREFUSED')
})

test('a frontend that is removed: its WebSockets and tcp connections go on for a while, and are ended in bounded time', async () => {
  const { stage, config } = await startWorld()
  config.global = { shutdown_timeout: '6s' }
  config.frontends['old'] = { bind: '127.0.0.2:0', backend: 'sockets' }
  config.frontends['old-db'] = { mode: 'tcp', bind: '127.0.0.3:0', backend: 'db' }
  await stage.reload(config)
  const socket = (await openWebSocket({ port: await stage.portOf('old', '127.0.0.2'), host: '127.0.0.2' })) as Wire
  const tcp = (await Wire.open({ port: await stage.portOf('old-db', '127.0.0.3'), host: '127.0.0.3' })) as Wire
  const staying = (await Wire.open({ port: stage.weir.port('db') })) as Wire
  const wires = [socket, tcp, staying]
  const spoken = async (wire: Wire): Promise<string | null> => {
    wire.write('ping\n')
    return wire.exactly('ping\n')
  }
  expect(await Promise.all(wires.map(spoken))).toEqual([null, null, null])

  delete config.frontends['old']
  delete config.frontends['old-db']
  await stage.reload(config)
  expect(await Promise.all(wires.map(spoken))).toEqual([null, null, null])
  expect(await socket.over()).not.toBeNull()
  expect(await tcp.over()).not.toBeNull()
  expect(await spoken(staying)).toBeNull()
})

test('a server that is removed finishes what it has, and its WebSockets live on', async () => {
  const { stage, config, servers } = await startWorld()
  const [a, , c] = servers
  const socket = (await openWebSocket({ port: stage.weir.port('web') })) as Wire
  const answers = Promise.withResolvers<void>()
  a.holds = answers.promise
  config.backends['api']!.servers = listed(a)
  config.frontends['web']!['routes'] = [
    { path: '/ws', backend: 'sockets' },
    { path: '/api', backend: 'api' },
  ]
  await stage.reload(config)
  const before = a.requests
  const slow = ask(stage.weir.port('web'), '/api')
  await eventually('under way', () => a.requests > before)
  config.backends['api']!.servers = listed(c)
  config.backends['sockets']!.servers = listed(servers[1])
  await stage.reload(config)
  answers.resolve()
  expect(await slow).toEqual({ status: 200, text: 'a' })
  await stage.settled('api', 'up')
  expect((await ask(stage.weir.port('web'), '/api')).text).toBe('c')
  socket.write('ping\n')
  expect(await socket.exactly('ping\n')).toBeNull()
})

test('a bind that was removed can be taken back, and by another frontend', async () => {
  const { stage, config } = await startWorld()
  const [port = 0] = await freePorts(1)
  const bind = `127.0.0.1:${port}`
  for (const name of ['first', 'first', 'second']) {
    config.frontends[name] = { bind, backend: 'app' }
    await stage.reload(config)
    expect((await ask(port)).status).toBe(200)
    delete config.frontends[name]
    await stage.reload(config)
    expect(await refusedAt({ port })).toBe('no connection: ECONNREFUSED')
  }
  config.frontends['first'] = { bind, backend: 'app' }
  await stage.reload(config)
  delete config.frontends['first']
  config.frontends['second'] = { bind, backend: 'api' }
  await stage.reload(config)
  expect((await ask(port)).text).toBe('a')
})
