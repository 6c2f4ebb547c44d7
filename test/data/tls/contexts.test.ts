// Which certificate a client is shown, what is negotiated, and that tickets are good in every context of every worker.
// Real handshakes over loopback: Node as the client, and `openssl s_client` for what Node cannot ask for.
import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { CertificateSpec } from '../../../src/messages/tls.ts'
import { testTls, withId, type TlsWish } from '../../support/tls.ts'
import { wrapServer } from '../../../src/data/tls/accept.ts'
import { certificateSpec, makeAuthority, makeCertificate } from '../../support/certificates.ts'

const hasOpenssl = (() => {
  try {
    return execFileSync('openssl', ['version']).length > 0
  } catch {
    return false
  }
})()

let ec: CertificateSpec
let rsa: CertificateSpec
let other: CertificateSpec
let wildcard: CertificateSpec
const servers: Server[] = []
const folder = mkdtempSync(join(tmpdir(), 'weir-tls-'))

beforeAll(async () => {
  ec = withId(await certificateSpec({ names: ['www.a.test', 'ec-only.a.test'] }))
  rsa = withId(await certificateSpec({ names: ['www.a.test'], keyType: 'rsa' }))
  other = withId(await certificateSpec({ names: ['b.test', 'x.wild.test'] }))
  wildcard = withId(await certificateSpec({ names: ['*.wild.test'] }))
})
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})
afterAll(() => rmSync(folder, { recursive: true }))

const spec = (certificates: readonly Omit<CertificateSpec, 'id'>[], more: Partial<TlsWish> = {}): TlsWish => ({
  certificates,
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ciphers: null,
  alpn: ['http/1.1'],
  ticketKeys: randomBytes(48),
  ...more,
})

