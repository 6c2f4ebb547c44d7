// Two binds of one frontend that lead to different backends, as an ELB's listeners do: over http and over tcp, for keys and
// routes too, and across reloads.
import { describe, expect, test } from 'vitest'
import { snapshotOf, type BackendWish, type FrontendWish, type TestPlane, type Wish } from '../../support/data-plane.ts'
import { answering, dial, eventually, get, leftovers, startPlane, startServer } from '../../support/peers.ts'
import { balanceSpec } from '../../support/specs.ts'

const MODES = ['http', 'tcp'] as const

/** Backends of one server each, whose name is in its answers: b0, b1, b2. */
const backends = (mode: 'http' | 'tcp'): Promise<BackendWish[]> =>
  Promise.all(
    ['b0', 'b1', 'b2'].map(async (name) => ({ mode, name, servers: [(await startServer(answering(name))).port] })),
  )

const frontend = (mode: 'http' | 'tcp', second: number, more: FrontendWish = {}): FrontendWish => ({
  mode,
  binds: [{}, { backend: second }],
  ...more,
})

const ask = async (port: number, request = get('/', 'Connection: close')): Promise<string> => {
  const client = await dial(port)
  await client.write(request).until('\r\n\r\nb')
  client.socket.end()
  return client.text.slice(-2)
}
const both = async ({ ports }: TestPlane): Promise<[string, string]> => [
  await ask(ports['web/0']!),
  await ask(ports['web/1']!),
]

const apply = ({ plane, ports }: TestPlane, wish: Wish) =>
  plane.apply({ type: 'apply', snapshot: snapshotOf(wish), tables: {}, sessions: {}, ports })

describe.each(MODES)('%s', (mode) => {
  test('each bind leads to its own backend, and one without to that of the frontend', async () => {
    const plane = await startPlane({ frontends: [frontend(mode, 1)], backends: await backends(mode) })
    expect(await both(plane)).toEqual(['b0', 'b1'])
    await eventually('over', () => leftovers(plane) === '')
    expect(plane.board.rows[0]!.counters.backend.requests.slice(0, 2)).toEqual(Float64Array.of(1, 1))
  })

  test('after a reload to its new one', async () => {
    const pools = await backends(mode)
    const plane = await startPlane({ frontends: [frontend(mode, 1)], backends: pools })
    await apply(plane, { frontends: [frontend(mode, 2)], backends: pools })
    expect(await both(plane)).toEqual(['b0', 'b2'])
    await apply(plane, { frontends: [frontend(mode, -1, { backend: 1 })], backends: pools })
    expect(await both(plane)).toEqual(['b1', 'b1'])
  })
})

test('a connection that is there goes by the new backend of its bind from its next request on', async () => {
  const pools = await backends('http')
  const plane = await startPlane({ frontends: [frontend('http', 1)], backends: pools })
  const client = await dial(plane.ports['web/1']!)
  await client.write(get()).until('\r\n\r\nb1')
  await apply(plane, { frontends: [frontend('http', 2)], backends: pools })
  await client.forget().write(get()).until('\r\n\r\nb2')
  client.socket.end()
})

test('routes count on every bind before its backend does', async () => {
  const routes = [{ host: 'x.test', path: null, backend: 2, priority: null }]
  const plane = await startPlane({ frontends: [frontend('http', 1, { routes })], backends: await backends('http') })
  expect(await both(plane)).toEqual(['b0', 'b1'])
  for (const port of Object.values(plane.ports)) {
    expect(await ask(port, 'GET / HTTP/1.1\r\nHost: x.test\r\nConnection: close\r\n\r\n')).toBe('b2')
  }
})

test('keys are those of the backend of the bind', async () => {
  const names = ['b3', 'b4', 'b5', 'b6']
  const servers = await Promise.all(names.map(async (name) => (await startServer(answering(name))).port))
  const key = [{ source: 'query', name: 'id', prefix4: 32, prefix6: 128, depth: 0, length: 0 }] as const
  const [first] = await backends('http')
  const plane = await startPlane({
    frontends: [frontend('http', 1)],
    backends: [first!, { servers, balance: balanceSpec('hash', { key }) }],
  })
  const answers = new Set<string>()
  for (let id = 0; id < 12; id++) {
    const request = get(`/?id=${id}`, 'Connection: close')
    const answer = await ask(plane.ports['web/1']!, request)
    for (let again = 0; again < 3; again++) expect(await ask(plane.ports['web/1']!, request)).toBe(answer)
    answers.add(answer)
  }
  expect(answers.size).toBeGreaterThan(1)
})
