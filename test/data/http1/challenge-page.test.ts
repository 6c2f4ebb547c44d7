// The answer to HTTP-01 (RFC 8555, section 8.3): the key authorization for a token that is expected, from Weir itself, on
// every http frontend; all else goes to the servers as if nothing were.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ms } from '../../../src/model/units.ts'
import { total } from '../../../src/scoreboard/scoreboard.ts'
import { certificateSpec } from '../../support/certificates.ts'
import type { FrontendWish, TestPlane, Wish } from '../../support/data-plane.ts'
import { answering, dial, eventually, fetchOnce, get, startPlane, startServer } from '../../support/peers.ts'
import { folder, program, run } from '../../support/programs.ts'
import { openFrontend } from '../../support/specs.ts'

const token = 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA'
const authorization = `${token}.LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ`
const page = `/.well-known/acme-challenge/${token}`

async function planeFor(more: FrontendWish = {}, wish: Partial<Wish> = {}): Promise<TestPlane> {
  const { port } = await startServer(answering('from a server'))
  const plane = await startPlane({ frontends: [more], backends: [{ servers: [port] }], ...wish })
  plane.plane.tls.challenges = { http: { [token]: authorization }, tls: {} }
  return plane
}
const ask = async (plane: TestPlane, path = page, ...lines: string[]): Promise<string> =>
  (await fetchOnce(plane.port, get(path, 'Connection: close', ...lines))).text

test('a token that is expected gets its key authorization and nothing else', async () => {
  const text = await ask(await planeFor())
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\nContent-Type: application\/octet-stream\r\n/)
  expect(text.split('\r\n\r\n')[1]).toBe(authorization)
})

test('for any host, in absolute form, with a query, and without a body for HEAD', async () => {
  const plane = await planeFor()
  for (const path of [`http://other.test${page}`, `${page}?x=/y`])
    expect(await ask(plane, path)).toMatch(new RegExp(`\r\n\r\n${authorization}$`))
  const { text } = await fetchOnce(plane.port, get(page, 'Connection: close').replace('GET', 'HEAD'))
  expect(text).toMatch(new RegExp(`Content-Length: ${authorization.length}\r\n[^]*\r\n\r\n$`))
})

test('other tokens, other paths and other methods are the business of the servers', async () => {
  const plane = await planeFor()
  for (const path of [
    `${page}x`,
    page.slice(0, -1),
    `${page}/`,
    '/.well-known/acme-challenge/',
    '/.well-known/acme-challenge',
    '/.well-known/acme-challenge/constructor',
    '/.well-known/acme-challenge/__proto__',
    `/x${page}`,
    page.toUpperCase(),
    '/',
  ])
    expect(await ask(plane, path)).toMatch(/from a server$/)
  const post = get(page, 'Connection: close').replace('GET', 'POST')
  expect((await fetchOnce(plane.port, post)).text).toMatch(/from a server$/)
})

test('tokens come and go while connections stay', async () => {
  const plane = await planeFor()
  const client = await dial(plane.port)
  await client.write(get(page)).until(authorization)
  plane.plane.tls.challenges = { http: { second: 'second.authorization' }, tls: {} }
  await client.forget().write(get(page)).until('from a server')
  await client.forget().write(get('/.well-known/acme-challenge/second')).until('second.authorization')
  plane.plane.tls.challenges = { http: {}, tls: {} }
  await client.forget().write(get('/.well-known/acme-challenge/second')).until('from a server')
})

test('before all rules: methods, sizes, rates, forms of the path, routes', async () => {
  const plane = await planeFor({
    clients: { ...openFrontend.clients, requestRate: { perSecond: 0.01, burst: 1 }, tarpit: ms(60_000) },
    requests: { methods: ['PUT'], normalizePath: null, neverShed: [] },
    backend: -1,
  })
  for (let i = 0; i < 5; i++) expect(await ask(plane)).toMatch(new RegExp(`${authorization}$`))
  expect(await ask(plane, '/')).toMatch(/^HTTP\/1\.1 405 /)
})

test('every http frontend answers, with TLS and without; beside the health endpoint', async () => {
  const health = { path: '/healthz', failWhen: [], counted: false }
  const certificates = [await certificateSpec({ names: ['weir.test'] })]
  const plane = await planeFor({}, { frontends: [{ binds: [{}, { tls: { certificates } }] }, { health }] })
  for (const [bind, secure] of [
    ['web/0', undefined],
    ['web/1', {}],
    ['web1/0', undefined],
  ] as const) {
    const client = await dial(plane.ports[bind]!, secure)
    await client.write(get(page)).until(authorization)
    await client.forget().write(get('/')).until('from a server')
  }
  const client = await dial(plane.ports['web1/0']!)
  await client.write(get('/healthz')).until('ok\n')
})

test('between other requests on one connection, in one write and in pieces', async () => {
  const plane = await planeFor()
  const all = `${get('/')}${get(page)}${get('/')}${get(page, 'Connection: close')}`
  for (const size of [all.length, 50, 7]) {
    const client = await dial(plane.port)
    for (const piece of all.match(new RegExp(`[^]{1,${size}}`, 'g'))!) {
      client.write(piece)
      await new Promise(setImmediate)
    }
    await client.over()
    expect(client.text.match(/from a server|LPJNul/g)).toEqual(['from a server', 'LPJNul', 'from a server', 'LPJNul'])
  }
})

test('it is counted and logged, as an answer that no server gave', async () => {
  const target = `${folder()}/access.log`
  const plane = await planeFor({}, { snapshot: { accessLog: { format: 'json', target } } })
  await ask(plane)
  expect(total(plane.board, (row) => row.counters.frontend.requests, 0)).toBe(1)
  expect(total(plane.board, (row) => row.counters.server.requests, 0)).toBe(0)
  await eventually('logged', () => readFileSync(target, 'utf8') !== '')
  expect(JSON.parse(readFileSync(target, 'utf8'))).toMatchObject({ path: page, status: 200, server: '', reason: '-' })
})

const curl = program('curl')
test.skipIf(curl === null)('curl gets it too', async () => {
  const plane = await planeFor()
  const { stdout } = await run(curl!, ['-sS', '--http1.1', `http://127.0.0.1:${plane.port}${page}`])
  expect(stdout).toBe(authorization)
})
