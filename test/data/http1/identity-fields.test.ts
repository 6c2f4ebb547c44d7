// Who a client is by its certificate: told to servers under the names that were chosen, on every request, and never by
// the client itself, whatever it sends and on whichever bind of the frontend.
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import tls from 'node:tls'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { visible } from '../../../src/data/http1/identity-fields.ts'
import { certify, generateKey, type Content } from '../../../src/control/certificates/x509.ts'
import type { ClientAuthSpec, IdentityFields } from '../../../src/messages/tls.ts'
import { ms } from '../../../src/model/units.ts'
import { certificateSpec, makeAuthority, makeCertificate, type CertificateAndKey } from '../../support/certificates.ts'
import { snapshotOf, type BindWish, type FrontendWish, type TestPlane, type Wish } from '../../support/data-plane.ts'
import { RawClient, dial, eventually, fetchOnce, get, onHead, startPlane, startServer } from '../../support/peers.ts'
import { files, program, run } from '../../support/programs.ts'
import { clientAuthSpec, type TlsWish } from '../../support/tls.ts'

let authority: CertificateAndKey
let alice: CertificateAndKey
let certificates: TlsWish['certificates']
beforeAll(async () => {
  authority = await makeAuthority()
  alice = await makeCertificate({ names: ['alice'], usage: 'client', ca: authority })
  certificates = [await certificateSpec({ names: ['weir.test'] })]
})

const auth = (fields: IdentityFields | null, more: Partial<ClientAuthSpec> = {}): ClientAuthSpec =>
  clientAuthSpec(authority.cert, { mode: 'optional', fields, ...more })

/** The first bind asks for certificates, the second speaks TLS without, the third is plain. */
const threeBinds = (fields: IdentityFields | null): BindWish[] => [
  { tls: { certificates, clientAuth: auth(fields) } },
  { tls: { certificates } },
  {},
]

