// Balancing as it is seen from outside: a whole Weir with two workers, real servers, health checks, and requests counted
// by the server that answered them.
import http from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { deadPort, eventually } from '../support/peers.ts'
import { startWeir, type WeirProcess } from '../support/programs.ts'

interface Farmed {
  readonly name: string
  readonly port: number
  /** Answers to /health. */
  health: number
  /** Answers to anything else. */
  status: number
  /** How long it takes to answer anything else, in ms. */
  delay: number
  stop(): Promise<void>
  start(): Promise<void>
}

async function serverNamed(name: string): Promise<Farmed> {
  const server = http.createServer((request, response) => {
    if (request.url === '/health') response.writeHead(farmed.health).end()
    else setTimeout(() => response.writeHead(farmed.status).end(name), farmed.delay)
  })
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const port = await deadPort() // so that it is still free when the server is started again
  await listen(port)
  const farmed: Farmed = {
    name,
    port,
    health: 200,
    status: 200,
    delay: 0,
    stop: () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      return closed
    },
    start: () => listen(port),
  }
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return farmed
}

const farm = (...names: string[]): Promise<Farmed[]> => Promise.all(names.map(serverNamed))

/** Roundrobin without slow start, unless the lines say otherwise. */
const config = (backend: string, global = '') => `
global: { workers: 2, admin: off, control_socket: CONTROL, overload: { loop_delay: 0s }, shutdown_timeout: 3s${global} }
defaults: { balance: roundrobin, slow_start: 0s }
frontends:
  web: { bind: '127.0.0.1:0', backend: app }
backends:
  app:
${backend.replaceAll(/^/gm, '    ')}
`
const CHECK = 'health_check: { path: /health, interval: 100ms, timeout: 5s, rise: 2, fall: 2 }'
const list = (servers: readonly Farmed[], more: (server: Farmed) => string = () => ''): string =>
  `servers:\n${servers.map((s) => `  - { name: ${s.name}, address: '127.0.0.1:${s.port}'${more(s)} }`).join('\n')}`

/** One request on a connection of its own. @param from address that it comes from */
function ask(port: number, from = '127.0.0.1'): Promise<{ status: number; text: string; reason: string }> {
  return new Promise((resolve, reject) => {
    const request = http.get({ port, host: '127.0.0.1', localAddress: from, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += String(chunk)))
      response.on('end', () => {
        resolve({ status: response.statusCode!, text, reason: String(response.headers['x-weir-reason'] ?? '') })
      })
    })
    request.on('error', reject)
  })
}

/** Answers by name of the server; a status where it was not 200. */
async function spread(port: number, requests: number, atOnce = 1): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let sent = 0; sent < requests; sent += atOnce) {
    const answers = await Promise.all(Array.from({ length: atOnce }, () => ask(port)))
    for (const { status, text } of answers) {
      const key = status === 200 ? text : String(status)
      counts[key] = (counts[key] ?? 0) + 1
    }
  }
  return counts
}

/** Waits until the process log says that a server has changed its state. */
const changed = (weir: WeirProcess, server: string, to: string, times = 1): Promise<unknown> =>
  eventually(`${server} ${to}`, () => weir.log().split(`server app/${server} is ${to}`).length > times)

test('roundrobin: the shares are the weights, exactly, over both workers together', async () => {
  const servers = await farm('a', 'b', 'c')
  const weights: Record<string, number> = { a: 5, b: 2, c: 1 }
  const weir = await startWeir(config(`health_check: off\n${list(servers, (s) => `, weight: ${weights[s.name]}`)}`))
  expect(await spread(weir.port('web'), 160)).toEqual({ a: 100, b: 40, c: 20 })
})

test('a server of weight 0 gets nothing, and a backup nothing while a primary is up', async () => {
  const servers = await farm('a', 'idle', 'spare')
  const more: Record<string, string> = { a: '', idle: ', weight: 0', spare: ', backup: true' }
  const weir = await startWeir(config(`health_check: off\n${list(servers, (s) => more[s.name]!)}`))
  expect(await spread(weir.port('web'), 40)).toEqual({ a: 40 })
})

