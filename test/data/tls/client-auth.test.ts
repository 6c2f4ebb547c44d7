// Clients that show a certificate: who gets in and who never does, in both versions, with what reason, and what is known of
// those who got in. Real handshakes on a data plane; tickets must not be a way around any of it.
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { CertificateSpec, ClientAuthSpec } from '../../../src/messages/tls.ts'
import { ClientAuth, clientIdentityOf, type ClientCertificate } from '../../../src/data/tls/client-auth.ts'
import { wrapServer } from '../../../src/data/tls/accept.ts'
import { certificateSpec, makeAuthority, makeCertificate, type CertificateAndKey } from '../../support/certificates.ts'
import type { TestPlane } from '../../support/data-plane.ts'
import { answering, eventually, reasonCount, startPlane, startServer } from '../../support/peers.ts'
import { files, program, run } from '../../support/programs.ts'
import { ask } from '../../support/tls-client.ts'
import { clientAuthSpec, someKeys, testTls, type TlsWish } from '../../support/tls.ts'

const openssl = program('openssl')
const versions = ['TLSv1.2', 'TLSv1.3'] as const
const ticketKeys = someKeys()[0]!

let server: Omit<CertificateSpec, 'id'>
let root: CertificateAndKey
let middle: CertificateAndKey
let lower: CertificateAndKey
let alice: CertificateAndKey
const client = (name: string, ca?: CertificateAndKey, more = {}): Promise<CertificateAndKey> =>
  makeCertificate({ names: [name], usage: 'client', ...(ca ? { ca } : {}), ...more })
const chain = (...parts: readonly CertificateAndKey[]): CertificateAndKey => ({
  cert: parts.map(({ cert }) => cert).join(''),
  key: parts[0]!.key,
})

beforeAll(async () => {
  server = await certificateSpec({ names: ['main.test'] })
  root = await makeAuthority({ names: ['Root of clients'] })
  middle = await makeAuthority({ names: ['Middle'], ca: root })
  lower = await makeAuthority({ names: ['Lower'], ca: middle })
  alice = await client('alice', root)
})

const auth = (more: Partial<ClientAuthSpec> = {}): ClientAuthSpec => clientAuthSpec(root.cert, more)

async function serve(clientAuth: ClientAuthSpec | null, more: Partial<TlsWish> = {}): Promise<TestPlane> {
  const behind = await startServer(answering('fine'))
  return startPlane({
    frontends: [{ binds: [{ tls: { certificates: [server], clientAuth, ticketKeys, ...more } }] }],
    backends: [{ servers: [behind.port] }],
  })
}

const tomorrow = (): Date => new Date(Date.now() + 86_400_000)

const isIn = async (port: number, options: ConnectionOptions): Promise<boolean> => (await ask(port, options)).answered