/** A plane before servers that answer with the head that they got. */
async function planeFor(
  fields: IdentityFields | null,
  more: FrontendWish = {},
  wish: Partial<Wish> = {},
): Promise<TestPlane> {
  const { port } = await startServer((socket) => onHead(socket, (head) => socket.write(echo(head))))
  return startPlane({ frontends: [{ binds: threeBinds(fields), ...more }], backends: [{ servers: [port] }], ...wish })
}
const echo = (head: string): Buffer =>
  Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${head.length}\r\n\r\n${head}`, 'latin1')

/** @returns what the server got of one request, or of several */
async function heads(port: number, request: string, secure?: tls.ConnectionOptions): Promise<string[]> {
  const client = await dial(port, secure)
  const { text } = await client.write(Buffer.from(request, 'latin1')).over()
  expect(text).toMatch(/^HTTP\/1\.1 200 /)
  return text.split(/HTTP\/1\.1 200 OK\r\n[^]*?\r\n\r\n/).slice(1)
}
const headOf = async (...args: Parameters<typeof heads>): Promise<string> => (await heads(...args))[0]!
const once = get('/', 'Connection: close')

/** The lines of a head that say, in any spelling, who the client is. */
const told = (head: string): string[] =>
  head.split('\r\n').filter((line) => /^(x.client.cert|x.ssl[^:]|client.cert)/i.test(line))

const facts = (): X509Certificate => new X509Certificate(alice.cert)
const wanted: Readonly<Record<IdentityFields, () => string[]>> = {
  'x-client-cert': () => [
    'X-Client-Cert-Verify: SUCCESS',
    'X-Client-Cert-Subject: CN=alice',
    'X-Client-Cert-Issuer: CN=Weir test authority',
    `X-Client-Cert-Serial: ${facts().serialNumber}`,
    `X-Client-Cert-Fingerprint: ${facts().fingerprint256.replaceAll(':', '').toLowerCase()}`,
  ],
  'x-ssl': () => [
    'X-SSL-Subject: CN=alice',
    'X-SSL-Issuer: CN=Weir test authority',
    `X-SSL-notBefore: ${facts().validFrom}`,
    `X-SSL-notAfter: ${facts().validTo}`,
    `X-SSL-serial: ${BigInt(`0x${facts().serialNumber}`)}`,
    `X-SSL-certificate: ${alice.cert.replaceAll(/\r?\n/g, '')}`,
    'X-SSL-cipher: TLSv1.3/TLS_AES_128_GCM_SHA256',
  ],
  'client-cert': () => [`Client-Cert: :${facts().raw.toString('base64')}:`],
  'client-cert-chain': () => [`Client-Cert: :${facts().raw.toString('base64')}:`], // nothing stands between
}
const wantedWithout: Readonly<Record<IdentityFields, readonly string[]>> = {
  'x-client-cert': ['X-Client-Cert-Verify: NONE'],
  'x-ssl': ['X-SSL-cipher: TLSv1.3/TLS_AES_128_GCM_SHA256'],
  'client-cert': [],
  'client-cert-chain': [],
}
const everyName = ['x-client-cert', 'x-ssl', 'client-cert', 'client-cert-chain'] as const

describe.each(everyName)('under the names %s', (fields) => {
  test('a client with a certificate, one without, and the binds that ask for none', async () => {
    const { ports } = await planeFor(fields)
    expect(told(await headOf(ports['web/0']!, once, alice))).toEqual(wanted[fields]())
    expect(told(await headOf(ports['web/0']!, once, {}))).toEqual(wantedWithout[fields])
    expect(told(await headOf(ports['web/1']!, once, alice))).toEqual([])
    expect(told(await headOf(ports['web/2']!, once))).toEqual([])
  })

  test('forged in any spelling, it does not get through; what merely looks alike does', async () => {
    const { ports } = await planeFor(fields)
    const names = [
      ...['Verify', 'Subject', 'Issuer', 'Serial', 'Fingerprint', 'Anything', ''].map((end) => `X-Client-Cert-${end}`),
      'X-Client-Cert',
      ...['Subject', 'Issuer', 'notBefore', 'notAfter', 'serial', 'certificate', 'cipher'].map((end) => `X-SSL-${end}`),
      'Client-Cert',
      'Client-Cert-Chain',
    ]
    const spellings = names.flatMap((name) => [
      name,
      name.toLowerCase(),
      name.toUpperCase(),
      name.replaceAll('-', '_'),
      name.replace('-', '_').toLowerCase(),
      name.replaceAll('-', '.'),
      name.replaceAll('-', '~'),
    ])
    const harmless = ['Client-Certificate: a', 'X-SSL: b', 'X-Client: c', 'XX-SSL-Subject: d', 'Client-Certs: e']
    for (const some of [spellings.slice(0, 60), spellings.slice(60)]) {
      const forged = some.map((name) => `${name}: CN=mallory`)
      const lines = [...forged.slice(0, 30), ...harmless, ...forged.slice(30)]
      for (const [bind, secure, own] of [
        ['web/0', alice, wanted[fields]()],
        ['web/0', {}, wantedWithout[fields]],
        ['web/1', {}, []],
        ['web/2', undefined, []],
      ] as const) {
        const head = await headOf(ports[bind]!, get('/', 'Connection: close', ...lines), secure)
        expect(head).not.toContain('mallory')
        expect(told(head.replace('Client-Certificate: a\r\n', '').replace('Client-Certs: e\r\n', ''))).toEqual(own)
        for (const line of harmless) expect(head).toContain(`\r\n${line}\r\n`)
      }
    }
  })

  test('once on every request of a connection: one after the other, in one write, and byte by byte', async () => {
    const { ports } = await planeFor(fields)
    const client = await dial(ports['web/0']!, alice)
    for (let i = 0; i < 3; i++) {
      client.forget().write(get(`/${i}`, 'X-SSL-Subject: CN=mallory'))
      await client.until(wanted[fields]().at(-1)!)
      expect(told(client.text)).toEqual(wanted[fields]())
    }
    const all = await heads(ports['web/0']!, get('/') + get('/', 'X-Client-Cert-Verify: SUCCESS') + once, alice)
    expect(all.map(told)).toEqual([wanted[fields](), wanted[fields](), wanted[fields]()])
    const slow = await dial(ports['web/0']!, alice)
    for (const byte of once) {
      slow.write(byte)
      await new Promise(setImmediate)
    }
    expect(told((await slow.over()).text)).toEqual(wanted[fields]())
  })

  test('in requests of other forms: HTTP/1.0, absolute form, chunked with trailers, upgrades', async () => {
    const { ports } = await planeFor(fields)
    const forged = 'X-Client-Cert-Verify: SUCCESS\r\nX-SSL-Subject: CN=mallory\r\nClient-Cert: :AA==:\r\n'
    for (const request of [
      `GET / HTTP/1.0\r\n${forged}\r\n`,
      `GET http://other.test/x HTTP/1.1\r\nHost: weir.test\r\nConnection: close\r\n${forged}\r\n`,
      `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n${forged}\r\n0\r\n${forged}\r\n`,
      `GET / HTTP/1.1\r\nHost: a\r\nConnection: close, upgrade\r\nUpgrade: websocket\r\n${forged}\r\n`,
      `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 00\r\n${forged}\r\n`,
    ])
      expect(told(await headOf(ports['web/0']!, request, alice))).toEqual(wanted[fields]())
  })

  test('Connection cannot name it away', async () => {
    const { ports } = await planeFor(fields)
    const names = wanted[fields]().map((line) => line.split(':')[0])
    const request = get('/', `Connection: close, ${names.join(', ')}`, `Connection: ${names.join(',').toLowerCase()}`)
    expect(told(await headOf(ports['web/0']!, request, alice))).toEqual(wanted[fields]())
  })
})