test('leastconn: idle servers share evenly, a slow one gets less, by counts that both workers share', async () => {
  const servers = await farm('a', 'b', 'slow')
  const weir = await startWeir(config(`balance: leastconn\nhealth_check: off\n${list(servers)}`))
  const idle = await spread(weir.port('web'), 90)
  for (const { name } of servers) expect(Math.abs(idle[name]! - 30)).toBeLessThanOrEqual(6)
  servers[2]!.delay = 2000
  servers[0]!.delay = servers[1]!.delay = 10
  const counts: Record<string, number> = { a: 0, b: 0, slow: 0 }
  const clients = Array.from({ length: 6 }, async () => {
    while (counts['a']! + counts['b']! < 150) {
      const { text } = await ask(weir.port('web'))
      counts[text]!++
    }
  })
  await Promise.all(clients)
  expect(counts['slow']! * 5).toBeLessThan(counts['a']!)
  expect(counts['slow']! * 5).toBeLessThan(counts['b']!)
})

test('source: an address stays with its server, also after a restart, and moves only when that server is down', async () => {
  const servers = await farm('a', 'b', 'c')
  const yaml = config(`balance: source\n${CHECK}\n${list(servers)}`)
  const addresses = Array.from({ length: 30 }, (_, i) => `127.0.1.${i + 1}`)
  const homes = async (weir: WeirProcess): Promise<string[]> => {
    const found: string[] = []
    for (const address of addresses) found.push((await ask(weir.port('web'), address)).text)
    return found
  }
  const weir = await startWeir(yaml)
  await Promise.all(servers.map(({ name }) => changed(weir, name, 'up')))
  const first = await homes(weir)
  expect(new Set(first).size).toBe(3)
  expect(await homes(weir)).toEqual(first)
  const other = await startWeir(yaml)
  await Promise.all(servers.map(({ name }) => changed(other, name, 'up')))
  expect(await homes(other)).toEqual(first)

  servers[1]!.health = 503
  await changed(weir, 'b', 'down')
  const without = await homes(weir)
  for (const [i, home] of first.entries()) if (home !== 'b') expect(without[i]).toBe(home)
  expect(without).not.toContain('b')
  servers[1]!.health = 200
  await changed(weir, 'b', 'up', 2)
  expect(await homes(weir)).toEqual(first)
})

test('checks: a failing server leaves the pool, the backup helps out when all have left, and 503 is the end', async () => {
  const servers = await farm('a', 'b', 'spare')
  const [a, b, spare] = servers as [Farmed, Farmed, Farmed]
  const weir = await startWeir(config(`${CHECK}\n${list(servers, (s) => (s === spare ? ', backup: true' : ''))}`))
  const port = weir.port('web')
  await Promise.all(servers.map(({ name }) => changed(weir, name, 'up')))
  expect(await spread(port, 20)).toEqual({ a: 10, b: 10 })

  a.health = 500
  await changed(weir, 'a', 'down')
  expect(await spread(port, 20)).toEqual({ b: 20 })
  b.health = 500
  await changed(weir, 'b', 'down')
  expect(await spread(port, 20)).toEqual({ spare: 20 })
  spare.health = 500
  await changed(weir, 'spare', 'down')
  expect(await ask(port)).toMatchObject({ status: 503, reason: 'no_server' })

  a.health = spare.health = 200
  await Promise.all([changed(weir, 'a', 'up', 2), changed(weir, 'spare', 'up', 2)])
  expect(await spread(port, 20)).toEqual({ a: 20 })
})

test('a server that dies between two checks costs no request: what it refuses goes to another', async () => {
  const servers = await farm('a', 'b', 'c')
  const slowChecks = 'health_check: { path: /health, interval: 60s }'
  const weir = await startWeir(config(`${slowChecks}\n${list(servers)}`))
  await Promise.all(servers.map(({ name }) => changed(weir, name, 'up')))
  await servers[1]!.stop()
  const counts = await spread(weir.port('web'), 60, 6)
  expect(Object.keys(counts).toSorted()).toEqual(['a', 'c'])
  expect(counts['a']! + counts['c']!).toBe(60)
})