/** A server that says which name it was asked for, and ends. */
async function serve(tlsSpec: TlsWish): Promise<number> {
  const tls = testTls(tlsSpec)
  const onread = { buffer: () => Buffer.alloc(1024), callback: () => true }
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (raw) => {
    const socket = wrapServer(raw, tls, onread)
    socket.on('error', () => socket.destroy())
    socket.on('secure', () => socket.end('hello\n'))
    socket.on('end', () => socket.end())
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

interface Seen {
  readonly subject: string
  readonly keyType: string
  readonly alpn: string | false | null
  readonly cipher: string
  readonly protocol: string | null
  readonly group: string
  readonly reused: boolean
  readonly session: Buffer | null
}

function shake(port: number, options: ConnectionOptions = {}): Promise<Seen> {
  return new Promise((resolve, reject) => {
    let session: Buffer | null = null
    let seen: Omit<Seen, 'session'> | null = null
    const socket: TLSSocket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => {
      const certificate = socket.getPeerX509Certificate()
      seen = {
        subject: certificate?.subject ?? '',
        keyType: certificate?.publicKey.asymmetricKeyType ?? '',
        alpn: socket.alpnProtocol,
        cipher: socket.getCipher().standardName,
        protocol: socket.getProtocol(),
        group: (socket.getEphemeralKeyInfo() as { name?: string }).name ?? '',
        reused: socket.isSessionReused(),
      }
    })
    socket.on('session', (newest: Buffer) => (session = newest))
    socket.on('error', reject)
    socket.on('close', () => (seen ? resolve({ ...seen, session }) : reject(new Error('closed before the handshake'))))
    socket.resume()
  })
}

const openssl = async (port: number, ...args: string[]): Promise<string> => {
  const running = promisify(execFile)('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...args])
  running.child.stdin!.on('error', () => {})
  const { stdout, stderr } = await running.catch((error: unknown) => error as { stdout: string; stderr: string })
  return stdout + stderr
}

describe('the certificate by name', () => {
  test.each([
    ['b.test', 'CN=b.test'],
    ['B.Test', 'CN=b.test'],
    ['one.wild.test', 'CN=*.wild.test'],
    ['ONE.Wild.test', 'CN=*.wild.test'],
    ['x.wild.test', 'CN=b.test'],
    ['wild.test', 'CN=www.a.test'],
    ['two.one.wild.test', 'CN=www.a.test'],
    ['nobody.test', 'CN=www.a.test'],
  ])('%s is shown %s', async (servername, subject) => {
    const port = await serve(spec([ec, other, wildcard]))
    expect((await shake(port, { servername })).subject).toBe(subject)
  })

  test('a client without SNI gets the first certificate', async () => {
    const port = await serve(spec([other, ec]))
    expect((await shake(port)).subject).toBe('CN=b.test')
  })

  test('one context, and no lookup, when one serves every name', () => {
    expect(testTls(spec([ec])).choose).toBe(null)
    const both = testTls(spec([rsa, { ...ec, names: ['www.a.test'] }]))
    expect(both.choose).toBe(null)
    expect(testTls(spec([ec, other])).choose).not.toBe(null)
  })
})

describe('ECDSA and RSA side by side', () => {
  const ecOnly = { sigalgs: 'ecdsa_secp256r1_sha256' }
  const rsaOnly = { sigalgs: 'rsa_pss_rsae_sha256:rsa_pkcs1_sha256' }

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s: each client gets the one it can verify', async (version) => {
    for (const certificates of [
      [ec, rsa],
      [rsa, ec],
    ]) {
      const port = await serve(spec(certificates, { minVersion: version, maxVersion: version }))
      for (const servername of ['www.a.test', 'nobody.test']) {
        expect((await shake(port, { servername, ...ecOnly })).keyType).toBe('ec')
        expect((await shake(port, { servername, ...rsaOnly })).keyType).toBe('rsa')
      }
    }
  })

  test('a client that can verify both gets ECDSA, which is the cheaper', async () => {
    const port = await serve(spec([rsa, ec]))
    expect((await shake(port, { servername: 'www.a.test' })).keyType).toBe('ec')
  })

  test('a name that only one of them has is never served by the other', async () => {
    const port = await serve(spec([rsa, ec]))
    expect((await shake(port, { servername: 'ec-only.a.test' })).keyType).toBe('ec')
    await expect(shake(port, { servername: 'ec-only.a.test', ...rsaOnly })).rejects.toThrow(/handshake/)
  })

  test('names with certificates of one type each never get that of the default', async () => {
    const rsaOther = withId(await certificateSpec({ names: ['rsa.test'], keyType: 'rsa' }))
    for (const [certificates, names] of [
      [[ec, rsaOther], { 'rsa.test': 'CN=rsa.test', 'www.a.test': 'CN=www.a.test', '': 'CN=www.a.test' }],
      [[rsaOther, ec], { 'rsa.test': 'CN=rsa.test', 'www.a.test': 'CN=www.a.test', '': 'CN=rsa.test' }],
    ] as const) {
      const port = await serve(spec(certificates))
      for (const [servername, subject] of Object.entries(names)) {
        expect((await shake(port, servername ? { servername } : {})).subject).toBe(subject)
      }
    }
  })

  test('a second name with both types has the same choice', async () => {
    const names = ['second.test']
    const pair = [await certificateSpec({ names }), await certificateSpec({ names, keyType: 'rsa' })]
    const port = await serve(spec([ec, rsa, ...pair]))
    for (const [options, keyType] of [
      [ecOnly, 'ec'],
      [rsaOnly, 'rsa'],
      [{}, 'ec'],
    ] as const) {
      expect(await shake(port, { servername: 'second.test', ...options })).toMatchObject({
        subject: 'CN=second.test',
        keyType,
      })
    }
  })

  test('each with its own chain', async () => {
    const chained = async (keyType: 'ec' | 'rsa') => {
      const root = await makeAuthority({ names: [`${keyType} root`], keyType })
      const middle = await makeAuthority({ names: [`${keyType} middle`], keyType, ca: root })
      const leaf = await makeCertificate({ names: ['chain.test'], keyType, ca: middle })
      return { root, spec: { cert: leaf.cert + middle.cert, key: leaf.key, names: ['chain.test'], keyType } as const }
    }
    const [a, b] = [await chained('ec'), await chained('rsa')]
    const port = await serve(spec([a.spec, b.spec]))
    const trusting = { servername: 'chain.test', rejectUnauthorized: true }
    expect((await shake(port, { ...trusting, ...ecOnly, ca: a.root.cert })).keyType).toBe('ec')
    expect((await shake(port, { ...trusting, ...rsaOnly, ca: b.root.cert })).keyType).toBe('rsa')
  })
})

