// What a reload leaves as it is, for every frontend, backend and server that is still there: counters, health and its
// history, ejections, open circuit breakers, sessions, cookies, requests in the queue, idle connections to servers.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import tls from 'node:tls'
import { expect, test } from 'vitest'
import { makeCertificate } from '../support/certificates.ts'
import { eventually, pause } from '../support/peers.ts'
import { folder } from '../support/programs.ts'
import { Wire } from './reload-load.ts'
import { ask, httpServer, listed, ReloadStage, spread, type FileConfig, type Named } from './reload-stage.ts'

const unchecked = { health_check: 'off', balance: 'roundrobin', slow_start: '0s' }
const configOf = (servers: readonly Named[], backend: Record<string, unknown> = unchecked): FileConfig => ({
  frontends: { web: { bind: '127.0.0.1:0', backend: 'app' } },
  backends: { app: { ...backend, servers: listed(...servers) } },
})

const farm = (...names: readonly string[]): Promise<Named[]> => Promise.all(names.map(httpServer))

/** A change that leaves every server where it is, and yet is one of the frontend, of the backend and of a server. */
function change(config: FileConfig, round: number): FileConfig {
  const [name, server] = Object.entries(config.backends['app']!.servers)[0]!
  config.backends['app']!.servers[name] = { ...(server as object), weight: 1 + (round % 2) }
  config.backends['app']!['timeouts'] = { server_response: `${30 + round}s` }
  config.frontends['web']!['timeouts'] = { keep_alive: `${60 + round}s` }
  return config
}

const KEPT = /^weir_(frontend|backend|server)_\w+_(total|count|sum|bucket)\{/

/** Counters of what is still configured, by name and labels. */
async function counters(stage: ReloadStage): Promise<Map<string, number>> {
  const lines = (await stage.metrics()).split('\n').filter((line) => KEPT.test(line))
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))] as const),
  )
}

/** A client may have its answer a moment before the worker has counted it, and let go of the server. */
const counted = (stage: ReloadStage, requests: number): Promise<void> =>
  eventually(
    `${requests} requests`,
    async () => (await stage.metric('weir_backend_requests_total', 'backend="app"')) === requests,
  )
const idle = (stage: ReloadStage): Promise<void> =>
  eventually('idle', async () => (await stage.backend('app')).servers.every(({ inflight }) => inflight === 0))

test('counters go on from where they were, also past a server that comes and one that goes', async () => {
  const servers = await farm('a', 'b', 'c')
  const config = configOf(servers.slice(0, 2))
  const stage = await ReloadStage.start(config)
  const port = stage.weir.port('web')
  await spread(port, 40)
  await counted(stage, 40)
  const first = await counters(stage)
  await stage.reload(change(config, 1), 'signal')
  expect(await counters(stage)).toEqual(first)

  config.backends['app']!.servers = listed(servers[0]!, servers[2]!)
  await stage.reload(config)
  const second = await counters(stage)
  const ofB = /server="b"/
  for (const [name, value] of first) if (!ofB.test(name)) expect(second.get(name), name).toBe(value)
  expect([...second.keys()].filter((name) => ofB.test(name))).toEqual([])
  expect(second.get('weir_server_requests_total{backend="app",server="c"}')).toBe(0) // a row of its own, or a clean one
  await spread(port, 40)
  await counted(stage, 80)
  expect(await stage.metric('weir_server_requests_total', 'server="c"')).toBe(20)
})

test('a server that comes back under its name begins anew or goes on, but takes over nothing of another', async () => {
  const servers = await farm('a', 'b', 'c')
  const [a, b, c] = servers as [Named, Named, Named]
  const config = configOf([a, b])
  const stage = await ReloadStage.start(config)
  const port = stage.weir.port('web')
  for (const others of [[a], [a, c], [a, c, b], [b, c], [c], [a, b, c]]) {
    config.backends['app']!.servers = listed(...others)
    await stage.reload(config)
    const counts = await spread(port, others.length * 4)
    expect(counts).toEqual(Object.fromEntries(others.map(({ name }) => [name, 4])))
    await idle(stage)
    const { servers: seen } = await stage.backend('app')
    for (const { name, requests } of seen) expect(requests, name).toBeLessThanOrEqual(24)
    expect(seen.map(({ inflight }) => inflight)).toEqual(others.map(() => 0))
  }
})

test('servers that come and go under ever new names do not use up the room for servers', async () => {
  const [a] = (await farm('a')) as [Named]
  const config = configOf([a])
  const stage = await ReloadStage.start(config)
  for (let round = 0; round < 12; round++) {
    const names = Array.from({ length: 100 }, (_, i) => `s${round}-${i}`) // over 1,024 in all, which is what there is room for
    const others = names.map((name, i) => [name, { address: `127.0.0.${i + 2}:${a.port}`, weight: 0 }] as const)
    config.backends['app']!.servers = { ...listed(a), ...Object.fromEntries(others) }
    await stage.reload(config)
    expect(await spread(stage.weir.port('web'), 4)).toEqual({ a: 4 })
  }
  await counted(stage, 48)
  expect(await stage.metric('weir_server_requests_total', 'server="a"')).toBe(48)
})