test('a server that comes up later is taken in by its checks; one that is not there from the start harms nobody', async () => {
  const [a, late] = (await farm('a', 'late')) as [Farmed, Farmed]
  await late.stop()
  const dead = { name: 'dead', port: await deadPort() } as Farmed
  const weir = await startWeir(config(`${CHECK}\n${list([a, late, dead])}`))
  expect(await spread(weir.port('web'), 20)).toEqual({ a: 20 })
  await late.start()
  await changed(weir, 'late', 'up')
  expect(await spread(weir.port('web'), 20)).toEqual({ a: 10, late: 10 })
})

test('slow start: a server that is back gets a tenth of its share at first, all of it in the end; none has one at the start', async () => {
  const servers = await farm('a', 'b')
  const yaml = (window: string) => config(`slow_start: ${window}\n${CHECK}\n${list(servers)}`)
  const weir = await startWeir(yaml('10m'))
  const other = await startWeir(yaml('300ms'))
  for (const each of [weir, other]) await Promise.all(servers.map(({ name }) => changed(each, name, 'up')))
  expect(await spread(weir.port('web'), 20)).toEqual({ a: 10, b: 10 })
  servers[1]!.health = 500
  for (const each of [weir, other]) await changed(each, 'b', 'down')
  servers[1]!.health = 200
  for (const each of [weir, other]) await changed(each, 'b', 'up', 2)
  expect(await spread(weir.port('web'), 55)).toEqual({ a: 50, b: 5 })
  let counts: Record<string, number> = {}
  for (let tries = 0; tries < 50 && counts['b'] !== 10; tries++) counts = await spread(other.port('web'), 20)
  expect(counts).toEqual({ a: 10, b: 10 })
})

test('tiers: with fewer healthy primaries than are needed the next tier helps, and only that', async () => {
  const servers = await farm('a', 'b', 'spare', 'far')
  const more: Record<string, string> = { a: '', b: '', spare: ', backup: true', far: ', tier: 2' }
  const weir = await startWeir(config(`min_healthy: 2\n${CHECK}\n${list(servers, (s) => more[s.name]!)}`))
  await Promise.all(servers.map(({ name }) => changed(weir, name, 'up')))
  expect(await spread(weir.port('web'), 20)).toEqual({ a: 10, b: 10 })
  servers[0]!.health = 500
  await changed(weir, 'a', 'down')
  expect(await spread(weir.port('web'), 20)).toEqual({ b: 10, spare: 10 })
  servers[1]!.health = 500
  await changed(weir, 'b', 'down')
  expect(await spread(weir.port('web'), 20)).toEqual({ spare: 10, far: 10 })
})

test('zones: the own zone serves while it has its share of what is healthy', async () => {
  const servers = await farm('here1', 'here2', 'there1', 'there2')
  const zoneOf = ({ name }: Farmed): string => `, zone: ${name.slice(0, -1)}`
  const weir = await startWeir(config(`${CHECK}\n${list(servers, zoneOf)}`, ', zone: here'))
  await Promise.all(servers.map(({ name }) => changed(weir, name, 'up')))
  expect(await spread(weir.port('web'), 20)).toEqual({ here1: 10, here2: 10 })
  servers[0]!.health = 500
  await changed(weir, 'here1', 'down')
  expect(await spread(weir.port('web'), 30)).toEqual({ here2: 10, there1: 10, there2: 10 })
})

test('adaptive: a server that fails fast is no magnet, and gets its share again when it has recovered', async () => {
  const servers = await farm('a', 'b', 'c')
  const weir = await startWeir(config(`balance: adaptive\nhealth_check: off\nejection: off\n${list(servers)}`))
  const port = weir.port('web')
  for (const server of servers) server.delay = 5
  await spread(port, 60, 6)
  servers[1]!.status = 500
  servers[1]!.delay = 0
  const broken = await spread(port, 300, 6)
  expect(broken['500'] ?? 0).toBeLessThan(40) // an even share is 100, and leastconn would give it more
  servers[1]!.status = 200
  servers[1]!.delay = 5
  let after: Record<string, number> = {}
  for (let tries = 0; tries < 30 && !(after['b']! > 20); tries++) after = await spread(port, 90, 6)
  expect(after['b']).toBeGreaterThan(20)
})
