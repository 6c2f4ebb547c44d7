// TLS towards servers: what is verified, which name is sent, and that the second handshake is a short one.
import { createServer as createTlsServer, connect, type TlsOptions, type TLSSocket } from 'node:tls'
import type { AddressInfo, Server } from 'node:net'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { ServerSpec } from '../../../src/messages/snapshot.ts'
import type { ServerTlsSpec } from '../../../src/messages/tls.ts'
import { serverTls, type UpstreamTls } from '../../../src/data/tls/server-tls.ts'
import { serverTlsSpec } from '../../support/tls.ts'
import { makeAuthority, makeCertificate, type CertificateAndKey } from '../../support/certificates.ts'

let ca: CertificateAndKey
let named: CertificateAndKey
let byAddress: CertificateAndKey
const servers: Server[] = []

beforeAll(async () => {
  ca = await makeAuthority()
  named = await makeCertificate({ names: ['app.test'], ca })
  byAddress = await makeCertificate({ names: ['127.0.0.1'], ca })
})
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** What the server saw of the last connection. */
const seen: { servername: string | false; alpn: string | false | null } = { servername: false, alpn: null }

async function serve(certificate: CertificateAndKey, more: TlsOptions = {}): Promise<number> {
  const server = createTlsServer({ ...certificate, ALPNProtocols: ['h2', 'http/1.1'], ...more }, (socket) => {
    seen.servername = (socket as TLSSocket & { servername: string | false }).servername
    seen.alpn = socket.alpnProtocol
    socket.on('error', () => {})
    socket.end('hello')
  })
  server.on('tlsClientError', () => {})
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

const upstream = (tls: Partial<ServerTlsSpec>, host = '127.0.0.1', mode: 'http' | 'tcp' = 'http'): UpstreamTls => {
  const spec: ServerSpec = {
    slot: 0,
    name: 's',
    host,
    port: 0,
    path: null,
    weight: 1,
    maxConnections: 0,
    tier: 0,
    zone: null,
    tls: serverTlsSpec({ ca: ca.cert, ...tls }),
  }
  return serverTls(spec, mode)
}

/** @returns whether the session was resumed */
function dial(port: number, to: UpstreamTls): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ...to.options() })
    let reused = false
    socket.on('secureConnect', () => (reused = socket.isSessionReused()))
    socket.on('error', reject)
    socket.on('close', () => resolve(reused))
    to.remember(socket)
    socket.resume()
  })
}

describe('verification', () => {
  test('the certificate must have the name', async () => {
    const port = await serve(named)
    await dial(port, upstream({ serverName: 'app.test' }))
    expect(seen.servername).toBe('app.test')
    await expect(dial(port, upstream({ serverName: 'other.test' }))).rejects.toThrow(/altnames/)
  })

  test('a host that is a name is the name', async () => {
    const port = await serve(named)
    await dial(port, upstream({}, 'app.test'))
    expect(seen.servername).toBe('app.test')
  })

  test('addresses are verified but never sent as SNI', async () => {
    const port = await serve(byAddress)
    await dial(port, upstream({}))
    expect(seen.servername).toBe(false)
    await dial(port, upstream({ serverName: '127.0.0.1' }, 'elsewhere.test'))
    expect(seen.servername).toBe(false)
    await expect(dial(port, upstream({ serverName: '127.0.0.2' }))).rejects.toThrow(/127\.0\.0\.2/)
    await expect(dial(await serve(named), upstream({}))).rejects.toThrow(/127\.0\.0\.1/)
  })

  test('the authority must be the one that was named, and Node knows none of ours', async () => {
    const port = await serve(named)
    const other = await makeAuthority()
    for (const trusted of [other.cert, null]) {
      await expect(dial(port, upstream({ ca: trusted, serverName: 'app.test' }))).rejects.toThrow(
        /unable to verify|self-signed|signature failure/,
      )
    }
  })

  test('nothing is verified only when said', async () => {
    await dial(await serve(named), upstream({ verify: false, ca: null }))
  })
})

test('ALPN http/1.1 in http mode, none in tcp mode', async () => {
  const port = await serve(byAddress)
  await dial(port, upstream({}))
  expect(seen.alpn).toBe('http/1.1')
  await dial(port, upstream({}, '127.0.0.1', 'tcp'))
  expect(seen.alpn).toBe(false)
})

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('sessions of %s', (maxVersion) => {
  test('the newest is used again, each time', async () => {
    const port = await serve(byAddress, { maxVersion })
    const to = upstream({})
    expect(await dial(port, to)).toBe(false)
    for (let i = 0; i < 3; i++) expect(await dial(port, to)).toBe(true)
  })

  test('a server that knows it no more gets a full handshake', async () => {
    const to = upstream({ verify: false })
    await dial(await serve(byAddress, { maxVersion }), to)
    const again = await serve(byAddress, { maxVersion })
    expect(await dial(again, to)).toBe(false)
    expect(await dial(again, to)).toBe(true)
  })
})

test('an error forgets the session', async () => {
  const port = await serve(byAddress)
  const to = upstream({})
  await dial(port, to)
  expect(to.options().session).toBeDefined()
  const socket = connect({ host: '127.0.0.1', port, ...to.options() })
  to.remember(socket)
  socket.destroy(new Error('reset'))
  await new Promise<void>((resolve) => socket.on('close', () => resolve()))
  expect(to.options().session).toBeUndefined()
})
