// Rules about clients, with real connections: who is refused, how, and that limits hold over two workers.
import { randomBytes } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import { expect, test } from 'vitest'
import type { ClientRulesSpec } from '../../../src/messages/snapshot.ts'
import type { TlsWish } from '../../support/tls.ts'
import { ms } from '../../../src/model/units.ts'
import { createSourceTable } from '../../../src/scoreboard/sources.ts'
import { KeyedTable } from '../../../src/scoreboard/keyed-table.ts'
import { certificateSpec } from '../../support/certificates.ts'
import type { FrontendWish, TestPlane } from '../../support/data-plane.ts'
import {
  answering,
  dial,
  dialInVain,
  eventually,
  fetchOnce,
  get,
  pause,
  reasonCount,
  startPlane,
  startServer,
} from '../../support/peers.ts'
import { folder } from '../../support/programs.ts'
import { openFrontend } from '../../support/specs.ts'

const hasIPv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)
const tlsSpec = async (): Promise<TlsWish> => ({
  certificates: [await certificateSpec({ names: ['weir.test'] })],
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ciphers: null,
  alpn: ['http/1.1'],
  ticketKeys: randomBytes(48),
})
const clients = (rules: Partial<ClientRulesSpec>): FrontendWish => ({ clients: { ...openFrontend.clients, ...rules } })

const planeFor = async (rules: Partial<ClientRulesSpec>, more: FrontendWish = {}): Promise<TestPlane> =>
  startPlane({
    frontends: [{ ...clients(rules), ...more }],
    backends: [{ servers: [(await startServer(answering('fine'))).port] }],
  })

/** Two workers that share everything that is shared. */
async function twoPlanes(rules: Partial<ClientRulesSpec>) {
  const server = await startServer(answering('fine'))
  const sources = createSourceTable(64, 2)
  const wish = { frontends: [clients(rules)], backends: [{ servers: [server.port] }], workers: 2, sources }
  const one = await startPlane(wish)
  const two = await startPlane({ ...wish, board: one.board, worker: 1 })
  return { one, two, pins: () => new KeyedTable(sources).pins.reduce((sum, n) => sum + n, 0) }
}

test('who is denied is answered 403 source_denied', async () => {
  const plane = await planeFor({ deny: ['127.0.0.0/8'] })
  expect((await fetchOnce(plane.port)).text).toMatch(/^HTTP\/1.1 403 [^]*X-Weir-Reason: source_denied\r\n/)
  expect(reasonCount(plane, 'source_denied')).toBe(1)
})

test('who is allowed is served, and a unix socket is no network', async () => {
  const path = `${folder()}/web.sock`
  const plane = await planeFor({ allow: ['127.0.0.1'] }, { binds: [{}, { host: null, path }] })
  expect((await fetchOnce(plane.port)).text).toContain('fine')
  const local = await dial({ path })
  expect((await local.write(get('/', 'Connection: close')).over()).text).toContain('fine')
})

test('connections of one source, exact over two workers, and free again when they have ended', async () => {
  const { one, two, pins } = await twoPlanes({ connections: 3 })
  const inside = [await dial(one.port), await dial(two.port), await dial(one.port)]
  for (const client of inside) await client.write(get()).until('fine')
  for (const plane of [one, two]) {
    const { text } = await fetchOnce(plane.port)
    expect(text).toMatch(/^HTTP\/1.1 429 [^]*X-Weir-Reason: source_full\r\n/)
    expect(text).toMatch(/\r\nRetry-After: 1\r\n/)
  }
  inside[0]!.socket.destroy()
  await eventually('room', () => pins() === 2)
  expect((await fetchOnce(two.port)).text).toContain('fine')
  for (const client of inside) client.socket.destroy()
  await eventually('all ended', () => pins() === 0)
})

test.skipIf(!hasIPv6)('an IPv6 client is a source as well', async () => {
  const plane = await planeFor({ connections: 1 }, { binds: [{ host: '::1' }] })
  const inside = await dial({ port: plane.port, host: '::1' })
  await inside.write(get()).until('fine')
  const second = await dial({ port: plane.port, host: '::1' })
  await second.write(get()).until('source_full')
})

