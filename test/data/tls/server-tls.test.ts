// TLS towards servers: what is verified, which name is sent, what is shown, and that the second handshake is a short one.
import { createServer as createTlsServer, connect, type TlsOptions, type TLSSocket } from 'node:tls'
import type { AddressInfo, Server } from 'node:net'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { ServerSpec } from '../../../src/messages/snapshot.ts'
import type { ServerTlsSpec } from '../../../src/messages/tls.ts'
import { serverTls, type UpstreamTls } from '../../../src/data/tls/server-tls.ts'
import { serverTlsSpec } from '../../support/tls.ts'
import { makeAuthority, makeCertificate, pinOf, type CertificateAndKey } from '../../support/certificates.ts'

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
const seen: { servername: string | false; alpn: string | false | null; client?: string } = {
  servername: false,
  alpn: null,
}

async function serve(certificate: CertificateAndKey, more: TlsOptions = {}): Promise<number> {
  const server = createTlsServer({ ...certificate, ALPNProtocols: ['h2', 'http/1.1'], ...more }, (socket) => {
    seen.servername = (socket as TLSSocket & { servername: string | false }).servername
    seen.alpn = socket.alpnProtocol
    const subject = socket.getPeerX509Certificate()?.subject
    seen.client = subject === undefined ? 'none' : `${subject} ${socket.authorized ? 'authorized' : 'refused'}`
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
    to.attend(socket)
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

describe('pins', () => {
  test('one of them must be that of the server, besides all else that is verified', async () => {
    const port = await serve(named)
    const serverName = 'app.test'
    await dial(port, upstream({ serverName, pins: [pinOf(named)] }))
    await dial(port, upstream({ serverName, pins: [pinOf(byAddress), pinOf(named)] }))
    await expect(dial(port, upstream({ serverName, pins: [pinOf(byAddress)] }))).rejects.toThrow(/not pinned/)
    await expect(dial(port, upstream({ serverName, pins: [pinOf(ca)] }))).rejects.toThrow(/not pinned/)
    await expect(dial(port, upstream({ serverName: 'other.test', pins: [pinOf(named)] }))).rejects.toThrow(/altnames/)
  })

  test('without verification they alone decide', async () => {
    const port = await serve(named)
    await dial(port, upstream({ verify: false, ca: null, pins: [pinOf(named)] }))
    const stranger = upstream({ verify: false, ca: null, pins: [pinOf(byAddress)] })
    await expect(dial(port, stranger)).rejects.toThrow(/not pinned/)
    expect(stranger.options().session).toBeUndefined()
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'a session of %s goes on, with a server that has been looked at',
    async (v) => {
      const to = upstream({ verify: false, pins: [pinOf(named)] })
      const port = await serve(named, { maxVersion: v })
      expect(await dial(port, to)).toBe(false)
      expect(await dial(port, to)).toBe(true)
      const impostor = await serve(byAddress, { maxVersion: v })
      await expect(dial(impostor, to)).rejects.toThrow(/not pinned/)
      expect(to.options().session).toBeUndefined()
    },
  )
})

describe('a certificate of our own', () => {
  const own = async (): Promise<CertificateAndKey> => makeCertificate({ names: ['weir'], usage: 'client', ca })
  const shown = async (certificate: CertificateAndKey | null): Promise<string | undefined> => {
    const port = await serve(byAddress, { requestCert: true, rejectUnauthorized: false, ca: ca.cert })
    await dial(port, upstream({ certificate }))
    return seen.client
  }

  test('is shown to a server that asks', async () => {
    expect(await shown(await own())).toBe('CN=weir authorized')
    expect(await shown(null)).toBe('none')
  })

  test('is that of one server, though others have the same authority', async () => {
    const [one, other] = [await own(), await makeCertificate({ names: ['other'], usage: 'client', ca })]
    expect(await shown(one)).toBe('CN=weir authorized')
    expect(await shown(other)).toBe('CN=other authorized')
    expect(await shown(one)).toBe('CN=weir authorized')
  })

  test('that is damaged is refused at once, and its key is not in the words', async () => {
    const { cert, key } = await own()
    const damaged = { cert, key: key.replace(/[A-Za-z]{8}/g, 'AAAAAAAA') }
    expect(() => upstream({ certificate: damaged })).toThrow()
    try {
      upstream({ certificate: damaged })
    } catch (error) {
      expect(String((error as Error).stack)).not.toContain(key.split('\n')[1]!.slice(0, 20))
    }
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
  to.attend(socket)
  socket.destroy(new Error('reset'))
  await new Promise<void>((resolve) => socket.on('close', () => resolve()))
  expect(to.options().session).toBeUndefined()
})
