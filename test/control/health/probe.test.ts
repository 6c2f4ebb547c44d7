// The two kinds of checks against real servers: what passes, what fails, and with which words.
import { serverTlsSpec } from '../../support/tls.ts'
import { createServer as createTlsServer } from 'node:tls'
import { createServer as createUnixServer } from 'node:http'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { makeCertificate } from '../../support/certificates.ts'
import { expect, test } from 'vitest'
import { httpProbe } from '../../../src/control/health/probe-http.ts'
import { tcpProbe } from '../../../src/control/health/probe-tcp.ts'
import type { HttpCheckSpec, ProbeResult, Target } from '../../../src/control/health/probe.ts'
import { ms } from '../../../src/model/units.ts'
import { httpCheck, httpServer, tcpServer } from './fixtures.ts'

const target = (overrides: Partial<Target>): Target => ({
  host: '127.0.0.1',
  port: 1,
  path: null,
  tls: null,
  ...overrides,
})
const never = new AbortController().signal
const http = (where: Partial<Target>, check: Partial<HttpCheckSpec> = {}, timeout = 5000): Promise<ProbeResult> =>
  httpProbe(target(where), httpCheck(check), ms(timeout))(never)
const tcp = (where: Partial<Target>, timeout = 5000): Promise<ProbeResult> =>
  tcpProbe(target(where), ms(timeout))(never)

test('a tcp check passes when the connection stands', async () => {
  await using server = await tcpServer(() => {})
  expect(await tcp({ port: server.port })).toEqual({ passed: true, text: 'connected' })
})

test('a closed port fails both kinds of checks with the words of the system', async () => {
  const server = await tcpServer(() => {})
  await server.stop()
  const refused = { passed: false, text: `connect ECONNREFUSED 127.0.0.1:${server.port}` }
  expect(await tcp({ port: server.port })).toEqual(refused)
  expect(await http({ port: server.port })).toEqual(refused)
})

test('an http check sends its method, path and host on a connection of its own', async () => {
  const seen: unknown[] = []
  await using server = await httpServer((request, response) => {
    seen.push([request.method, request.url, request.headers.host, request.headers.connection])
    response.end('fine')
  })
  const check = { method: 'OPTIONS', path: '/ready?full=1', host: 'app.example' }
  expect(await http({ port: server.port }, check)).toEqual({ passed: true, text: 'status 200' })
  await http({ port: server.port })
  expect(seen).toEqual([
    ['OPTIONS', '/ready?full=1', 'app.example', 'close'],
    ['GET', '/health', `127.0.0.1:${server.port}`, 'close'],
  ])
})

test('a status outside the expected ranges fails', async () => {
  await using server = await httpServer((_, response) => response.writeHead(503).end())
  expect(await http({ port: server.port })).toEqual({ passed: false, text: 'status 503, expected 200-399' })
  const expect404: HttpCheckSpec['expect'] = [
    [200, 204],
    [404, 404],
  ]
  expect((await http({ port: server.port }, { expect: expect404 })).text).toBe('status 503, expected 200-204, 404')
  expect((await http({ port: server.port }, { expect: [[503, 503]] })).passed).toBe(true)
})

test('a redirect is judged, not followed', async () => {
  let requests = 0
  await using server = await httpServer((_, response) => {
    requests++
    response.writeHead(302, { location: '/elsewhere' }).end()
  })
  expect(await http({ port: server.port })).toEqual({ passed: true, text: 'status 302' })
  expect((await http({ port: server.port }, { expect: [[200, 299]] })).passed).toBe(false)
  expect(requests).toBe(2)
})

test('a server that hangs fails after the timeout', async () => {
  await using server = await tcpServer(() => {})
  expect(await http({ port: server.port }, {}, 50)).toEqual({ passed: false, text: 'timeout after 50 ms' })
})

test('an answer without an end does not hold the check up', async () => {
  await using server = await httpServer((_, response) => {
    response.writeHead(200)
    const timer = setInterval(() => response.write('x'.repeat(20_000)), 1)
    response.on('close', () => clearInterval(timer))
  })
  expect(await http({ port: server.port })).toEqual({ passed: true, text: 'status 200' })
})

test('a server that hangs up, or does not speak HTTP, fails', async () => {
  await using rude = await tcpServer((socket) => void socket.on('data', () => socket.destroy()))
  expect(await http({ port: rude.port })).toEqual({ passed: false, text: 'connection closed before an answer' })
  await using alien = await tcpServer((socket) => void socket.on('data', () => socket.end('SSH-2.0-OpenSSH_9.2\r\n')))
  expect((await http({ port: alien.port })).text).toMatch(/^not a valid HTTP answer/)
})

test('a check that is called off ends at once', async () => {
  await using server = await tcpServer(() => {})
  const end = new AbortController()
  const results = [httpProbe(target({ port: server.port }), httpCheck(), ms(60_000))(end.signal)]
  results.push(
    tcpProbe(
      target({ port: server.port, tls: serverTlsSpec({ verify: false, ca: null, serverName: null }) }),
      ms(60_000),
    )(end.signal),
  )
  end.abort()
  expect((await Promise.all(results)).map(({ passed }) => passed)).toEqual([false, false])
})

test('a server on a unix socket is checked there', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'weir-test-')), 'server.sock')
  const server = createUnixServer((_, response) => response.end()).listen(path)
  try {
    expect(await http({ host: null, path })).toEqual({ passed: true, text: 'status 200' })
    expect(await tcp({ host: null, path })).toEqual({ passed: true, text: 'connected' })
  } finally {
    server.close()
  }
})

test('a TLS check verifies the certificate by the configured name, unless told not to', async () => {
  const pems = await makeCertificate({ names: ['app.internal'] })
  const names: unknown[] = []
  const server = createTlsServer({ key: pems.key, cert: pems.cert }, (socket) => {
    names.push(socket.servername)
    socket.on('error', () => {})
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))
  })
  const errors: Error[] = []
  server.on('tlsClientError', (error) => errors.push(error))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const trusted = serverTlsSpec({ verify: true, ca: pems.cert, serverName: 'app.internal' })
  try {
    expect(await tcp({ port, tls: trusted })).toEqual({ passed: true, text: 'connected, TLS established' })
    expect(await http({ port, tls: trusted }, { host: 'www.example' })).toEqual({ passed: true, text: 'status 200' })
    expect(names).toEqual(['app.internal', 'app.internal'])
    expect(errors).toEqual([])
    for (const check of [tcp, http]) {
      expect((await check({ port, tls: { ...trusted, serverName: 'other.internal' } })).text).toMatch(/altnames/)
      expect((await check({ port, tls: { ...trusted, serverName: null } })).passed).toBe(false)
      expect((await check({ port, tls: { ...trusted, ca: null } })).text).toMatch(/self.signed/)
      expect((await check({ port, tls: serverTlsSpec({ verify: false, ca: null, serverName: null }) })).passed).toBe(
        true,
      )
    }
  } finally {
    server.close()
  }
})
