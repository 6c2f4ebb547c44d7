// Strict-Transport-Security: in everything that is answered over TLS, once, and never over plain http.
import { beforeAll, describe, expect, test } from 'vitest'
import type { BreakerSpec } from '../../../src/messages/snapshot.ts'
import { HEALTH_DOWN } from '../../../src/model/states.ts'
import { ms } from '../../../src/model/units.ts'
import { certificateSpec } from '../../support/certificates.ts'
import type { BackendWish, BindWish, FrontendWish, TestPlane } from '../../support/data-plane.ts'
import { answering, dial, get, onHead, startPlane, startServer, type RawClient } from '../../support/peers.ts'
import type { TlsWish } from '../../support/tls.ts'

const value = 'max-age=31536000; includeSubDomains'
const line = `Strict-Transport-Security: ${value}\r\n`
const close = 'Connection: close'

let certificates: TlsWish['certificates']
beforeAll(async () => {
  certificates = [await certificateSpec({ names: ['weir.test'] })]
})
const secure = (hsts: string | null = value): BindWish => ({ tls: { certificates, hsts } })

async function planeFor(
  answer: string,
  more: FrontendWish = {},
  backend: Partial<BackendWish> = {},
): Promise<TestPlane> {
  const { port } = await startServer((socket) => onHead(socket, () => socket.write(answer)))
  return startPlane({ frontends: [{ binds: [secure(), {}], ...more }], backends: [{ servers: [port], ...backend }] })
}
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

async function ask(port: number, request: string, tls = true): Promise<RawClient> {
  const client = await dial(port, tls ? { servername: 'weir.test' } : undefined)
  return client.write(request).over()
}
const fieldsOf = (text: string): string[] => text.match(/^strict-transport-security:.*$/gim) ?? []

test('a response that came by TLS has the field; the same over plain http has not', async () => {
  const plane = await planeFor(ok)
  const { text } = await ask(plane.ports['web/0']!, get('/', close))
  expect(text).toBe(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${line}Connection: close\r\n\r\nok`)
  expect((await ask(plane.ports['web/1']!, get('/', close), false)).text).not.toMatch(/strict-transport/i)
})

test('what the server says itself stays, however it is spelt, and is not said twice', async () => {
  const plane = await planeFor(ok.replace('\r\n', '\r\nsTRICT-tRANSPORT-sECURITY: max-age=0\r\n'))
  const { text } = await ask(plane.ports['web/0']!, get('/', close))
  expect(fieldsOf(text)).toEqual(['sTRICT-tRANSPORT-sECURITY: max-age=0'])
})

test('every response on a connection has it: of HEAD, to HTTP/1.0, chunked, with a body until the end', async () => {
  const plane = await planeFor(ok)
  const client = await dial(plane.ports['web/0']!, {})
  await client.write(get('/') + get('/') + get('/', close)).over()
  expect(fieldsOf(client.text)).toHaveLength(3)
  expect(fieldsOf((await ask(plane.ports['web/0']!, 'GET / HTTP/1.0\r\n\r\n')).text)).toHaveLength(1)
  for (const body of ['Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', 'Connection: close\r\n\r\nok']) {
    const { port } = await startServer((socket) => onHead(socket, () => socket.end(`HTTP/1.1 200 OK\r\n${body}`)))
    const other = await startPlane({ frontends: [{ binds: [secure()] }], backends: [{ servers: [port] }] })
    const { text } = await ask(other.port, get('/', close))
    expect(fieldsOf(text)).toHaveLength(1)
    expect(text.split('\r\n\r\n')[0]).toContain(line.trimEnd())
    expect(text).toMatch(/ok(\r\n0\r\n\r\n)?$/)
  }
})

test('an informational response has none, the final one behind it has', async () => {
  const plane = await planeFor(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok}`)
  const { text } = await ask(plane.ports['web/0']!, get('/', close))
  expect(text.indexOf('Strict-Transport-Security')).toBeGreaterThan(text.indexOf('HTTP/1.1 200 OK'))
  expect(fieldsOf(text)).toHaveLength(1)
})

test('a cookie of Weir and the field go side by side', async () => {
  const cookie = {
    name: 'SRV',
    mode: 'insert',
    indirect: true,
    nocache: false,
    httpOnly: true,
    secure: true,
    sameSite: null,
    domain: null,
    path: '/',
    maxIdle: ms(0),
    maxLife: ms(0),
    key: new Uint8Array(32),
  } as const
  const plane = await planeFor(ok, {}, { persistence: { strict: false, cookie, table: null } })
  const { text } = await ask(plane.ports['web/0']!, get('/', close))
  expect(fieldsOf(text)).toHaveLength(1)
  expect(text).toMatch(/\r\nSet-Cookie: SRV=/)
})

describe('answers of our own have it too', () => {
  const breaker: BreakerSpec = {
    errorRatio: 50,
    minRequests: 1,
    window: ms(1000),
    open: ms(1000),
    trials: 1,
    fallback: -1,
    answer: { status: 503, contentType: 'text/plain', body: 'back soon' },
  }
  const health = { path: '/healthz', failWhen: [], counted: false }

  test('for a request that cannot be understood, or leads nowhere', async () => {
    const plane = await planeFor(ok, { backend: -1, health })
    for (const [request, status] of [
      ['nonsense\r\n\r\n', 400],
      ['GET / HTTP/1.1\r\n\r\n', 400],
      [get('/', close), 404],
      [get('/healthz', close), 200],
    ] as const) {
      const { text } = await ask(plane.ports['web/0']!, request)
      expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
      expect(fieldsOf(text)).toHaveLength(1)
      const plain = await ask(plane.ports['web/1']!, request, false)
      expect(plain.text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
      expect(fieldsOf(plain.text)).toEqual([])
    }
  })

  test('when there is no server, and when the circuit breaker is open', async () => {
    const plane = await planeFor(ok, {}, { breaker })
    plane.set(0, 'health', HEALTH_DOWN)
    expect(fieldsOf((await ask(plane.ports['web/0']!, get('/', close))).text)).toHaveLength(1)
    Atomics.store(plane.board.shared.backend.breaker, 0, 1)
    const { text } = await ask(plane.ports['web/0']!, get('/', close))
    expect(fieldsOf(text)).toHaveLength(1)
    expect(text).toMatch(/back soon$/)
  })

  test('for a page of the authority of ACME', async () => {
    const plane = await planeFor(ok)
    plane.plane.tls.challenges = { http: { abc: 'abc.xyz' }, tls: {} }
    const { text } = await ask(plane.ports['web/0']!, get('/.well-known/acme-challenge/abc', close))
    expect(fieldsOf(text)).toHaveLength(1)
    expect(text).toMatch(/abc\.xyz$/)
  })
})

test('without the option nothing is added', async () => {
  const { port } = await startServer(answering('ok'))
  const plane = await startPlane({ frontends: [{ binds: [secure(null)] }], backends: [{ servers: [port] }] })
  expect(fieldsOf((await ask(plane.port, get('/', close))).text)).toEqual([])
})
