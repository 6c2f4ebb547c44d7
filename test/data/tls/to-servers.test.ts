// TLS towards servers: verified by authority and name, with names of its own, without verification when that is said; and
// what comes of a server that does not pass.
import type { TLSSocket } from 'node:tls'
import { beforeAll, describe, expect, test } from 'vitest'
import type { ServerTlsSpec } from '../../../src/messages/tls.ts'
import type { Mode } from '../../../src/model/states.ts'
import { serverTlsSpec } from '../../support/tls.ts'
import { makeAuthority, makeCertificate, pinOf, type CertificateAndKey } from '../../support/certificates.ts'
import {
  answering,
  dial,
  dialInVain,
  eventually,
  fetchOnce,
  get,
  leftovers,
  onHead,
  reasonCount,
  serverConnections,
  startPlane,
  startServer,
  type ScriptedServer,
} from '../../support/peers.ts'
import { snapshotOf, type TestPlane, type Wish } from '../../support/data-plane.ts'

let authority: CertificateAndKey
let stranger: CertificateAndKey
let app: CertificateAndKey
beforeAll(async () => {
  authority = await makeAuthority()
  stranger = await makeAuthority({ names: ['A stranger'] })
  app = await makeCertificate({ names: ['app.test'], ca: authority })
})
const trusting = (more: Partial<ServerTlsSpec> = {}): ServerTlsSpec =>
  serverTlsSpec({ ca: authority.cert, serverName: 'app.test', ...more })

const seen: string[] = []
const serveTls = (): Promise<ScriptedServer> =>
  startServer(
    (socket) => {
      seen.push(String((socket as unknown as { servername: string | false }).servername))
      answering('secure')(socket)
    },
    { tls: app },
  )

describe.each(['http', 'tcp'] as const)('in %s mode', (mode: Mode) => {
  const planeFor = (servers: readonly { port: number; tls: ServerTlsSpec | null }[]): Promise<TestPlane> =>
    startPlane({ frontends: [{ mode }], backends: [{ mode, servers }] })
  const works = async (plane: TestPlane): Promise<void> => {
    const client = await dial(plane.port)
    await client.write(get()).until('secure')
  }
  const fails = async (plane: TestPlane): Promise<void> => {
    if (mode === 'http')
      expect((await fetchOnce(plane.port)).text).toMatch(/^HTTP\/1.1 502 [^]*X-Weir-Reason: server_tls\r\n/)
    else {
      const client = await dial(plane.port).catch(() => null)
      await client?.over()
      expect(client?.text ?? '').toBe('')
    }
    await eventually('counted', () => reasonCount(plane, 'server_tls') === 1)
    await eventually('freed', () => leftovers(plane) === '' && serverConnections(plane) === 0)
  }

  test('a server whose authority and name are right; the name is sent as SNI', async () => {
    const server = await serveTls()
    seen.length = 0
    await works(await planeFor([{ port: server.port, tls: trusting() }]))
    expect(seen).toEqual(['app.test'])
  })
  test('a wrong authority', async () => {
    const server = await serveTls()
    await fails(await planeFor([{ port: server.port, tls: trusting({ ca: stranger.cert }) }]))
  })
  test('no authority said: only public ones are trusted', async () => {
    const server = await serveTls()
    await fails(await planeFor([{ port: server.port, tls: trusting({ ca: null }) }]))
  })
  test('a wrong name', async () => {
    const server = await serveTls()
    await fails(await planeFor([{ port: server.port, tls: trusting({ serverName: 'else.test' }) }]))
  })
  test('verify: none takes any certificate', async () => {
    const server = await serveTls()
    await works(await planeFor([{ port: server.port, tls: serverTlsSpec({ verify: false }) }]))
  })
  test('a server whose key is pinned, verified or not', async () => {
    const server = await serveTls()
    await works(await planeFor([{ port: server.port, tls: trusting({ pins: [pinOf(stranger), pinOf(app)] }) }]))
    await works(await planeFor([{ port: server.port, tls: serverTlsSpec({ verify: false, pins: [pinOf(app)] }) }]))
  })
  test.each([true, false])('a server with another key than is pinned, verified: %s', async (verify) => {
    const server = await serveTls()
    await fails(await planeFor([{ port: server.port, tls: trusting({ verify, pins: [pinOf(stranger)] }) }]))
  })
  test('a server that asks who we are', async () => {
    const own = await makeCertificate({ names: ['weir'], usage: 'client', ca: authority })
    const asking = { ...app, requestCert: true, rejectUnauthorized: true, ca: authority.cert }
    const server = await startServer(
      (socket) => answering(`secure ${(socket as TLSSocket).getPeerX509Certificate()?.subject}`)(socket),
      { tls: asking },
    )
    const plane = await planeFor([{ port: server.port, tls: trusting({ certificate: own }) }])
    const client = await dial(plane.port)
    await client.write(get()).until('secure CN=weir')
  })
  test('a server that speaks no TLS', async () => {
    const server = await startServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    await fails(await planeFor([{ port: server.port, tls: trusting() }]))
  })
  test('a server that closes in the middle of the handshake', async () => {
    const server = await startServer((socket) => socket.once('data', () => socket.end()))
    await fails(await planeFor([{ port: server.port, tls: trusting() }]))
  })
  test('a server that resets in the middle of the handshake', async () => {
    const server = await startServer((socket) => socket.once('data', () => socket.resetAndDestroy()))
    await fails(await planeFor([{ port: server.port, tls: trusting() }]))
  })
  test('a server that does not pass is passed over', async () => {
    const server = await serveTls()
    const wrong = await serveTls()
    const plane = await planeFor([
      { port: wrong.port, tls: trusting({ serverName: 'else.test' }) },
      { port: server.port, tls: trusting() },
    ])
    for (let i = 0; i < 4; i++) await works(plane)
    expect(plane.board.rows[0]!.counters.server.connectErrors[0]).toBeGreaterThan(0)
  })
})