describe('the chain', () => {
  const binary = ({ cert }: CertificateAndKey): string => `:${new X509Certificate(cert).raw.toString('base64')}:`
  const shows = (leaf: CertificateAndKey, ...others: readonly CertificateAndKey[]): CertificateAndKey => ({
    cert: [leaf, ...others].map(({ cert }) => cert).join(''),
    key: leaf.key,
  })
  const tickets = false // as the configuration has it where the chain is told
  const planeWith = (more: Partial<ClientAuthSpec>) =>
    planeFor(null, { binds: [{ tls: { certificates, tickets, clientAuth: auth('client-cert-chain', more) } }] })

  test('is what stands between client and authority, in order, whatever else is shown', async () => {
    const middle = await makeAuthority({ names: ['Middle'], ca: authority })
    const lower = await makeAuthority({ names: ['Lower'], ca: middle })
    const stranger = await makeAuthority({ names: ['Stranger'] })
    const bob = await makeCertificate({ names: ['bob'], usage: 'client', ca: lower })
    const told2 = [`Client-Cert: ${binary(bob)}`, `Client-Cert-Chain: ${binary(lower)}, ${binary(middle)}`]
    const plane = await planeWith({ depth: 2 })
    for (const shown of [
      shows(bob, lower, middle),
      shows(bob, lower, middle, authority),
      shows(bob, stranger, middle, lower),
    ])
      expect(told(await headOf(plane.port, get('/', 'Connection: close', 'Client-Cert-Chain: :AA==:'), shown))).toEqual(
        told2,
      )
    const nearer = await planeWith({ depth: 2, ca: authority.cert + middle.cert })
    expect(told(await headOf(nearer.port, once, shows(bob, lower, middle)))).toEqual([
      `Client-Cert: ${binary(bob)}`,
      `Client-Cert-Chain: ${binary(lower)}`,
    ])
  })

  test('is left out where it is too long to be told, and so is a client whose certificate is', async () => {
    /** Of about 40 bytes for each of its names. */
    const long = async (count: number, content: Partial<Content>): Promise<CertificateAndKey> => {
      const names = Array.from({ length: count }, (_, i) => `a-rather-long-name-of-a-client-${1000 + i}.test`)
      const key = await generateKey('ec')
      const [from, to] = [new Date(Date.now() - 3_600_000), new Date(Date.now() + 86_400_000)]
      return { cert: certify({ commonName: 'Long', names, from, to, key, issuer: authority, ...content }), key }
    }
    const middle = await long(150, { authority: true })
    const big = await long(150, { commonName: 'big', usage: 'client', issuer: middle })
    const huge = await long(400, { commonName: 'huge', usage: 'client' })
    const plane = await planeWith({})
    expect(told(await headOf(plane.port, once, shows(big, middle)))).toEqual([`Client-Cert: ${binary(big)}`])
    for (const fields of everyName) {
      const { ports } = await planeFor(fields)
      const lines = told(await headOf(ports['web/0']!, once, huge))
      const isTold = fields === 'x-client-cert' // no part of it is long
      expect(lines).toEqual(isTold ? expect.arrayContaining(['X-Client-Cert-Verify: SUCCESS']) : wantedWithout[fields])
    }
  })
})