describe.each(versions)('%s', (maxVersion) => {
  test('required: who shows a good certificate gets in, who shows none gets an alert', async () => {
    const plane = await serve(auth())
    expect(await isIn(plane.port, { ...alice, maxVersion })).toBe(true)
    const nobody = await ask(plane.port, { maxVersion })
    expect(nobody.answered).toBe(false)
    expect(nobody.error).toMatch(maxVersion === 'TLSv1.3' ? /CERTIFICATE_REQUIRED/ : /HANDSHAKE_FAILURE/)
    await eventually('counted', () => reasonCount(plane, 'client_certificate_missing') === 1)
    expect(plane.board.rows[0]!.counters.frontend.handshakes[0]).toBe(1)
  })

  test.each(['required', 'optional'] as const)('%s: a bad certificate never gets in, nor a ticket', async (mode) => {
    const stranger = await makeAuthority({ names: ['A stranger'] })
    const past = { from: new Date(Date.now() - 9 * 86_400_000), days: 1 }
    const bad = [
      ['of another authority', await client('alice', stranger), 'unknown', 'UNKNOWN_CA'],
      ['signed by itself', await client('alice'), 'unknown', 'UNKNOWN_CA'],
      ['without its chain', await client('alice', middle), 'unknown', 'UNKNOWN_CA'],
      ['not valid any more', await client('alice', root, past), 'expired', 'CERTIFICATE_EXPIRED'],
      ['not valid yet', await client('alice', root, { from: tomorrow() }), 'expired', 'CERTIFICATE_EXPIRED'],
      ['of a server', await makeCertificate({ names: ['a.test'], ca: root }), '', 'UNSUPPORTED_CERTIFICATE'],
      ['too deep', chain(await client('alice', lower), lower, middle), 'depth', 'UNKNOWN_CA'],
    ] as const
    const plane = await serve(auth({ mode }))
    for (const [why, certificate, about, alert] of bad) {
      const reason = about === '' ? 'client_certificate' : (`client_certificate_${about}` as const)
      const before = reasonCount(plane, reason)
      const { answered, session, error } = await ask(plane.port, { ...certificate, maxVersion })
      expect([why, answered, session]).toEqual([why, false, undefined])
      expect(error).toMatch(new RegExp(`_ALERT_${alert}$`))
      await eventually('counted', () => reasonCount(plane, reason) === before + 1)
    }
    expect(plane.board.rows[0]!.counters.frontend.handshakes[0]).toBe(0)
    expect(await isIn(plane.port, { ...alice, maxVersion })).toBe(true)
  })

  test('optional: who shows none gets in', async () => {
    const plane = await serve(auth({ mode: 'optional' }))
    const first = await ask(plane.port, { maxVersion })
    expect(first.answered).toBe(true)
    const again = await ask(plane.port, { maxVersion, session: first.session! })
    expect([again.answered, again.reused]).toEqual([true, true])
    expect(await isIn(plane.port, { ...alice, maxVersion })).toBe(true)
  })

  test('no more certificates may stand between the client and the authority than said', async () => {
    const [one, two] = [await client('one', middle), await client('two', lower)]
    const shown = [alice, chain(one, middle), chain(one, middle, root), chain(two, lower, middle)]
    for (const [depth, expected] of [
      [0, [true, false, false, false]],
      [1, [true, true, true, false]],
      [2, [true, true, true, true]],
    ] as const) {
      const plane = await serve(auth({ depth }))
      const got: boolean[] = []
      for (const certificate of shown) {
        const outcome = await ask(plane.port, { ...certificate, maxVersion })
        got.push(outcome.answered)
        expect(outcome.session === undefined).toBe(!outcome.answered)
      }
      expect([depth, got]).toEqual([depth, expected])
    }
  })

  test('an authority need not be at the top of its own chain', async () => {
    const plane = await serve(auth({ ca: middle.cert, depth: 0 }))
    expect(await isIn(plane.port, { ...(await client('one', middle)), maxVersion })).toBe(true)
    expect(await isIn(plane.port, { ...alice, maxVersion })).toBe(false)
  })

  test('a certificate chosen by name asks the client the same', async () => {
    const other = await certificateSpec({ names: ['other.test'] })
    for (const strictSni of [false, true]) {
      const plane = await serve(auth(), { certificates: [server, other], strictSni })
      for (const servername of ['main.test', 'other.test']) {
        expect(await isIn(plane.port, { ...alice, servername, maxVersion })).toBe(true)
        expect(await isIn(plane.port, { servername, maxVersion })).toBe(false)
        expect(await isIn(plane.port, { ...(await client('eve')), servername, maxVersion })).toBe(false)
      }
    }
  })
})

describe.each(versions)('tickets of %s', (maxVersion) => {
  test('are good at another worker, with the certificate', async () => {
    const [one, two] = [await serve(auth()), await serve(auth())]
    const first = await ask(one.port, { ...alice, maxVersion })
    const second = await ask(two.port, { ...alice, maxVersion, session: first.session! })
    expect([second.answered, second.reused]).toEqual([true, true])
  })

  test('from an open bind open no other, nor one with other rules', async () => {
    const open = await serve(null)
    const optional = await serve(auth({ mode: 'optional' }))
    const anonymous = [await ask(open.port, { maxVersion }), await ask(optional.port, { maxVersion })]
    const strict = await serve(auth())
    for (const { session } of anonymous) {
      expect(session).toBeDefined()
      expect(await isIn(strict.port, { maxVersion, session: session! })).toBe(false)
    }
    const known = await ask(strict.port, { ...alice, maxVersion })
    const elsewhere = await makeAuthority({ names: ['Elsewhere'] })
    for (const rules of [auth({ ca: elsewhere.cert }), auth({ ca: root.cert + elsewhere.cert }), auth({ depth: 3 })]) {
      const plane = await serve(rules)
      expect((await ask(plane.port, { ...alice, maxVersion, session: known.session! })).reused).toBe(false)
    }
    expect((await ask(open.port, { maxVersion, session: known.session! })).reused).toBe(false)
  })

  test('do not outlive the rules of their own bind', async () => {
    const plane = await serve(auth())
    const known = await ask(plane.port, { ...alice, maxVersion })
    const elsewhere = await makeAuthority({ names: ['Elsewhere'] })
    const [frontend] = plane.snapshot.frontends
    const [bind] = frontend!.binds
    await plane.plane.apply({
      type: 'apply',
      snapshot: {
        ...plane.snapshot,
        version: 2,
        frontends: [
          { ...frontend!, binds: [{ ...bind!, tls: { ...bind!.tls!, clientAuth: auth({ ca: elsewhere.cert }) } }] },
        ],
      },
      tables: {},
      sessions: {},
      ports: plane.ports,
    })
    expect(await ask(plane.port, { ...alice, maxVersion, session: known.session! })).toMatchObject({
      answered: false,
      reused: false,
    })
    expect(await isIn(plane.port, { ...(await client('alice', elsewhere)), maxVersion })).toBe(true)
  })
})

