// What a client hears whose certificate is refused, and what is told of it: the alert of its fault, in every version and suite,
// for OpenSSL, curl and Node's own client; a reason of its own; nothing of a session; and an end, whatever the client does.
import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { CertificateSpec, ClientAuthSpec } from '../../../src/messages/tls.ts'
import type { ReasonCode } from '../../../src/model/reasons.ts'
import { wrapServer } from '../../../src/data/tls/accept.ts'
import { alerts, sealedAlert, sendAlert } from '../../../src/data/tls/alert.ts'
import { refusalFor } from '../../../src/data/tls/client-refusal.ts'
import { certificateSpec, makeAuthority, makeCertificate, type CertificateAndKey } from '../../support/certificates.ts'
import type { BindWish, TestPlane } from '../../support/data-plane.ts'
import { answering, eventually, leftovers, reasonCount, startPlane, startServer } from '../../support/peers.ts'
import { files, folder, program, run } from '../../support/programs.ts'
import { revocationList } from '../../support/revocations.ts'
import { ask } from '../../support/tls-client.ts'
import { clientAuthSpec, testTls, type TlsWish } from '../../support/tls.ts'

const openssl = program('openssl')
const curl = program('curl')
const versions = ['TLSv1.2', 'TLSv1.3'] as const

let server: Omit<CertificateSpec, 'id'>
let root: CertificateAndKey
let alice: CertificateAndKey
let expired: CertificateAndKey

beforeAll(async () => {
  server = await certificateSpec({ names: ['main.test'] })
  root = await makeAuthority({ names: ['Root of clients'] })
  alice = await makeCertificate({ names: ['alice'], usage: 'client', ca: root })
  const from = new Date(Date.now() - 9 * 86_400_000)
  expired = await makeCertificate({ names: ['alice'], usage: 'client', ca: root, from, days: 1 })
})

const auth = (more: Partial<ClientAuthSpec> = {}): ClientAuthSpec => clientAuthSpec(root.cert, more)

async function serve(tls: Partial<TlsWish> = {}, bind: Omit<BindWish, 'tls'> = {}): Promise<TestPlane> {
  const behind = await startServer(answering('fine'))
  return startPlane({
    frontends: [{ binds: [{ ...bind, tls: { certificates: [server], clientAuth: auth(), ...tls } }] }],
    backends: [{ servers: [behind.port] }],
  })
}

const isCounted = (plane: TestPlane, reason: ReasonCode, count = 1): Promise<void> =>
  eventually(
    `${reason} counted, and all is over`,
    () => reasonCount(plane, reason) === count && leftovers(plane) === '',
  )