describe('what is negotiated', () => {
  test('AES-128-GCM by default, ChaCha20 for clients that put it first', async () => {
    const port = await serve(spec([ec]))
    expect((await shake(port)).cipher).toBe('TLS_AES_128_GCM_SHA256')
    const chacha = { ciphers: 'TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256' }
    expect((await shake(port, chacha)).cipher).toBe('TLS_CHACHA20_POLY1305_SHA256')
  })

  test('nothing without forward secrecy and AEAD', async () => {
    const port = await serve(spec([ec, rsa], { maxVersion: 'TLSv1.2' }))
    for (const ciphers of ['ECDHE-ECDSA-AES128-SHA256', 'AES128-GCM-SHA256', 'DHE-RSA-AES128-GCM-SHA256']) {
      await expect(shake(port, { ciphers, maxVersion: 'TLSv1.2' })).rejects.toThrow(/handshake/)
    }
  })

  test('versions are kept to', async () => {
    const port = await serve(spec([ec], { minVersion: 'TLSv1.3' }))
    await expect(shake(port, { maxVersion: 'TLSv1.2' })).rejects.toThrow(/version/)
    const old = await serve(spec([ec], { maxVersion: 'TLSv1.2' }))
    expect((await shake(old)).protocol).toBe('TLSv1.2')
  })

  test('ALPN: the common protocol; none asked for, none given; nothing in common, no connection', async () => {
    const port = await serve(spec([ec]))
    expect((await shake(port, { ALPNProtocols: ['h2', 'http/1.1'] })).alpn).toBe('http/1.1')
    expect((await shake(port)).alpn).toBe(false)
    await expect(shake(port, { ALPNProtocols: ['h2'] })).rejects.toThrow(/no application protocol/)
    const plain = await serve(spec([ec], { alpn: [] }))
    expect((await shake(plain, { ALPNProtocols: ['h2'] })).alpn).toBe(false)
  })

  test.each(['X25519MLKEM768', 'X25519', 'P-256', 'P-384'])('key exchange with %s', async (ecdhCurve) => {
    const port = await serve(spec([ec]))
    expect((await shake(port, { ecdhCurve })).protocol).toBe('TLSv1.3')
  })

  test('groups are kept to, in the order of the server', async () => {
    const port = await serve(spec([ec], { groups: 'P-384:X25519' }))
    expect((await shake(port, { ecdhCurve: 'P-256:X25519:P-384' })).group).toBe('secp384r1')
    await expect(shake(port, { ecdhCurve: 'P-256' })).rejects.toThrow(/handshake|group|curve/i)
  })

  test.each(['TLSv1', 'TLSv1.1'] as const)('%s, for those who ask for the oldest profile', async (version) => {
    const old = { ciphers: 'ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:@SECLEVEL=0', minVersion: 'TLSv1' } as const
    const client = { minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0' } as const
    const port = await serve(spec([ec, rsa, other], old))
    expect(await shake(port, { ...client, servername: 'b.test' })).toMatchObject({
      subject: 'CN=b.test',
      protocol: version,
    })
    expect((await shake(port, client)).protocol).toBe(version)
    await expect(shake(await serve(spec([ec])), client)).rejects.toThrow(/version/)
  })

  test.skipIf(!hasOpenssl)('a client that asks for renegotiation is refused', async () => {
    const tls = testTls(spec([ec], { maxVersion: 'TLSv1.2' }))
    const server = createServer({ pauseOnConnect: true }, (raw) => {
      const socket = wrapServer(raw, tls, { buffer: () => Buffer.alloc(1024), callback: () => true })
      socket.on('error', () => {})
      socket.on('end', () => socket.end())
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const running = promisify(execFile)('openssl', [
      's_client',
      '-connect',
      `127.0.0.1:${(server.address() as AddressInfo).port}`,
    ])
    running.child.stdout!.once('data', () => running.child.stdin!.end('R\n'))
    const { stderr } = await running.catch((error: unknown) => error as { stderr: string })
    expect(stderr).toMatch(/no renegotiation|renegotiat/i)
  })
})

describe('resumption', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s: a ticket of one worker is good at another', async (version) => {
    const shared = spec([ec, other], { minVersion: version, maxVersion: version })
    const [one, two] = [await serve(shared), await serve({ ...shared })]
    for (const servername of ['www.a.test', 'b.test', 'nobody.test']) {
      const first = await shake(one, { servername })
      expect(first.reused).toBe(false)
      const second = await shake(two, { servername, session: first.session! })
      expect([servername, second.reused]).toEqual([servername, true])
    }
  })

  test('a ticket under other keys is no error, just a full handshake', async () => {
    const [one, two] = [await serve(spec([ec])), await serve(spec([ec]))]
    const first = await shake(one, { servername: 'www.a.test' })
    const second = await shake(two, { servername: 'www.a.test', session: first.session! })
    expect(second.reused).toBe(false)
  })

  test.skipIf(!hasOpenssl)('openssl s_client resumes too, at another worker and with a name', async () => {
    const shared = spec([ec, other])
    const [one, two] = [await serve(shared), await serve(shared)]
    for (const version of ['-tls1_2', '-tls1_3']) {
      const file = join(folder, `session${version}`)
      const common = [version, '-servername', 'b.test', '-ign_eof']
      expect(await openssl(one, ...common, '-sess_out', file)).toMatch(/^New, /m)
      expect(await openssl(two, ...common, '-sess_in', file)).toMatch(/^Reused, /m)
    }
  })
})
