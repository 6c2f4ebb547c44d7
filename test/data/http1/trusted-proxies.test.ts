// Requests that come through a trusted proxy, with real connections: they are routed, limited, logged and passed on as those
// of the client that the proxy names; from anybody else the same words are but words.
import { readFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { createSessionMemory } from '../../../src/data/persistence/session-table.ts'
import type { ClientRulesSpec, ForwardSpec, TrustSpec } from '../../../src/messages/snapshot.ts'
import { ms } from '../../../src/model/units.ts'
import { snapshotOf, type BackendWish, type FrontendWish, type TestPlane, type Wish } from '../../support/data-plane.ts'
import { keyPart } from '../../support/key-parts.ts'
import {
  answering,
  dial,
  eventually,
  fetchOnce,
  get,
  startPlane,
  startServer,
  type RawClient,
} from '../../support/peers.ts'
import { folder } from '../../support/programs.ts'
import { RecordingServer, response, talk } from '../../support/raw-http.ts'
import { balanceSpec, openFrontend } from '../../support/specs.ts'

const trust: TrustSpec = { networks: ['127.0.0.1', '10.0.0.0/8'], field: 'x-forwarded-for' }
const trustOthers: TrustSpec = { networks: ['10.0.0.0/8'], field: 'x-forwarded-for' }
const from = (list: string): string => `X-Forwarded-For: ${list}`

/** Servers that answer with their names. */
async function named(...names: string[]): Promise<number[]> {
  const servers = await Promise.all(names.map((name) => startServer(answering(`server ${name}`))))
  return servers.map(({ port }) => port)
}

async function planeFor(frontend: FrontendWish, backend: Partial<BackendWish> = {}, more: Partial<Wish> = {}) {
  const servers = backend.servers ?? (await named('one'))
  return startPlane({ frontends: [{ trust, ...frontend }], backends: [{ ...backend, servers }], ...more })
}

/** The answer's text to one request on this connection. */
async function asked(client: RawClient, ...lines: string[]): Promise<string> {
  client.forget().write(get('/', ...lines))
  await eventually('all of the answer', () => {
    const [head, body] = client.text.split('\r\n\r\n')
    return body?.length === Number(/Content-Length: (\d+)/.exec(head!)?.[1])
  })
  return client.text
}
const statusOf = (text: string): number => Number(/^HTTP\/1\.1 (\d+) /.exec(text)?.[1])
const serverOf = (text: string): string | undefined => /server (\w+)$/.exec(text)?.[1]

// What servers are told.

type Seen = Record<string, string[]>
const FORWARDED = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-port', 'x-amzn-trace-id', 'forwarded']

/** What of these fields a server gets from a frontend of this kind. */
async function seenWith(xForwarded: ForwardSpec['xForwarded'], trusted: TrustSpec) {
  const server = new RecordingServer()
  const port = await server.listen()
  server.script = () => response('ok')
  onTestFinished(() => server.close())
  const plane = await startPlane({
    frontends: [{ trust: trusted, forward: { xForwarded, requestId: 'off' } }],
    backends: [{ servers: [port] }],
  })
  const seen = async (...lines: string[]): Promise<Seen> => {
    server.reset()
    await talk(plane.port, [get('/', 'Connection: close', ...lines)])
    expect(server.violations).toEqual([])
    const all: Seen = {}
    for (const [name, value] of server.requests[0]!.fields)
      if (FORWARDED.includes(name)) (all[name.replace('x-forwarded-', '')] ??= []).push(value)
    return all
  }
  return { seen, port: String(plane.port) }
}
const sent = [from('192.0.2.1, 10.1.1.1'), 'X-Forwarded-Proto: https', 'X-Forwarded-Port: 443']

test('append: the list goes on with the peer; protocol and port are those that a trusted peer tells', async () => {
  const { seen, port } = await seenWith('append', trust)
  const list = ['192.0.2.1, 10.1.1.1, 127.0.0.1']
  expect(await seen(...sent)).toEqual({ for: list, proto: ['https'], port: ['443'] })
  expect(await seen(sent[0]!)).toEqual({ for: list, proto: ['http'], port: [port] })
  expect(await seen(sent[0]!, sent[1]!)).toEqual({ for: list, proto: ['https'] })
  expect(await seen(sent[0]!, sent[2]!)).toEqual({ for: list, proto: ['http'], port: ['443'] })
  expect(await seen()).toEqual({ for: ['127.0.0.1'], proto: ['http'], port: [port] })
})

test('append, from a peer that is not trusted: the list is kept for what it is worth, the rest is ours', async () => {
  const { seen, port } = await seenWith('append', trustOthers)
  expect(await seen(...sent)).toEqual({ for: ['192.0.2.1, 10.1.1.1, 127.0.0.1'], proto: ['http'], port: [port] })
})

test('replace: the client alone, found by the trusted proxies, or the peer', async () => {
  const trusting = await seenWith('replace', trust)
  expect(await trusting.seen(...sent)).toEqual({ for: ['192.0.2.1'], proto: ['https'], port: ['443'] })
  expect(await trusting.seen(from('203.0.113.1, 2001:DB8::0:1'))).toMatchObject({ for: ['2001:db8::1'] })
  expect(await trusting.seen(sent[1]!)).toEqual({ for: ['127.0.0.1'], proto: ['https'] })
  const wary = await seenWith('replace', trustOthers)
  expect(await wary.seen(...sent)).toEqual({ for: ['127.0.0.1'], proto: ['http'], port: [wary.port] })
})

test('remove: none of the fields arrives; preserve: all of them, as they are, whoever sent them', async () => {
  for (const trusted of [trust, trustOthers]) {
    expect(await (await seenWith('remove', trusted)).seen(...sent)).toEqual({})
    const preserved = { for: ['192.0.2.1, 10.1.1.1'], proto: ['https'], port: ['443'] }
    expect(await (await seenWith('preserve', trusted)).seen(...sent)).toEqual(preserved)
    expect(await (await seenWith('preserve', trusted)).seen()).toEqual({})
  }
})

test('X-Amzn-Trace-Id and Forwarded are passed on as they are', async () => {
  const lines = ['X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678', 'Forwarded: for=192.0.2.1']
  for (const mode of ['append', 'replace', 'remove', 'preserve'] as const) {
    expect(await (await seenWith(mode, trust)).seen(...lines)).toMatchObject({
      'x-amzn-trace-id': ['Root=1-67891233-abcdef012345678912345678'],
      forwarded: ['for=192.0.2.1'],
    })
  }
})

test('what Connection names among them is not lost', async () => {
  const { seen } = await seenWith('append', trust)
  const connection = 'Connection: X-Forwarded-For, X-Forwarded-Proto'
  expect(await seen(...sent, connection)).toMatchObject({ for: ['192.0.2.1, 10.1.1.1, 127.0.0.1'], proto: ['https'] })
})

// What follows the client.

const bySource = { balance: balanceSpec('hash', { key: [keyPart('client')] }) }
const clients = Array.from({ length: 24 }, (_, i) => `192.0.2.${i}`)

test('a hash by client follows each client, over the one connection of its proxy and over several', async () => {
  const plane = await planeFor({}, { ...bySource, servers: await named('a', 'b', 'c') })
  const serversOf = async (): Promise<(string | undefined)[]> => {
    const proxy = await dial(plane.port)
    const servers = []
    for (const client of clients) servers.push(serverOf(await asked(proxy, from(client))))
    return servers
  }
  const first = await serversOf()
  expect(new Set(first)).toEqual(new Set(['a', 'b', 'c']))
  expect(await serversOf()).toEqual(first)
})

test('a peer that is not trusted stays on one server, whoever it says it is', async () => {
  const plane = await planeFor({ trust: trustOthers }, { ...bySource, servers: await named('a', 'b', 'c') })
  const peer = await dial(plane.port)
  const servers = new Set<string | undefined>()
  for (const client of clients) servers.add(serverOf(await asked(peer, from(client))))
  expect(servers.size).toBe(1)
})

test('sessions by client are those of the clients behind the proxy', async () => {
  const table = { by: [keyPart('client')], cookie: null, entries: 64, idle: ms(60_000) }
  const persistence = { strict: false, cookie: null, table }
  const servers = await named('a', 'b', 'c')
  const plane = await planeFor({}, { servers, persistence }, { sessions: { 0: createSessionMemory(table) } })
  const proxy = await dial(plane.port)
  const homes = []
  for (const client of clients) homes.push(serverOf(await asked(proxy, from(client))))
  expect(new Set(homes).size).toBe(3)
  for (const [i, client] of clients.entries()) expect(serverOf(await asked(proxy, from(client)))).toBe(homes[i])
})

// Rules about clients.

const rules = (some: Partial<ClientRulesSpec>): FrontendWish => ({ clients: { ...openFrontend.clients, ...some } })
const oneEach = { perSecond: 0.001, burst: 1 }

test('the rate of requests is that of each client, whatever connections it comes by', async () => {
  const plane = await planeFor(rules({ requestRate: oneEach }))
  const proxies = [await dial(plane.port), await dial(plane.port)]
  const statuses = async (client: string): Promise<number[]> => [
    statusOf(await asked(proxies[0]!, from(client))),
    statusOf(await asked(proxies[1]!, from(client))),
  ]
  expect(await statuses('192.0.2.1')).toEqual([200, 429])
  expect(await statuses('192.0.2.2')).toEqual([200, 429])
  const wary = await planeFor({ ...rules({ requestRate: oneEach }), trust: trustOthers })
  const peer = await dial(wary.port)
  expect(statusOf(await asked(peer, from('192.0.2.1')))).toBe(200)
  expect(statusOf(await asked(peer, from('192.0.2.2')))).toBe(429)
})

test('connections and their rate are those of the proxy', async () => {
  const plane = await planeFor(rules({ connections: 1, connectionRate: { perSecond: 1000, burst: 1000 } }))
  const proxy = await dial(plane.port)
  expect(statusOf(await asked(proxy, from('192.0.2.1')))).toBe(200)
  const { text } = await fetchOnce(plane.port, get('/', from('192.0.2.2')))
  expect(text).toMatch(/^HTTP\/1\.1 429 [^]*X-Weir-Reason: source_full\r\n/)
})

test('who may come in, and who is exempt, is asked of the client; the proxy itself needs no leave to connect', async () => {
  const networks = { allow: ['192.0.2.0/24'], deny: ['192.0.2.66'], exempt: ['192.0.2.7'] }
  const plane = await planeFor(rules({ ...networks, requestRate: oneEach }))
  const proxy = await dial(plane.port)
  expect(statusOf(await asked(proxy, from('192.0.2.1')))).toBe(200)
  for (const denied of ['192.0.2.66', '203.0.113.1', '192.0.2.1, 203.0.113.1'])
    expect(await asked(proxy, from(denied))).toMatch(/^HTTP\/1\.1 403 [^]*X-Weir-Reason: source_denied\r\n/)
  expect(statusOf(await asked(proxy))).toBe(403)
  for (let i = 0; i < 3; i++) expect(statusOf(await asked(proxy, from('192.0.2.7')))).toBe(200)
  expect(statusOf(await asked(proxy, from('192.0.2.1')))).toBe(429)
})

test('a peer that is not trusted is judged by its own address, and a list of its own does not help it', async () => {
  const plane = await planeFor({ ...rules({ deny: ['127.0.0.0/8'] }), trust: trustOthers })
  const { text } = await fetchOnce(plane.port, get('/', from('192.0.2.1')))
  expect(text).toMatch(/^HTTP\/1\.1 403 [^]*X-Weir-Reason: source_denied\r\n/)
})

// The log.

test('the log tells the client, the proxy that named it, and the trace id of AWS', async () => {
  const target = `${folder()}/access.log`
  const snapshot = { accessLog: { format: 'json', target } } as const
  const plane: TestPlane = await planeFor({}, {}, { snapshot })
  const proxy = await dial(plane.port)
  const port = proxy.socket.localPort
  await asked(proxy, from('192.0.2.1:50000'), 'X-Amzn-Trace-Id: Root=1-"2"-3')
  await asked(proxy, from('192.0.2.2'))
  await asked(proxy)
  await asked(proxy, from('192.0.2.3'))
  await proxy.forget().write('NONSENSE\r\n\r\n').over()
  const lines = (): Record<string, unknown>[] =>
    readFileSync(target, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  await eventually('five lines', () => lines().length === 5)
  const told = lines().map(({ client, client_port, peer, trace_id }) => [client, client_port, peer, trace_id])
  expect(told).toEqual([
    ['192.0.2.1', 50000, '127.0.0.1', 'Root=1-"2"-3'],
    ['192.0.2.2', 0, '127.0.0.1', undefined],
    ['127.0.0.1', port, undefined, undefined],
    ['192.0.2.3', 0, '127.0.0.1', undefined],
    ['127.0.0.1', port, undefined, undefined],
  ])
})

// Another configuration, on connections that are there.

test('who is trusted may change between two requests of a connection', async () => {
  const server = new RecordingServer()
  const servers = [await server.listen()]
  server.script = () => response('ok')
  onTestFinished(() => server.close())
  const wish = (trusted: TrustSpec): Wish => ({
    frontends: [{ trust: trusted, ...rules({ deny: ['192.0.2.66'] }), forward: { xForwarded: 'replace' } }],
    backends: [{ servers }],
  })
  const { plane, port, ports } = await startPlane(wish(trust))
  const apply = (trusted: TrustSpec) =>
    plane.apply({ type: 'apply', snapshot: snapshotOf(wish(trusted)), tables: {}, sessions: {}, ports })
  const told = (): string => /X-Forwarded-For: (.*)\r\n/.exec(server.requests.at(-1)!.head)![1]!
  const proxy = await dial(port)
  expect(statusOf(await asked(proxy, from('192.0.2.66')))).toBe(403)
  await apply({ networks: [], field: 'x-forwarded-for' })
  expect(statusOf(await asked(proxy, from('192.0.2.66')))).toBe(200)
  expect(told()).toBe('127.0.0.1')
  await apply({ networks: ['127.0.0.1'], field: 'forwarded' })
  expect(statusOf(await asked(proxy, from('192.0.2.1'), 'Forwarded: for=192.0.2.2'))).toBe(200)
  expect(told()).toBe('192.0.2.2')
})
