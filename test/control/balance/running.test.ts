// Balancing from the control plane to the workers and back: a whole Weir in the process of the test, with two worker threads
// and real servers. What an operator changes reaches the picks, and what a worker counts is exact, also when it dies.
import { get as request } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { prepareStart } from '../../../src/control/prepare.ts'
import { startWeir } from '../../../src/control/supervisor.ts'
import { valid } from '../../config/support.ts'
import { answering, dial, eventually, get, onHead, startServer, type ScriptedServer } from '../../support/peers.ts'
import { memoryLog, until } from '../health/fixtures.ts'

async function weirWith(servers: Readonly<Record<string, ScriptedServer>>, backend: string) {
  const list = Object.entries(servers).map(([name, { port }]) => `${name}: '127.0.0.1:${port}'`)
  const config = valid(`
global: { workers: 2, admin: off, control_socket: off, shutdown_timeout: 1s }
frontends: { web: { bind: '127.0.0.1:0', backend: app } }
backends: { app: { health_check: off, ${backend}, servers: { ${list.join(', ')} } } }`)
  const { log } = memoryLog()
  const weir = await startWeir({ version: '0', ...prepareStart(config, log), log })
  onTestFinished(() => weir.stop())
  const { board, snapshot, ports } = weir.view
  const slots = Object.fromEntries(snapshot.backends[0]!.servers.map(({ name, slot }) => [name, slot]))
  return { weir, board, slots, port: Object.values(ports())[0]! }
}

const named = (...names: string[]): Promise<Record<string, ScriptedServer>> =>
  Promise.all(names.map(async (name) => [name, await startServer(answering(name))] as const)).then(Object.fromEntries)

/** The name of the server that answers one request on a connection of its own. @param from address that it comes from */
const ask = (port: number, from = '127.0.0.1'): Promise<string> =>
  new Promise((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', localAddress: from, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += String(chunk)))
      response.on('end', () => resolve(response.statusCode === 200 ? text : String(response.statusCode)))
    })
    asked.on('error', reject)
  })

async function spread(port: number, requests: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let i = 0; i < requests; i++) {
    const name = await ask(port)
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

test('weights and admin states that are set while it runs hold for the next request, in both workers', async () => {
  const { weir, slots, port } = await weirWith(await named('a', 'b'), 'balance: roundrobin, slow_start: 0s')
  expect(await spread(port, 20)).toEqual({ a: 10, b: 10 })
  weir.balance.setWeight(slots['a']!, 3)
  expect(await spread(port, 40)).toEqual({ a: 30, b: 10 })
  weir.balance.setWeight(slots['a']!, 0)
  expect(await spread(port, 20)).toEqual({ b: 20 })
  weir.balance.setAdmin(slots['b']!, 'drain')
  expect(await ask(port)).toBe('503')
  weir.balance.setWeight(slots['a']!, 65_535)
  expect(await spread(port, 20)).toEqual({ a: 20 })
  weir.balance.setAdmin(slots['b']!, 'ready')
  weir.balance.setWeight(slots['a']!, 1)
  expect(await spread(port, 20)).toEqual({ a: 10, b: 10 })
})

test('a server that leaves maintenance gets a tenth at first', async () => {
  const { weir, slots, port } = await weirWith(await named('a', 'b'), 'balance: roundrobin, slow_start: 10m')
  weir.balance.setAdmin(slots['b']!, 'maint')
  expect(await spread(port, 10)).toEqual({ a: 10 })
  weir.balance.setAdmin(slots['b']!, 'ready')
  expect(await spread(port, 110)).toEqual({ a: 100, b: 10 })
})

test('a table of keys follows the weights, and a worker that replaces another has the same one', async () => {
  const { weir, slots, port, board } = await weirWith(await named('a', 'b'), 'balance: source')
  const addresses = Array.from({ length: 40 }, (_, i) => `127.0.2.${i + 1}`)
  const homes = async (): Promise<string[]> => {
    const found: string[] = []
    for (const address of addresses) found.push(await ask(port, address))
    return found
  }
  const first = await homes()
  const atB = first.filter((home) => home === 'b').length
  expect(atB).toBeGreaterThan(5)
  expect(atB).toBeLessThan(35)
  expect(await homes()).toEqual(first)

  weir.balance.setWeight(slots['b']!, 50)
  let heavy = first
  await until(async () => {
    const before = heavy
    heavy = await homes() // twice the same: both workers have the new table
    return heavy.filter((home) => home === 'b').length >= 36 && heavy.join() === before.join()
  })
  for (const [i, home] of first.entries()) if (home === 'b') expect(heavy[i]).toBe('b')

  for (const worker of [0, 1]) {
    const { restarts } = weir.view.workers()[worker]!
    weir.kill(worker)
    await until(() => weir.view.workers()[worker]!.restarts > restarts)
    await until(() => weir.view.workers().every(({ state }) => state === 'listening'))
  }
  expect(await homes()).toEqual(heavy)
  await eventually('nothing in flight', () => board.shared.server.inflight.every((n) => n === 0))
})

test('a worker that is killed takes its share of all counts with it, and no more', async () => {
  const silent = await startServer((socket) => onHead(socket, () => {}))
  const slow = await startServer((socket) =>
    onHead(socket, () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nsome')),
  )
  const { weir, board, port } = await weirWith({ silent, slow }, 'balance: roundrobin')
  const clients = await Promise.all(Array.from({ length: 32 }, () => dial(port)))
  for (const client of clients) client.write(get())
  const { server, backend } = board.shared
  await eventually(
    'all answered or waited for',
    () => server.inflight[0] === 16 && server.inflight[1] === 16 && server.waiting[1] === 0,
  )
  expect([server.waiting[0], backend.inflight[0]]).toEqual([16, 32])

  weir.kill(1)
  await until(() => weir.view.workers()[1]!.restarts === 1)
  const { owned } = board.rows[0]!
  expect([...server.inflight.subarray(0, 2)]).toEqual([...owned.server.inflight.subarray(0, 2)])
  expect([...server.waiting.subarray(0, 2)]).toEqual([...owned.server.waiting.subarray(0, 2)])
  expect(backend.inflight[0]).toBe(owned.backend.inflight[0])
  expect(backend.inflight[0]).toBeLessThan(32)

  for (const { socket } of clients) socket.resetAndDestroy()
  await eventually('nothing in flight', () => server.inflight.every((n) => n === 0) && backend.inflight[0] === 0)
  expect(server.waiting.every((n) => n === 0)).toBe(true)
})