describe('identity', () => {
  /** A server without a plane, that keeps what it knows of each client. */
  async function identities(
    clientAuth: ClientAuthSpec | null,
  ): Promise<{ port: number; seen: (ClientCertificate | null)[] }> {
    const seen: (ClientCertificate | null)[] = []
    const own = testTls({ certificates: [server], clientAuth, ticketKeys })
    const listening = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (raw) => {
      const socket = wrapServer(raw, own, { buffer: () => Buffer.alloc(4096), callback: () => true })
      socket.on('error', () => {})
      socket.on('secure', () => {
        seen.push(clientIdentityOf(socket))
        socket.end('HTTP/1.1 200 OK\r\n\r\nfine')
      })
      socket.on('end', () => socket.end())
    })
    onTestFinished(() => void listening.close())
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
    return { port: (listening.address() as AddressInfo).port, seen }
  }

  test.each(versions)('%s: the same on the first connection and on one that is resumed', async (maxVersion) => {
    const { port, seen } = await identities(auth())
    const first = await ask(port, { ...alice, maxVersion })
    const second = await ask(port, { ...alice, maxVersion, session: first.session! })
    expect(second.reused).toBe(true)
    const own = new X509Certificate(alice.cert)
    expect(seen[0]).toEqual({
      subject: 'CN=alice',
      issuer: 'CN=Root of clients',
      serial: own.serialNumber,
      fingerprint: own.fingerprint256.replaceAll(':', '').toLowerCase(),
      notBefore: own.validFrom,
      notAfter: own.validTo,
      raw: own.raw,
    })
    expect(seen[1]).toEqual(seen[0])
  })

  test('nobody is known who has shown nothing, or was not asked', async () => {
    for (const rules of [auth({ mode: 'optional' }), null]) {
      const { port, seen } = await identities(rules)
      await ask(port, rules === null ? alice : {})
      expect(seen).toEqual([null])
    }
  })

  test.skipIf(openssl === null)('names are in one line, the most special part first, and escaped', async () => {
    const { port, seen } = await identities(auth({ mode: 'optional', ca: root.cert }))
    const paths = files({
      'ca.pem': root.cert,
      'ca.key': root.key,
      ext: 'extendedKeyUsage = clientAuth\n',
      key: '',
      csr: '',
      crt: '',
    })
    const subject = '/C=DE/O=Müller, Söhne \\+ Co\nX-Admin: yes/OU=a+CN=eve "x" #1'
    const requested = [
      'req',
      '-new',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-utf8',
      '-multivalue-rdn',
    ]
    const csr = await run(openssl!, [...requested, '-subj', subject, '-keyout', paths.key, '-out', paths.csr])
    expect(csr.code, csr.stderr).toBe(0)
    const signed = [
      'x509',
      '-req',
      '-in',
      paths.csr,
      '-CA',
      paths['ca.pem'],
      '-CAkey',
      paths['ca.key'],
      '-extfile',
      paths.ext,
    ]
    const cert = await run(openssl!, [...signed, '-days', '2', '-set_serial', '0x1a2b'])
    expect(cert.code, cert.stderr).toBe(0)
    await ask(port, { cert: cert.stdout, key: readFileSync(paths.key) })
    expect(seen[0]!.subject).toMatch(
      /^(?:OU=a\+CN=eve \\"x\\" #1|CN=eve \\"x\\" #1\+OU=a),O=Müller\\, Söhne \\\+ Co\\0AX-Admin: yes,C=DE$/,
    )
    expect(seen[0]!.serial).toBe('1A2B')
  })
})

test('the name of the sessions changes with every rule, and fits into a ticket', () => {
  const rules = [auth(), auth({ mode: 'optional' }), auth({ depth: 2 }), auth({ ca: root.cert + middle.cert })]
  const names = rules.map((each) => new ClientAuth(each).sessionContext)
  expect(new Set(names).size).toBe(rules.length)
  for (const name of names) expect(name.length).toBeLessThanOrEqual(32)
  expect(new ClientAuth(auth({ fields: 'x-ssl' })).sessionContext).toBe(names[0])
})
