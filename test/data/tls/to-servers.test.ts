// TLS towards servers: verified by authority and name, with names of its own, without verification when that is said; and
// what comes of a server that does not pass.
import { beforeAll, describe, expect, test } from 'vitest'
import type { ServerTlsSpec } from '../../../src/messages/tls.ts'
import type { Mode } from '../../../src/model/states.ts'
import { serverTlsSpec } from '../../support/tls.ts'
import { makeAuthority, makeCertificate, type CertificateAndKey } from '../../support/certificates.ts'
import {
  answering,
  dial,
  dialInVain,
  eventually,
  fetchOnce,
  get,
  leftovers,
  reasonCount,
  serverConnections,
  startPlane,
  startServer,
  type ScriptedServer,
} from '../../support/peers.ts'
import type { TestPlane } from '../../support/data-plane.ts'

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

test('nobody reads what a client says to a tcp frontend before its server has proved itself', async () => {
  const server = await serveTls()
  const plane = await startPlane({
    frontends: [{ mode: 'tcp' }],
    backends: [{ mode: 'tcp', servers: [{ port: server.port, tls: trusting({ ca: stranger.cert }) }] }],
  })
  await dialInVain(plane.port)
  expect(server.sockets.length).toBe(0)
})
