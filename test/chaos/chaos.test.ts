// Weir as a whole, with two workers, between chaotic clients and servers that fail at random times in every way: and every
// request is accounted for. Ten seconds with the other tests; `npm run chaos -- --seconds 60 --seed 7` for longer, or for the
// faults and the clients of a run that failed.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createDice } from '../../src/balance/dice.ts'
import type { Dice } from '../../src/balance/types.ts'
import { FaultyServer, behaviours } from '../support/faulty-server.ts'
import { deadPort, pause } from '../support/peers.ts'
import { folder, startWeir } from '../support/programs.ts'
import { ChaosClient } from './client.ts'
import { Ledger, audit, type Line } from './ledger.ts'
import { TcpChaosClient, auditVisits } from './tcp-client.ts'

const seconds = Number(process.env['WEIR_CHAOS_SECONDS'] ?? 10)
const seed = Number(process.env['WEIR_CHAOS_SEED'] ?? Math.floor(Math.random() * 1e6))
const CLIENTS = 20
const TCP_CLIENTS = 8
const RETRIES = 3

const listOf = (servers: readonly FaultyServer[]): string => servers.map(({ port }) => `'127.0.0.1:${port}'`).join(', ')

const config = (
  admin: number,
  log: string,
  servers: readonly FaultyServer[],
  tcpServers: readonly FaultyServer[],
): string => `
global:
  workers: 2
  admin: '127.0.0.1:${admin}'
  control_socket: CONTROL
  overload: { loop_delay: 0s }
  shutdown_timeout: 5s
  access_log: { format: json, target: ${log} }
frontends:
  web: { bind: '127.0.0.1:0', backend: app }
  db: { mode: tcp, bind: '127.0.0.1:0', backend: db }
backends:
  app:
    balance: leastconn
    health_check: { path: /check, interval: 300ms, timeout: 200ms, rise: 1, fall: 3 }
    servers: [${listOf(servers)}]
    max_connections: 14
    max_connections_per_server: 5
    queue: { max: 6, timeout: 600ms }
    retries: ${RETRIES}
    retry: { on: [connect, closed, timeout, 503], body: 64KiB, budget: 50%, backoff: 20ms }
    ejection: { failures: 5, time: 500ms }
    timeouts: { connect: 300ms, server_response: 700ms, server_idle: 1s, request: 3s, idle_connection: 5s }
  db:
    mode: tcp
    health_check: { type: tcp, interval: 300ms, timeout: 200ms, rise: 1, fall: 3 }
    servers: [${listOf(tcpServers)}]
    max_connections: 6
    queue: { max: 4, timeout: 600ms }
    ejection: { failures: 5, time: 500ms }
    timeouts: { connect: 300ms, tunnel: 2s }
`

/** Changes the servers at random, until told to stop; then all are well. */
async function trouble(servers: readonly FaultyServer[], dice: Dice, going: () => boolean): Promise<string[]> {
  const story: string[] = []
  const start = performance.now()
  while (going()) {
    const at = dice.below(servers.length)
    const behaviour = dice.below(100) < 40 ? 'ok' : behaviours[dice.below(behaviours.length)]!
    story.push(`${((performance.now() - start) / 1000).toFixed(2)} s: server ${at + 1} ${behaviour}`)
    await servers[at]!.behave(behaviour)
    await pause(100 + dice.below(900))
  }
  await Promise.all(servers.map((server) => server.behave('ok')))
  return story
}

/** Values of the samples whose name has this ending, by name and labels. */
function samples(metrics: string, name: RegExp): Map<string, number> {
  const found = new Map<string, number>()
  for (const line of metrics.split('\n')) {
    const [, key, value] = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line) ?? []
    if (key !== undefined && name.test(key.split('{')[0]!)) found.set(key, Number(value))
  }
  return found
}

/** Waits until nothing is under way. @returns what still is */
async function untilQuiet(metrics: () => Promise<string>): Promise<Record<string, number>> {
  let busy: [string, number][] = []
  for (let tries = 0; tries < 200; tries++) {
    const gauges = samples(await metrics(), /_in_flight$|queue_length$|_queued$|^weir_connections$/)
    busy = [...gauges].filter(([, n]) => n !== 0)
    if (busy.length === 0) break
    await pause(50)
  }
  await pause(300) // the log is written ten times a second
  return Object.fromEntries(busy)
}

const sum = (values: Iterable<number>): number => [...values].reduce((total, n) => total + n, 0)

async function run(): Promise<void> {
  console.log(`chaos: seed ${seed}, ${seconds} s`)
  const dice = createDice(seed)
  const random = (): number => dice.below(1 << 20) / (1 << 20)
  const start = (mode: 'http' | 'tcp', count: number): Promise<FaultyServer[]> =>
    Promise.all(Array.from({ length: count }, () => new FaultyServer(mode, random).start()))
  const servers = await start('http', 4)
  const tcpServers = await start('tcp', 3)
  const all = [...servers, ...tcpServers]
  onTestFinished(() => Promise.all(all.map((server) => server.close())).then(() => {}))
  const log = join(folder(), 'access.log')
  const admin = await deadPort()
  const weir = await startWeir(config(admin, log, servers, tcpServers))
  const metrics = async (): Promise<string> => (await fetch(`http://127.0.0.1:${admin}/metrics`)).text()

  const ledger = new Ledger()
  const end = performance.now() + seconds * 1000
  const going = (): boolean => performance.now() < end
  const clients = Array.from(
    { length: CLIENTS },
    (_, i) => new ChaosClient(i, weir.port('web'), createDice(seed + 2 + i), ledger),
  )
  const tcpClients = Array.from(
    { length: TCP_CLIENTS },
    (_, i) => new TcpChaosClient(weir.port('db'), createDice(seed + 2 + CLIENTS + i)),
  )
  const [story] = await Promise.all([
    trouble(all, createDice(seed + 1), going),
    ...[...clients, ...tcpClients].map((client) => client.run(going)),
  ])
  const busy = await untilQuiet(metrics)
  const last = await metrics()
  weir.signal('SIGTERM')
  const exit = await weir.exit

  const lines = readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line & { client_port: number; frontend: string })
  const webLines = lines.filter(({ frontend }) => frontend === 'web')
  const books = audit(ledger, webLines, servers, RETRIES + 2)
  const visits = tcpClients.flatMap((client) => client.visits)
  const problems = [
    ...books.problems,
    ...auditVisits(
      visits,
      lines.filter(({ frontend }) => frontend === 'db'),
    ),
  ]
  const endings = Object.fromEntries(
    [...Map.groupBy(visits, ({ outcome }) => outcome)].map(([outcome, group]) => [outcome, group.length]),
  )
  console.log(`chaos: ${ledger.sent.length} requests`, books.totals, `${books.retries} retries; tcp:`, endings)
  if (problems.length > 0) {
    console.log(`chaos: seed ${seed} failed\n${problems.slice(0, 20).join('\n')}\n${story.join('\n')}`)
    console.log(weir.log().slice(-4000))
  }
  expect(problems.length, `problems with seed ${seed}`).toBe(0)
  expect(busy).toEqual({})
  expect(sum(samples(last, /^weir_frontend_requests_total$/).values())).toBe(webLines.length)
  expect(sum(samples(last, /^weir_worker_restarts_total$/).values())).toBe(0)
  expect(sum(clients.map(({ refused }) => refused))).toBe(0)
  expect(exit).toBe(0)
  expect(books.totals['server']).toBeGreaterThan(ledger.sent.length / 4)
}

test(`${seconds} s of random faults under load, seed ${seed}: all is accounted for`, run, seconds * 1000 + 60_000)