test.each([
  ['another authority', () => trusting({ ca: stranger.cert })],
  ['another key, verified', () => trusting({ pins: [pinOf(stranger)] })],
  ['another key, not verified', () => serverTlsSpec({ verify: false, pins: [pinOf(stranger)] })],
])('not a byte of a request reaches a server with %s', async (_, tlsFor) => {
  const heard: Buffer[] = []
  const server = await startServer((socket) => socket.on('data', (bytes) => heard.push(bytes as Buffer)), { tls: app })
  const plane = await startPlane({ backends: [{ servers: [{ port: server.port, tls: tlsFor() }] }] })
  const { text } = await fetchOnce(plane.port, get('/secret', 'Connection: close'))
  expect(text).toMatch(/^HTTP\/1.1 502 /)
  await eventually('gone', () => server.open() === 0)
  expect(heard).toEqual([])
})

test('a session ends with what it was verified by', async () => {
  const reused: boolean[] = []
  const server = await startServer(
    (socket) => {
      reused.push((socket as TLSSocket).isSessionReused())
      onHead(socket, () => socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'))
    },
    { tls: app },
  )
  const own = await makeCertificate({ names: ['weir'], usage: 'client', ca: authority })
  const wish = (tls: ServerTlsSpec): Wish => ({ backends: [{ servers: [{ port: server.port, tls }] }] })
  const plane = await startPlane(wish(trusting()))
  for (const tls of [
    trusting(),
    trusting({ pins: [pinOf(app)] }),
    trusting({ pins: [pinOf(app), pinOf(stranger)] }),
    trusting({ certificate: own }),
    trusting({ ca: `${stranger.cert}${authority.cert}` }),
  ]) {
    const snapshot = snapshotOf(wish(tls))
    await plane.plane.apply({ type: 'apply', snapshot, tables: {}, sessions: {}, ports: plane.ports })
    reused.length = 0
    for (let i = 0; i < 2; i++) expect((await fetchOnce(plane.port)).text).toMatch(/ok$/)
    expect(reused).toEqual([false, true])
  }
})

test('nobody reads what a client says to a tcp frontend before its server has proved itself', async () => {
  const server = await serveTls()
  const plane = await startPlane({
    frontends: [{ mode: 'tcp' }],
    backends: [{ mode: 'tcp', servers: [{ port: server.port, tls: trusting({ ca: stranger.cert }) }] }],
  })
  await dialInVain(plane.port)
  expect(server.sockets.length).toBe(0)
})