describe.skipIf(openssl === null)('openssl s_client', () => {
  test.each([
    ['-tls1_3', 'TLS_AES_128_GCM_SHA256'],
    ['-tls1_3', 'TLS_AES_256_GCM_SHA384'],
    ['-tls1_3', 'TLS_CHACHA20_POLY1305_SHA256'],
    ['-tls1_2', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
    ['-tls1_2', 'ECDHE-ECDSA-CHACHA20-POLY1305'],
  ])('%s with %s reads that its certificate has expired', async (version, cipher) => {
    const plane = await serve()
    const { 'cert.pem': cert, 'key.pem': key } = files({ 'cert.pem': expired.cert, 'key.pem': expired.key })
    const suite = version === '-tls1_3' ? '-ciphersuites' : '-cipher'
    const target = ['s_client', '-connect', `127.0.0.1:${plane.port}`, '-cert', cert, '-key', key]
    // What it is given to send keeps it from leaving before the alert is here.
    const { stdout, stderr } = await run(
      openssl!,
      [...target, '-ign_eof', version, suite, cipher],
      'GET / HTTP/1.0\r\n',
    )
    expect(stdout).toContain(cipher)
    expect(stderr).toMatch(/alert certificate expired.*SSL alert number 45/)
    await isCounted(plane, 'client_certificate_expired')
  })
})

test.skipIf(curl === null).each([
  ['1.2', ['--tls-max', '1.2']],
  ['1.3', ['--tlsv1.3']],
])('curl with TLS %s says so', async (_, version) => {
  const plane = await serve({ certificates: [await certificateSpec({ names: ['main.test'], ca: root })] })
  const stranger = await makeCertificate({ names: ['alice'], usage: 'client' })
  const paths = files({ 'cert.pem': stranger.cert, 'key.pem': stranger.key, 'ca.pem': root.cert })
  const own = ['--cert', paths['cert.pem'], '--key', paths['key.pem'], '--cacert', paths['ca.pem']]
  const target = ['--resolve', `main.test:${plane.port}:127.0.0.1`, `https://main.test:${plane.port}/`]
  const { stderr, code } = await run(curl!, ['-sS', ...version, ...own, ...target])
  expect(code).not.toBe(0)
  expect(stderr).toContain('alert unknown ca')
})

test.each(['TLSv1', 'TLSv1.1'] as const)('%s, where it is spoken at all', async (version) => {
  const old = { minVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const
  const plane = await serve(old)
  const { error } = await ask(plane.port, { ...expired, ...old, maxVersion: version })
  expect(error).toMatch(/ALERT_CERTIFICATE_EXPIRED$/)
})

describe.each(versions)('%s', (maxVersion) => {
  test('a certificate that was chosen by name, for each name', async () => {
    const other = await certificateSpec({ names: ['other.test'] })
    for (const strictSni of [false, true]) {
      const plane = await serve({ certificates: [server, other], strictSni })
      for (const servername of ['main.test', 'other.test']) {
        const { error, session } = await ask(plane.port, { ...expired, servername, maxVersion })
        expect(error).toMatch(/ALERT_CERTIFICATE_EXPIRED$/)
        expect(session).toBe(undefined)
      }
    }
  })

  test('behind a hello that was read first, and on a unix socket', async () => {
    const passthrough = [{ names: ['elsewhere.test'], protocols: [], backend: 0 }]
    const first = await serve({ passthrough })
    expect((await ask(first.port, { ...expired, maxVersion })).error).toMatch(/ALERT_CERTIFICATE_EXPIRED$/)
    const path = `${folder()}/weir.sock`
    await serve({}, { host: null, path })
    const relay = await relayTo(() => connect(path))
    expect((await ask(relay, { ...expired, maxVersion })).error).toMatch(/ALERT_CERTIFICATE_EXPIRED$/)
  })

  test('a client that stays all the same is closed', async () => {
    const plane = await serve()
    const kept: Socket[] = []
    const relay = await relayTo(() => {
      const upstream = connect({ port: plane.port, host: '127.0.0.1', allowHalfOpen: true })
      kept.push(upstream)
      return upstream
    })
    expect((await ask(relay, { ...expired, maxVersion })).answered).toBe(false)
    await isCounted(plane, 'client_certificate_expired')
    for (const socket of kept) socket.destroy()
  })

  test.skipIf(openssl === null)('revoked, and not known whether it is revoked', async () => {
    const elsewhere = await makeAuthority({ names: ['Elsewhere'] })
    const bob = await makeCertificate({ names: ['bob'], usage: 'client', ca: root })
    const self = await makeCertificate({ names: ['self'], usage: 'client' })
    const lists = {
      good: await revocationList(openssl!, root, [bob]),
      old: await revocationList(
        openssl!,
        root,
        [],
        ['-crl_lastupdate', '20200101000000Z', '-crl_nextupdate', '20200201000000Z'],
      ),
      foreign: await revocationList(openssl!, elsewhere, []),
    }
    const trials = [
      [lists.good, alice, null, ''],
      [lists.good, bob, 'client_certificate_revoked', 'CERTIFICATE_REVOKED'],
      [lists.good, self, 'client_certificate_unknown', 'UNKNOWN_CA'],
      [lists.old, alice, 'client_certificate_unchecked', 'CERTIFICATE_UNKNOWN'],
      [lists.foreign, alice, 'client_certificate_unchecked', 'CERTIFICATE_UNKNOWN'],
      [lists.foreign, self, 'client_certificate_unknown', 'UNKNOWN_CA'],
    ] as const
    for (const [crl, certificate, reason, alert] of trials) {
      const plane = await serve({ clientAuth: auth({ crl }) })
      const { answered, error } = await ask(plane.port, { ...certificate, maxVersion })
      expect([answered, error.split('_ALERT_')[1] ?? '']).toEqual([reason === null, alert])
      if (reason !== null) await isCounted(plane, reason)
    }
  })

  test('is among the failures that are kept, with the address of the client, as one that shows nothing is', async () => {
    const plane = await serve()
    await ask(plane.port, { ...expired, maxVersion })
    await isCounted(plane, 'client_certificate_expired')
    await ask(plane.port, { maxVersion })
    await isCounted(plane, 'client_certificate_missing')
    const expected = { frontend: 'web', address: '127.0.0.1', request: '', status: 0 }
    expect(plane.plane.failures).toMatchObject([
      { ...expected, reason: 'client_certificate_expired' },
      { ...expected, reason: 'client_certificate_missing' },
    ])
  })

  test('where Node is another than the one whose handles are known, there is no alert, and nothing is broken', async () => {
    const terms = testTls({ certificates: [server], clientAuth: auth() })
    const sent: boolean[] = []
    const onread = { buffer: () => Buffer.alloc(4096), callback: () => true }
    const listening = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (raw) => {
      const socket = wrapServer(raw, terms, onread, false)
      socket.on('error', () => {})
      socket.on('secure', () => {
        sent.push(sendAlert(socket, alerts.certificateExpired))
        socket.destroy()
      })
      socket.resume()
    })
    onTestFinished(() => void listening.close())
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
    const { answered } = await ask((listening.address() as AddressInfo).port, { ...expired, maxVersion })
    expect([answered, sent]).toEqual([false, [false]])
  })
})

/** A port behind which connections go on to another place. That side stays open when the client has left. */
async function relayTo(open: () => Socket): Promise<number> {
  const listening = createServer((socket) => {
    const upstream = open()
    upstream.on('error', () => {})
    socket.on('error', () => {})
    socket.pipe(upstream, { end: false })
    upstream.pipe(socket)
    upstream.on('close', () => socket.destroy())
  })
  onTestFinished(() => void listening.close())
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  return (listening.address() as AddressInfo).port
}

test('a fault without a name of its own is refused too', () => {
  for (const code of [undefined, 'UNSPECIFIED', 'CERT_SIGNATURE_FAILURE'])
    expect(refusalFor(code)).toEqual({ reason: 'client_certificate', alert: alerts.badCertificate })
})

test('a suite that is not known here has no alert', () => {
  expect(sealedAlert(Buffer.alloc(32), 'TLS_AES_128_CCM_SHA256', alerts.badCertificate)).toBe(null)
})
