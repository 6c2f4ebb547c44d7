// Balancing as it is seen from outside: a whole Weir with two workers, real servers, health checks, and requests counted
// by the server that answered them.
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { deadPort, eventually } from '../support/peers.ts'
import { startWeir, type WeirProcess } from '../support/programs.ts'

interface Farmed {
  readonly name: string
  readonly port: number
  /** Answers to /health. */
  health: number
  /** How long it takes to answer anything else, in ms. */
  delay: number
  stop(): Promise<void>
  start(): Promise<void>
}

async function serverNamed(name: string): Promise<Farmed> {
  const server = http.createServer((request, response) => {
    if (request.url === '/health') response.writeHead(farmed.health).end()
    else setTimeout(() => response.end(name), farmed.delay)
  })
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  await listen(0)
  const { port } = server.address() as AddressInfo
  const farmed: Farmed = {
    name,
    port,
    health: 200,
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

const config = (backend: string) => `
global: { workers: 2, admin: off, control_socket: CONTROL, shutdown_timeout: 3s }
frontends:
  web: { bind: '127.0.0.1:0', backend: app }
backends:
  app:
${backend.replaceAll(/^/gm, '    ')}
`
const CHECK = 'health_check: { path: /health, interval: 100ms, timeout: 500ms, rise: 2, fall: 2 }'
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
  eventually(`${server} ${to}`, () => weir.log().split(`server app/${server} is ${to}`).length > times, 10_000)

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
  servers[2]!.delay = 300
  servers[0]!.delay = servers[1]!.delay = 10
  const start = Date.now()
  const counts: Record<string, number> = {}
  const clients = Array.from({ length: 6 }, async () => {
    while (Date.now() - start < 2000) {
      const { text } = await ask(weir.port('web'))
      counts[text] = (counts[text] ?? 0) + 1
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
