// What a frontend lets in, over real sockets: what is refused has its reason, and no server has heard of it.
import { expect, test } from 'vitest'
import type { RequestRulesSpec, Snapshot } from '../../../src/messages/snapshot.ts'
import { bytes, ms } from '../../../src/model/units.ts'
import type { FrontendWish } from '../../support/data-plane.ts'
import { dial, eventually, fetchOnce, get, onHead, reasonCount, startPlane, startServer } from '../../support/peers.ts'
import { noOverload, openFrontend } from '../../support/specs.ts'

const rules = (more: Partial<RequestRulesSpec>) => ({ requests: { ...openFrontend.requests, ...more } })
const normalizePath = { dotSegments: true, mergeSlashes: true, encodedSeparators: 'decode' } as const

/** Servers that answer with their name and the target that they saw. */
async function start(frontend: FrontendWish, snapshot: Partial<Omit<Snapshot, 'frontends' | 'backends'>> = {}) {
  const seen: string[] = []
  const named = (name: string) =>
    startServer((socket) =>
      onHead(socket, (head) => {
        seen.push(head)
        const text = `${name} saw ${head.split(' ')[1]}`
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`)
      }),
    )
  const [first, second] = [await named('app'), await named('other')]
  const plane = await startPlane({
    backends: [{ servers: [first.port] }, { servers: [second.port] }],
    frontends: [frontend],
    snapshot,
  })
  return { plane, seen, ask: async (request: string) => (await fetchOnce(plane.port, request)).text }
}

const closing = 'Connection: close'

test('a method that is not in the list: 405, and Allow says which are', async () => {
  const { plane, seen, ask } = await start(rules({ methods: ['GET', 'PURGE', 'HEAD'] }))
  expect(await ask(get('/', closing))).toContain('app saw /')
  expect(await ask(`PURGE / HTTP/1.1\r\nHost: a\r\n${closing}\r\n\r\n`)).toContain('app saw /')
  seen.length = 0
  for (const method of ['POST', 'get', 'GETS', 'PURGES', 'OPTIONS']) {
    const text = await ask(`${method} / HTTP/1.1\r\nHost: a\r\n${closing}\r\n\r\n`)
    expect(text).toMatch(/^HTTP\/1.1 405 [^]*\r\nX-Weir-Reason: method_not_allowed\r\nAllow: GET, PURGE, HEAD\r\n/)
  }
  expect(seen).toEqual([])
  expect(reasonCount(plane, 'method_not_allowed')).toBe(5)
})

test('a refused request without a body leaves its connection open for the next', async () => {
  const { plane } = await start(rules({ methods: ['GET'] }))
  const client = await dial(plane.port)
  await client.write(`DELETE /x HTTP/1.1\r\nHost: a\r\n\r\n${get('/next')}`).until('app saw /next')
  expect(client.text).toContain('405')
})

test('a body that is announced as larger than the limit: 413 before a byte of it is asked for', async () => {
  const { plane, seen } = await start({ limits: { body: bytes(1000) } })
  const client = await dial(plane.port)
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n')
  await client.over()
  expect(client.text).toMatch(/^HTTP\/1.1 413 [^]*X-Weir-Reason: body_too_large\r\n[^]*Connection: close\r\n/)
  expect(seen).toEqual([])
  const fits = await dial(plane.port)
  await fits.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n${'x'.repeat(1000)}`).until('app saw /')
})

test('a chunked body that turns out larger than the limit: 413', async () => {
  const { plane } = await start({ limits: { body: bytes(1000) } })
  const client = await dial(plane.port)
  const chunk = `1f4\r\n${'x'.repeat(500)}\r\n`
  client.write(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}${chunk}${chunk}`)
  await client.over()
  expect(client.text).toMatch(/^HTTP\/1.1 413 [^]*Connection: close\r\n/)
  expect(reasonCount(plane, 'body_too_large')).toBe(1)
})

const behindRoute = {
  routes: [{ host: null, path: '/public', backend: 1, priority: null }],
  ...rules({ normalizePath }),
} as const

test.each([
  ['/public/a', 'other saw /public/a'],
  ['/public/../admin', 'app saw /admin'],
  ['/public/%2e%2e/admin', 'app saw /admin'],
  ['/public/..%2fadmin?x=/..', 'app saw /admin?x=/..'],
  ['/public/..;/admin', 'app saw /admin'],
  ['/x/..//public//b/./c', 'other saw /public/b/c'],
  ['//public', 'other saw /public'],
  ['/%2fpublic%2Fa', 'other saw /public/a'],
  ['http://other.test/public/../admin', 'app saw /admin'],
])('%s: %s, as it was routed', async (target, wanted) => {
  const { ask } = await start(behindRoute)
  expect(await ask(get(target, closing))).toContain(wanted)
})

test('a path above the root: 400', async () => {
  const { seen, ask } = await start(behindRoute)
  expect(await ask(get('/public/../../etc', closing))).toMatch(/^HTTP\/1.1 400 [^]*X-Weir-Reason: bad_path\r\n/)
  expect(seen).toEqual([])
})

test('normalized requests in a pipeline, in pieces: each as if it were alone', async () => {
  const { plane } = await start(behindRoute)
  const text = [get('/public/../1'), get('/2'), get('/a/b/../..//public/3', 'X-A: b'), get('/4', closing)].join('')
  for (const cut of [1, 17, 40, 77, 90, 120]) {
    const client = await dial(plane.port)
    client.write(text.slice(0, cut))
    await eventually('read', () => client.socket.bytesWritten === cut)
    client.write(text.slice(cut))
    await client.over()
    const answers = client.text.match(/(app|other) saw \/(public\/)?\d/g)
    expect(answers).toEqual(['app saw /1', 'app saw /2', 'other saw /public/3', 'app saw /4'])
  }
})

test('what a server gets of a normalized request is what it would get of one that was written so', async () => {
  const { seen, ask } = await start({ ...rules({ normalizePath }), forward: { requestId: 'off' } })
  await ask(get('/a/b?c', 'X-A: 1', closing))
  await ask(get('/x//../a/./b?c', 'X-A: 1', closing))
  expect(seen[1]).toBe(seen[0])
})

const rate = { ...openFrontend.clients, requestRate: { perSecond: 0.01, burst: 2 } }

test('more requests than the rate of a source allows: 429 with Retry-After, on a connection that stays', async () => {
  const { plane, seen } = await start({ clients: rate })
  const client = await dial(plane.port)
  await client.write(get('/1') + get('/2') + get('/3')).until('429')
  expect(client.text).toMatch(/app saw \/1[^]*app saw \/2[^]*X-Weir-Reason: rate_limited\r\nRetry-After: \d+\r\n/)
  expect(seen.length).toBe(2)
  await client.forget().write(get('/4')).until('429')
})

test('a source that is exempt is not limited', async () => {
  const { plane } = await start({ clients: { ...rate, exempt: ['127.0.0.0/8'] } })
  const client = await dial(plane.port)
  await client.write(get('/').repeat(5) + get('/last')).until('app saw /last')
  expect(client.text).not.toContain('429')
})

test('while all is shed: 503 with Retry-After, but for the paths that never are', async () => {
  const overload = { ...noOverload, memory: 90, retryAfter: 7 }
  const { plane, ask } = await start(rules({ neverShed: ['/healthz'] }), { overload })
  expect(await ask(get('/', closing))).toContain('app saw /')
  Atomics.store(plane.board.shared.process.shedding, 0, 100)
  const text = await ask(get('/healthy', closing))
  expect(text).toMatch(/^HTTP\/1.1 503 [^]*X-Weir-Reason: overloaded\r\nRetry-After: 7\r\n/)
  expect(await ask(get('/healthz?full', closing))).toContain('app saw /healthz?full')
  Atomics.store(plane.board.shared.process.shedding, 0, 0)
  expect(await ask(get('/', closing))).toContain('app saw /')
  expect(reasonCount(plane, 'overloaded')).toBe(1)
})

test('a loop that is blocked again and again sheds, and recovers', async () => {
  const { plane, ask } = await start({}, { overload: { ...noOverload, loopDelay: ms(100) } })
  const { shedding, loopDelay } = plane.board.rows[0]!.marks.process
  const block = setInterval(() => {
    for (const end = performance.now() + 400; performance.now() < end;);
  }, 10)
  await eventually('shedding', () => shedding[0]! > 0)
  expect(loopDelay[0]).toBeGreaterThan(100_000)
  clearInterval(block)
  await eventually('over', () => shedding[0] === 0, 40_000)
  expect(await ask(get('/', closing))).toContain('app saw /')
})