test('health: nobody goes back to `checking`, what is up stays up and what is down stays down, since when they are', async () => {
  const servers = await farm('a', 'b', 'late')
  servers[1]!.health = 503
  const check = { path: '/health', interval: '60s', fast_interval: '60s', rise: 1, fall: 1 }
  const config = configOf(servers.slice(0, 2), { ...unchecked, health_check: check })
  const stage = await ReloadStage.start(config)
  await stage.settled('app', 'up', 'down')
  const states = async (): Promise<Record<string, string>> =>
    Object.fromEntries((await stage.backend('app')).servers.map((each) => [each.name, `${each.state} ${each.since}`]))
  const before = await states()
  expect(before['a']).toMatch(/^up /)
  expect(before['b']).toMatch(/^down /)
  for (let round = 0; round < 4; round++) {
    await stage.reload(change(config, round), round % 2 === 0 ? 'signal' : 'socket')
    expect(await states()).toEqual(before)
  }
  expect(await spread(stage.weir.port('web'), 10)).toEqual({ a: 10 })

  config.backends['app']!['health_check'] = { ...check, interval: '50s', fast_interval: '50s', fall: 2 } // another rule for the same servers
  config.backends['app']!.servers = listed(...servers)
  await stage.reload(config)
  expect(await states()).toMatchObject(before)
  await stage.settled('app', 'up', 'down')
  expect((await stage.server('app', 'late')).state).toBe('up')
  await eventually('told', () => stage.weir.log().includes('server app/late is up'))
  const told = stage.weir.log().split('\n')
  expect(told.filter((line) => /server app\/[ab] is/.test(line))).toHaveLength(2)
})

test('ejections and open circuit breakers last', async () => {
  const [a, b, c] = (await farm('a', 'b', 'c')) as [Named, Named, Named]
  const backend = { ...unchecked, ejection: { failures: 3, time: '5m' } }
  const config = configOf([a, b], backend)
  config.backends['broken'] = {
    ...unchecked,
    ejection: 'off',
    circuit_breaker: { error_ratio: '50%', min_requests: 5, window: '10m', open: '10m' },
    servers: listed(c),
  }
  config.frontends['web']!['routes'] = [{ path: '/broken', backend: 'broken' }]
  const stage = await ReloadStage.start(config)
  const port = stage.weir.port('web')
  b.status = c.status = 500
  const ejected = async (): Promise<boolean> => (await stage.server('app', 'b')).ejected
  const open = async (): Promise<boolean> => (await stage.backend('broken')).breaker === 'open'
  for (let tries = 0; tries < 200 && !((await ejected()) && (await open())); tries++) {
    await Promise.all([ask(port), ask(port, '/broken')])
  }
  b.status = c.status = 200
  for (let round = 0; round < 4; round++) {
    await stage.reload(change(config, round))
    expect(await stage.server('app', 'b')).toMatchObject({ ejected: true, ejections: 1 })
    expect((await stage.backend('broken')).breaker).toBe('open')
    await pause(150) // the control plane judges ten times a second
  }
  expect(await spread(port, 10)).toEqual({ a: 10 })
  expect((await ask(port, '/broken')).status).toBe(503)
})

const addresses = Array.from({ length: 24 }, (_, i) => `127.0.1.${i + 1}`)

test('sessions in tables are remembered, also when servers join', async () => {
  const servers = await farm('a', 'b', 'c', 'd')
  const config = configOf(servers.slice(0, 3), { ...unchecked, persistence: { table: 'client' } })
  const stage = await ReloadStage.start(config)
  const homes = async (): Promise<string[]> => {
    const found: string[] = []
    for (const address of addresses) found.push((await ask(stage.weir.port('web'), '/', address)).text)
    return found
  }
  const before = await homes()
  expect(new Set(before).size).toBe(3)
  for (let round = 0; round < 3; round++) {
    await stage.reload(change(config, round))
    expect(await homes()).toEqual(before)
  }
  config.backends['app']!.servers = listed(...servers)
  await stage.reload(config)
  expect(await homes()).toEqual(before)
  config.backends['app']!.servers = listed(...servers.slice(1)) // the sessions of the one that is gone move, no others
  await stage.reload(config)
  const after = await homes()
  for (const [i, home] of before.entries()) {
    if (home === 'a') expect(after[i]).not.toBe('a')
    else expect(after[i]).toBe(home)
  }
  expect(after).not.toContain('503')
})