test('beside the other fields that are added, in every mode of these', async () => {
  for (const [xForwarded, addresses] of [
    ['append', ['X-Forwarded-For: 192.0.2.9, 127.0.0.1']],
    ['replace', ['X-Forwarded-For: 127.0.0.1']],
    ['remove', []],
    ['preserve', ['X-Forwarded-For: 192.0.2.9']],
  ] as const) {
    const plane = await planeFor('x-client-cert', { forward: { xForwarded, requestId: 'replace', via: 'weir' } })
    const head = await headOf(plane.port, get('/', 'Connection: close', 'X-Forwarded-For: 192.0.2.9'), alice)
    expect(told(head)).toEqual(wanted['x-client-cert']())
    expect(head.match(/^x-forwarded-for: [^\r]*/gim) ?? []).toEqual(addresses)
    expect(head.match(/^x-request-id: [\da-f]{24}\r$/gim)).toHaveLength(1)
    expect(head).toContain('\r\nVia: 1.1 weir\r\n')
    expect(head).toMatch(/\r\n\r\n$/)
  }
})

test('of the certificate on the connection, also where a trusted proxy speaks for many clients', async () => {
  const trust = { networks: ['127.0.0.1'], field: 'x-forwarded-for' } as const
  const plane = await planeFor('x-client-cert', { trust })
  const client = await dial(plane.port, alice)
  for (const address of ['192.0.2.1', '192.0.2.2']) {
    const request = get('/', `X-Forwarded-For: ${address}`, 'X-Forwarded-Proto: https')
    await client.forget().write(request).until('X-Client-Cert-Fingerprint')
    expect(told(client.text)).toEqual(wanted['x-client-cert']())
    expect(client.text).toContain(`X-Forwarded-For: ${address}, 127.0.0.1\r\n`)
    expect(client.text.match(/x-forwarded-proto/gi)).toHaveLength(1)
  }
})

test('behind a PROXY header', async () => {
  const binds: BindWish[] = [
    {
      tls: { certificates, clientAuth: auth('x-client-cert') },
      proxy: { mode: 'required', from: ['127.0.0.1'], timeout: ms(5000) },
    },
  ]
  const plane = await planeFor(null, { binds })
  const below = net.connect(plane.port, '127.0.0.1')
  onTestFinished(() => void below.destroy())
  below.write('PROXY TCP4 192.0.2.7 198.51.100.1 56004 443\r\n')
  const client = new RawClient(tls.connect({ socket: below, rejectUnauthorized: false, ...alice }))
  const { text } = await client.write(get('/', 'Connection: close', 'X_Client_Cert_Verify: SUCCESS')).over()
  expect(told(text)).toEqual(wanted['x-client-cert']())
  expect(text).toContain('\r\nX-Forwarded-For: 192.0.2.7\r\n')
})

test('a request that is tried again says it again', async () => {
  const dead = await startServer((socket) => socket.once('data', () => socket.destroy()))
  const live = await startServer((socket) => onHead(socket, (head) => socket.write(echo(head))))
  const plane = await planeFor('x-client-cert', {}, { backends: [{ servers: [dead.port, live.port] }] })
  for (let i = 0; i < 2; i++) {
    const head = await headOf(plane.port, get('/', 'Connection: close', 'X-Client-Cert-Subject: CN=mallory'), alice)
    expect(told(head)).toEqual(wanted['x-client-cert']())
  }
  expect(dead.sockets.length).toBeGreaterThan(0)
})

test.each(['TLSv1.2', 'TLSv1.3'] as const)('a session of %s that is resumed is that of the same client', async (v) => {
  const plane = await planeFor('x-client-cert')
  let session: Buffer | undefined
  const reused: boolean[] = []
  for (let i = 0; i < 2; i++) {
    const client = await dial(plane.port, { ...alice, maxVersion: v, ...(session && { session }) })
    const socket = client.socket as tls.TLSSocket
    socket.on('session', (bytes: Buffer) => (session = bytes))
    reused.push(socket.isSessionReused())
    await client.write(get('/')).until('X-Client-Cert-Fingerprint')
    expect(told(client.text)).toEqual(wanted['x-client-cert']())
    if (v === 'TLSv1.2') session = socket.getSession()
    await eventually('a session', () => session !== undefined)
    socket.end()
  }
  expect(reused).toEqual([false, true])
})

