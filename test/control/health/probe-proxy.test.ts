// Checks of servers that want a PROXY header on every connection: they get one, before TLS too, that speaks for nobody.
import { serverTlsSpec } from '../../support/tls.ts'
import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { planChecks } from '../../../src/control/health/plan.ts'
import { httpProbe } from '../../../src/control/health/probe-http.ts'
import { tcpProbe } from '../../../src/control/health/probe-tcp.ts'
import type { Probe, SendProxy, Target } from '../../../src/control/health/probe.ts'
import type { Config } from '../../../src/config/config.ts'
import type { Snapshot } from '../../../src/messages/snapshot.ts'
import { ms } from '../../../src/model/units.ts'
import { makeCertificate } from '../../support/certificates.ts'
import { folder } from '../../support/programs.ts'
import { backendSpec, httpCheck, quickCheck, serverSpec, until } from './fixtures.ts'

const LOCAL = '0d0a0d0a000d0a515549540a20000000'
const never = new AbortController().signal
const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

interface Wanting {
  readonly target: Target
  /** What every connection began with: text, or hexadecimal. */
  readonly headers: string[]
}

/** A server that answers 200 behind a header. */
async function startServer(path: string | null, secure: TlsOptions | null): Promise<Wanting> {
  const headers: string[] = []
  const http: Server = createHttpServer((_, response) => void response.end('fine'))
  const inner = secure === null ? http : createTlsServer(secure, (socket) => void http.emit('connection', socket))
  const server = createServer((socket: Socket) => {
    socket.on('error', () => {})
    closers.push(() => socket.destroy())
    socket.once('readable', () => {
      const bytes = socket.read() as Buffer | null
      if (bytes === null) return // it has left without a word
      const end = bytes[0] === 13 ? 16 : bytes.indexOf('\n') + 1
      const header = bytes.subarray(0, end)
      headers.push(bytes[0] === 13 ? header.toString('hex') : header.toString('latin1'))
      if (end < bytes.length) socket.unshift(bytes.subarray(end))
      inner.emit('connection', socket)
    })
  })
  await new Promise<void>((resolve) =>
    server.listen(path === null ? { port: 0, host: '127.0.0.1' } : { path }, resolve),
  )
  closers.push(() => server.close())
  const address = server.address() as AddressInfo | string
  const where =
    typeof address === 'string' ? { host: null, port: 0, path } : { host: '127.0.0.1', port: address.port, path }
  return { target: { ...where, tls: secure && serverTlsSpec({ verify: false, ca: null, serverName: null }) }, headers }
}

const kinds: readonly (readonly [string, (target: Target, version: SendProxy) => Probe])[] = [
  ['tcp', (target, version) => tcpProbe(target, ms(5000), version)],
  ['http', (target, version) => httpProbe(target, httpCheck(), ms(5000), version)],
]

describe.each(kinds)('%s', (_, probe) => {
  test.each([
    ['plain', false],
    ['TLS', true],
  ])('%s', async (_name, encrypted) => {
    const secure = encrypted ? await makeCertificate({ names: ['app.test'] }) : null
    const { target, headers } = await startServer(null, secure)
    expect(await probe(target, 1)(never)).toMatchObject({ passed: true })
    await until(() => headers.length === 1)
    expect(headers[0]).toMatch(new RegExp(`^PROXY TCP4 127\\.0\\.0\\.1 127\\.0\\.0\\.1 \\d+ ${target.port}\r\n$`))
    expect(await probe(target, 2)(never)).toMatchObject({ passed: true })
    await until(() => headers.length === 2)
    expect(headers[1]).toBe(LOCAL)
  })

  test('over a unix socket there are no addresses', async () => {
    const { target, headers } = await startServer(join(folder(), 'app.sock'), null)
    expect(await probe(target, 1)(never)).toMatchObject({ passed: true })
    await until(() => headers.length === 1)
    expect(headers[0]).toBe('PROXY UNKNOWN\r\n')
  })

  test('a closed port is one as ever', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    for (const tls of [null, serverTlsSpec({ verify: false, ca: null, serverName: null })]) {
      const target = { host: '127.0.0.1', port, path: null, tls }
      expect(await probe(target, 2)(never)).toEqual({
        passed: false,
        text: `connect ECONNREFUSED 127.0.0.1:${port}`,
      })
    }
  })
})

test('the checks of a backend that sends headers do so too, but not to another port', async () => {
  const { target, headers } = await startServer(null, null)
  const backend = backendSpec({ sendProxy: { version: 2, tlvs: [] }, servers: [serverSpec()] })
  const plan = (port: number) => {
    const server = { name: 's1', ...target, port, check: target }
    const config = { backends: [{ name: 'app', healthCheck: quickCheck(), servers: [server] }] }
    const [checked] = planChecks(config as unknown as Config, { backends: [backend] } as unknown as Snapshot)
    return checked!.probeFor(backend.servers[0]!)
  }
  expect(await plan(target.port)(never)).toMatchObject({ passed: true })
  await until(() => headers.length === 1)
  expect(headers).toEqual([LOCAL])
  expect(await plan(1)(never)).toMatchObject({ passed: true })
  expect(headers).toHaveLength(1)
})