test('many connections of one source at once to two workers: exactly as many as are allowed get in', async () => {
  const { one, two } = await twoPlanes({ connections: 10 })
  const crowd = await Promise.all(Array.from({ length: 30 }, (_, i) => dial(i % 2 === 0 ? one.port : two.port)))
  for (const client of crowd) client.write(get())
  await Promise.all(crowd.map(async (client) => client.until('HTTP/1.1')))
  expect(crowd.filter(({ text }) => text.includes('fine')).length).toBe(10)
  expect(crowd.filter(({ text }) => text.includes('source_full')).length).toBe(20)
})

test('the rate of connections holds over two workers', async () => {
  const { one, two } = await twoPlanes({ connectionRate: { perSecond: 0.01, burst: 4 } })
  const texts: string[] = []
  for (let i = 0; i < 6; i++) texts.push((await fetchOnce((i % 2 === 0 ? one : two).port)).text)
  expect(texts.filter((text) => text.includes('fine')).length).toBe(4)
  expect(texts[5]).toMatch(/^HTTP\/1.1 429 [^]*X-Weir-Reason: rate_limited\r\n/)
  expect(texts[5]).toMatch(/\r\nRetry-After: \d+\r\n/)
})

test('the rate of requests holds over connections and workers', async () => {
  const { one, two } = await twoPlanes({ requestRate: { perSecond: 0.01, burst: 5 } })
  const [first, second] = [await dial(one.port), await dial(two.port)]
  const statuses: string[] = []
  for (let i = 0; i < 7; i++) {
    const client = i % 2 === 0 ? first : second
    client.forget().write(get())
    await eventually('answered', () => /\r\n\r\n./.test(client.text))
    statuses.push(client.text.slice(9, 12))
  }
  expect(statuses).toEqual(['200', '200', '200', '200', '200', '429', '429'])
})

test('over TLS and in tcp mode the connection is just closed, and counted', async () => {
  const secure = await planeFor({ deny: ['127.0.0.1'] }, { binds: [{ tls: await tlsSpec() }] })
  await expect(dial(secure.port, {})).rejects.toThrow()
  expect(reasonCount(secure, 'source_denied')).toBe(1)
  const server = await startServer((socket) => socket.write('hello'))
  const plain = await startPlane({
    frontends: [{ mode: 'tcp', ...clients({ connections: 1 }) }],
    backends: [{ mode: 'tcp', servers: [server.port] }],
  })
  const inside = await dial(plain.port)
  await inside.until('hello')
  await dialInVain(plain.port)
  expect(reasonCount(plain, 'source_full')).toBe(1)
  inside.socket.resetAndDestroy()
  await eventually('room', () => plain.board.shared.frontend.connections[0] === 0)
  await (await dial(plain.port)).until('hello')
})

test('a TLS handshake that is never made holds its place in the source until it is over', async () => {
  const plane = await planeFor(
    { connections: 1 },
    { binds: [{ tls: await tlsSpec() }], timeouts: { tlsHandshake: ms(2000) } },
  )
  const silent = await dial(plane.port)
  await expect(dial(plane.port, {})).rejects.toThrow()
  await silent.over()
  await eventually('room', () => plane.board.shared.frontend.connections[0] === 0)
  expect((await (await dial(plane.port, {})).write(get('/', 'Connection: close')).over()).text).toContain('fine')
})

test('a tarpit holds the answer to who is over the rate back, and nothing of it counts as a connection', async () => {
  const plane = await planeFor({ connectionRate: { perSecond: 0.01, burst: 1 }, tarpit: ms(1500) })
  expect((await fetchOnce(plane.port)).text).toContain('fine')
  await eventually('gone', () => plane.board.shared.frontend.connections[0] === 0)
  const startedAt = performance.now()
  const held = await dial(plane.port)
  held.write(get())
  await pause(300)
  expect(held.text).toBe('')
  expect(plane.board.shared.frontend.connections[0]).toBe(0)
  await held.until('rate_limited')
  expect(performance.now() - startedAt).toBeGreaterThan(1490)
})

test('connections in a tarpit do not keep a stop waiting', async () => {
  const plane = await planeFor({ connectionRate: { perSecond: 0.01, burst: 1 }, tarpit: ms(60_000) })
  await fetchOnce(plane.port)
  const held = await dial(plane.port)
  await eventually('accepted', () => plane.board.rows[0]!.counters.frontend.connects[0] === 2)
  const stopped = plane.close()
  await held.over()
  held.socket.destroy()
  await stopped
})