const curl = program('curl')
test.skipIf(curl === null)('curl with a certificate, and with a forged field', async () => {
  const plane = await planeFor('x-client-cert', {
    binds: [{ tls: { certificates, clientAuth: auth('x-client-cert', { mode: 'required' }) } }],
  })
  const { cert, key } = files({ cert: alice.cert, key: alice.key })
  const args = ['-sSk', '--http1.1', '-H', 'x_client-cert_subject: CN=mallory', `https://127.0.0.1:${plane.port}/`]
  const { stdout } = await run(curl!, ['--cert', cert, '--key', key, ...args])
  expect(told(stdout)).toEqual(wanted['x-client-cert']())
  expect((await run(curl!, args)).code).not.toBe(0)
})

test('other names after a reload, from the next request of a connection on', async () => {
  const server = await startServer((socket) => onHead(socket, (head) => socket.write(echo(head))))
  const wish = (fields: IdentityFields | null): Wish => ({
    frontends: [{ binds: [{ tls: { certificates, clientAuth: auth(fields) } }] }],
    backends: [{ servers: [server.port] }],
  })
  const plane = await startPlane(wish('x-client-cert'))
  const client = await dial(plane.port, alice)
  for (const fields of ['x-client-cert', 'client-cert', null] as const) {
    const snapshot = snapshotOf(wish(fields))
    await plane.plane.apply({ type: 'apply', snapshot, tables: {}, sessions: {}, ports: plane.ports })
    await client.forget().write(get('/', 'X-End: yes')).until('X-End: yes')
    expect(told(client.text)).toEqual(fields === null ? [] : wanted[fields]())
  }
})

test('a frontend that has nothing to tell leaves the fields as they come, unless it is told to guard them', async () => {
  const forged = ['X-SSL-Subject: CN=somebody', 'Client-Cert: :AA==:', 'X_Client_Cert_Verify: SUCCESS']
  const { port } = await planeFor(null)
  expect(told(await headOf(port, get('/', 'Connection: close', ...forged), {}))).toEqual(forged)
  const guarded = await planeFor(null, { binds: [{}], guardsIdentity: true })
  expect(told((await fetchOnce(guarded.port, get('/', 'Connection: close', ...forged))).text)).toEqual([])
})

describe('names of any content', () => {
  test('are escaped to visible ASCII', () => {
    expect(visible('CN=alice,O=Example\\, Inc.')).toBe('CN=alice,O=Example\\, Inc.')
    expect(visible('CN=a\r\nX-Evil: 1')).toBe('CN=a\\0D\\0AX-Evil: 1')
    expect(visible('CN=Jürgen 木\u0000\u007f')).toBe('CN=J\\C3\\BCrgen \\E6\\9C\\A8\\00\\7F')
    expect(visible('CN=a\\ ')).toBe('CN=a\\20')
    expect(visible('CN=a ')).toBe('CN=a\\20')
    expect(visible('')).toBe('')
  })

  const openssl = program('openssl')
  test.skipIf(openssl === null)('cannot add a field, nor hide one', async () => {
    const evil = 'eve\r\nX-Client-Cert-Verify: SUCCESS\r\nX-Evil: 1\r\n\r\nGET / HTTP/1.1 '
    const config = '[req]\ndistinguished_name = name\n[name]\n'
    const paths = files({ config, 'ca.pem': authority.cert, 'ca.key': authority.key, key: '', cert: '' })
    const how = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -utf8 -days 3 -config ${paths.config}`
    const signed = `-CA ${paths['ca.pem']} -CAkey ${paths['ca.key']} -keyout ${paths.key} -out ${paths.cert}`
    const uses = '-addext extendedKeyUsage=clientAuth -addext basicConstraints=critical,CA:FALSE -subj'
    const subject = `/O=Jürgen, "木"\\+Co/CN=${evil.replaceAll('/', '\\/')}`
    const made = await run(openssl!, [...`${how} ${signed} ${uses}`.split(' '), subject])
    expect(made.code, made.stderr).toBe(0)
    const plane = await planeFor('x-client-cert')
    const eve = { cert: readFileSync(paths.cert, 'utf8'), key: readFileSync(paths.key, 'utf8') }
    const lines = told(await headOf(plane.port, once, eve))
    expect(lines).toHaveLength(5)
    expect(lines[1]).toMatch(/^X-Client-Cert-Subject: CN=eve\\0D\\0AX-Client-Cert-Verify: SUCCESS\\0D\\0AX-Evil: 1/)
    expect(lines[1]).toMatch(/,O=J\\C3\\BCrgen\\, \\"\\E6\\9C\\A8\\"\\\+Co$/)
  })
})