test('cookies lead to the same servers', async () => {
  const servers = await farm('a', 'b', 'c')
  const config = configOf(servers, { ...unchecked, persistence: 'SRV' })
  const stage = await ReloadStage.start(config)
  const target = { port: stage.weir.port('web') }
  const cookies = new Map<string, string>()
  for (let i = 0; i < 12; i++) {
    const response = await fetch(`http://127.0.0.1:${target.port}/`)
    cookies.set(/SRV=[^;]+/.exec(response.headers.get('set-cookie') ?? '')![0], await response.text())
  }
  expect(cookies.size).toBeGreaterThanOrEqual(3)
  await stage.reload(change(config, 1))
  config.backends['app']!.servers = listed(...servers.toReversed())
  await stage.reload(config)
  for (const [cookie, home] of cookies) {
    const wire = (await Wire.open(target)) as Wire
    wire.write(`GET / HTTP/1.1\r\nHost: weir.test\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`)
    expect(await wire.answer()).toMatchObject({ status: 200, body: home })
  }
})

test('requests that wait in a queue keep their place, and a higher limit lets them go at once', async () => {
  const [a] = (await farm('a')) as [Named]
  const first = Promise.withResolvers<void>()
  a.holds = first.promise
  const limits = { max_connections_per_server: 1, queue: { max: 10, timeout: '50s' } }
  const config = configOf([a], { ...unchecked, ...limits })
  const stage = await ReloadStage.start(config)
  const port = stage.weir.port('web')
  const order: number[] = []
  const answers: Promise<{ status: number }>[] = []
  for (let i = 0; i < 5; i++) {
    const answer = ask(port, `/${i}`)
    answers.push(answer)
    void answer.then(() => order.push(i))
    await eventually(`${i} behind the first`, async () => (await stage.backend('app')).queued === i && a.requests === 1)
  }
  await stage.reload(change(config, 1), 'signal')
  expect((await stage.backend('app')).queued).toBe(4)
  first.resolve()
  const all = await Promise.all(answers)
  expect(all.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
  expect(order).toEqual([0, 1, 2, 3, 4])
  expect(a.mostAtOnce).toBe(1)

  const second = Promise.withResolvers<void>()
  a.holds = second.promise
  const more = Array.from({ length: 6 }, (_, i) => ask(port, `/more${i}`))
  await eventually('five behind the first', async () => (await stage.backend('app')).queued === 5)
  config.backends['app']!['max_connections_per_server'] = 4
  await stage.reload(config)
  await eventually('four at a time', () => a.mostAtOnce === 4)
  second.resolve()
  expect((await Promise.all(more)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200])
  expect(a.mostAtOnce).toBe(4)
  await idle(stage)
  expect((await stage.backend('app')).queued).toBe(0)
})

test('idle connections to servers are used on: no reload makes a new one', async () => {
  const servers = await farm('a', 'b')
  const config = configOf(servers)
  const stage = await ReloadStage.start(config)
  const wire = (await Wire.open({ port: stage.weir.port('web') })) as Wire
  const talk = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      wire.write('GET / HTTP/1.1\r\nHost: weir.test\r\n\r\n')
      expect(await wire.answer()).toMatchObject({ status: 200 })
    }
  }
  const numbers = async (): Promise<readonly [connects: number, reuses: number]> => [
    await stage.metric('weir_server_connects_total'),
    await stage.metric('weir_server_reuses_total'),
  ]
  await talk(20)
  expect(await numbers()).toEqual([2, 18])
  for (let round = 0; round < 5; round++) {
    await stage.reload(change(config, round), round % 2 === 0 ? 'signal' : 'socket')
    await talk(20)
    expect(await numbers()).toEqual([2, 38 + 20 * round])
  }
})

/** One request over TLS. @returns whether the session was resumed, and one to resume when it was not */
function askOverTls(port: number, session?: Buffer): Promise<{ resumed: boolean; session: Buffer | undefined }> {
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', rejectUnauthorized: false, ...(session ? { session } : {}) }
    const socket = tls.connect(options)
    let next: Buffer | undefined
    socket.on('session', (ticket: Buffer) => (next = ticket))
    let resumed = false
    socket.on('secureConnect', () => {
      resumed = socket.isSessionReused()
      socket.write('GET / HTTP/1.1\r\nHost: weir.test\r\nConnection: close\r\n\r\n')
    })
    socket.on('error', reject)
    socket.on('close', () => resolve({ resumed, session: next }))
    socket.resume()
  })
}

test('TLS sessions from before are resumed, also under another certificate', async () => {
  const servers = await farm('a')
  const [one, two] = await Promise.all(['one.test', 'two.test'].map((name) => makeCertificate({ names: [name] })))
  const pem = join(folder(), 'site.pem')
  writeFileSync(pem, one!.cert + one!.key)
  const config = configOf(servers)
  config.frontends['web']!['tls'] = pem
  const stage = await ReloadStage.start(config)
  const port = stage.weir.port('web')
  const first = await askOverTls(port)
  expect(first.resumed).toBe(false)
  await stage.reload(change(config, 1))
  expect((await askOverTls(port, first.session)).resumed).toBe(true)
  writeFileSync(pem, two!.cert + two!.key)
  await stage.reload(config)
  expect((await askOverTls(port, first.session)).resumed).toBe(true)
})
