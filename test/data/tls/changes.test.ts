// Certificates, canaries and staples that come and go while a bind serves: from the next handshake on, with no connection
// touched, and at the cost of what has changed. Real handshakes on a data plane.
import { X509Certificate } from 'node:crypto'
import type { ConnectionOptions } from 'node:tls'
import { beforeAll, describe, expect, test } from 'vitest'
import type { BindCertificates, CertificatesChange, CertificateSpec } from '../../../src/messages/tls.ts'
import { ContextCache } from '../../../src/data/tls/context-cache.ts'
import { ContextRecipe } from '../../../src/data/tls/context-recipe.ts'
import { TicketSecrets } from '../../../src/data/tls/tickets.ts'
import { certificateSpec, makeAuthority } from '../../support/certificates.ts'
import type { TestPlane } from '../../support/data-plane.ts'
import { answering, dial, eventually, get, reasonCount, startPlane, startServer } from '../../support/peers.ts'
import { files, program, run } from '../../support/programs.ts'
import { ask } from '../../support/tls-client.ts'
import { bindTls, someKeys, tlsSpec, withId, type TlsWish } from '../../support/tls.ts'

const openssl = program('openssl')
const certificate = async (...names: string[]): Promise<CertificateSpec> => withId(await certificateSpec({ names }))
let main: CertificateSpec
let newer: CertificateSpec
let other: CertificateSpec
let rsa: CertificateSpec
let broken: CertificateSpec
beforeAll(async () => {
  main = await certificate('main.test')
  newer = await certificate('main.test', 'also.test')
  other = await certificate('other.test')
  rsa = withId(await certificateSpec({ names: ['main.test'], keyType: 'rsa' }))
  broken = withId({ ...(await certificateSpec({ names: ['broken.test'] })), key: main.key })
})

async function serve(certificates: readonly CertificateSpec[], more: Partial<TlsWish> = {}): Promise<TestPlane> {
  const behind = await startServer(answering('fine'))
  return startPlane({
    frontends: [{ binds: [{ tls: { certificates, ...more } }] }],
    backends: [{ servers: [behind.port] }],
  })
}

const change = ({ plane }: TestPlane, what: Partial<CertificatesChange>): void =>
  plane.tls.certificates.change({ added: [], removed: [], binds: {}, staples: {}, ...what })

/** The bind serves these from now on. */
const put = (plane: TestPlane, certificates: readonly CertificateSpec[], more: Partial<BindCertificates> = {}): void =>
  change(plane, {
    added: certificates,
    binds: { 'web/0': { ids: certificates.map(({ id }) => id), canary: null, ...more } },
  })

const fingerprintOf = ({ cert }: CertificateSpec): string => new X509Certificate(cert).fingerprint256

const subjectFor = async (plane: TestPlane, servername?: string): Promise<string> =>
  (await ask(plane.port, servername === undefined ? {} : { servername })).subject

const counter = ({ board }: TestPlane, name: 'canaryHandshakes' | 'canaryRefusals' | 'certificateRefusals'): number =>
  board.rows[0]!.counters.frontend[name][0]!

describe('certificates', () => {
  test('come and go; a connection that is open goes on', async () => {
    const plane = await serve([main])
    const open = await dial(plane.port, { servername: 'main.test' })
    await open.write(get()).until('fine')
    put(plane, [main, other])
    expect(await subjectFor(plane, 'other.test')).toBe('CN=other.test')
    put(plane, [other])
    change(plane, { removed: [main.id] })
    expect(await subjectFor(plane, 'main.test')).toBe('CN=other.test')
    expect(await subjectFor(plane)).toBe('CN=other.test')
    await open.forget().write(get()).until('fine')
  })

  test('of another bind change nothing here', () => {
    const { tls: own, state } = bindTls({ certificates: [main] })
    const before = own.options
    state.certificates.change({
      added: [other],
      removed: [],
      binds: { 'test/1': { ids: [other.id], canary: null } },
      staples: { [other.id]: Buffer.from('x') },
    })
    expect(own.options.secureContext).toBe(before.secureContext)
    own.close()
    state.certificates.change({
      added: [],
      removed: [main.id],
      binds: { 'test/0': { ids: [other.id], canary: null } },
      staples: {},
    })
    expect(own.options.secureContext).toBe(before.secureContext) // closed: it follows nothing any more
  })

  test('a hundred changes under load, and not one handshake fails', async () => {
    const plane = await serve([main, other])
    let failed = 0
    let done = 0
    let over = false
    const shown = new Set<string>()
    const load = async (servername: string): Promise<void> => {
      while (!over) {
        const outcome = await ask(plane.port, { servername })
        if (!outcome.answered || outcome.error !== '') failed++
        shown.add(outcome.fingerprint)
        done++
      }
    }
    const clients = ['main.test', 'other.test', 'also.test', 'unknown.test'].map(load)
    for (let i = 0; i < 100; i++) {
      const [now, before] = i % 2 === 0 ? [newer, main] : [main, newer]
      put(plane, [now, other])
      change(plane, { removed: [before.id] })
      const enough = done + 1
      await eventually('a handshake', () => done >= enough)
    }
    over = true
    await Promise.all(clients)
    expect(failed).toBe(0)
    expect(shown.size).toBe(3)
    expect(reasonCount(plane, 'tls_handshake')).toBe(0)
  }, 60_000)

  test('none at all: handshakes are refused until there is one', async () => {
    const plane = await serve([])
    for (const servername of ['main.test', undefined]) {
      expect((await ask(plane.port, servername === undefined ? {} : { servername })).error).toMatch(/HANDSHAKE_FAILURE/)
    }
    await eventually('counted', () => reasonCount(plane, 'no_certificate') === 2)
    put(plane, [main])
    expect(await subjectFor(plane)).toBe('CN=main.test')
    put(plane, [])
    expect((await ask(plane.port)).answered).toBe(false)
  })

  test('one that OpenSSL refuses is reported once, and the others are served', async () => {
    const logged: Record<string, unknown>[] = []
    const behind = await startServer(answering('fine'))
    const plane = await startPlane({
      frontends: [{ binds: [{ tls: { certificates: [broken, main, other] } }] }],
      backends: [{ servers: [behind.port] }],
      log: (_level, _message, fields) => void logged.push(fields),
    })
    for (const name of ['broken.test', 'main.test', undefined])
      expect(await subjectFor(plane, name)).toBe('CN=main.test')
    expect(await subjectFor(plane, 'other.test')).toBe('CN=other.test')
    put(plane, [other, broken, main])
    for (const name of ['broken.test', 'broken.test']) expect(await subjectFor(plane, name)).toBe('CN=other.test')
    expect(logged.map(({ names }) => names)).toEqual([['broken.test']])
    expect(JSON.stringify(logged)).not.toContain('PRIVATE')
  })

  test('options that OpenSSL refuses: every handshake fails, and the worker says why', async () => {
    const logged: string[] = []
    const behind = await startServer(answering('fine'))
    const plane = await startPlane({
      frontends: [{ binds: [{ tls: { certificates: [main], groups: 'no-such-group' } }] }],
      backends: [{ servers: [behind.port] }],
      log: (_level, message) => void logged.push(message),
    })
    expect((await ask(plane.port, { servername: 'main.test' })).answered).toBe(false)
    expect(logged).toEqual([expect.stringContaining('OpenSSL refuses its options')])
  })
})

describe('contexts', () => {
  const recipe = new ContextRecipe(tlsSpec())
  const secrets = new TicketSecrets(someKeys())

  test('are kept for as long as they are used, the last ones that were', () => {
    const cache = new ContextCache(
      () => {},
      () => secrets,
      2,
    )
    const [a, b] = [cache.of(recipe, [main]), cache.of(recipe, [other])]
    expect(cache.of(recipe, [main])).toBe(a)
    cache.of(recipe, [newer])
    expect(cache.size).toBe(2)
    expect(cache.of(recipe, [main])).toBe(a)
    expect(cache.of(recipe, [other])).not.toBe(b)
  })

  test('of certificates that are gone go too, the others stay', () => {
    const cache = new ContextCache(
      () => {},
      () => secrets,
    )
    const a = cache.of(recipe, [main])
    cache.of(recipe, [other])
    cache.of(recipe, [other, rsa])
    cache.forget([other.id])
    expect(cache.size).toBe(1)
    expect(cache.of(recipe, [main])).toBe(a)
  })

  test('are shared by specs that differ in nothing that concerns them', () => {
    const same = new ContextRecipe(tlsSpec({ alpn: ['h2'], maxHandshakes: 7, strictSni: true, hsts: 'max-age=1' }))
    expect(same.id).toBe(recipe.id)
    for (const more of [{ tickets: false }, { groups: 'X25519' }, { minVersion: 'TLSv1.3' }] as const) {
      expect(new ContextRecipe(tlsSpec(more)).id).not.toBe(recipe.id)
    }
  })

  test('are made for the names that are asked for, and those of others stay when one changes', async () => {
    const many = await Promise.all(Array.from({ length: 20 }, (_, i) => certificate(`c${i}.test`)))
    const plane = await serve([main, ...many])
    const { contexts } = plane.plane.tls
    expect(contexts.size).toBe(1)
    await subjectFor(plane, 'c7.test')
    await subjectFor(plane, 'c7.test')
    await subjectFor(plane, 'c9.test')
    expect(contexts.size).toBe(3)
    put(plane, [newer, ...many])
    change(plane, { removed: [main.id] })
    expect(contexts.size).toBe(3)
    expect(await subjectFor(plane, 'c9.test')).toBe('CN=c9.test')
    expect(contexts.size).toBe(3)
  })
})

describe('strict names', () => {
  test('unknown ones, and none, are refused with an alert; known ones are served', async () => {
    const wild = await certificate('*.wild.test')
    for (const certificates of [[main], [main, rsa], [main, other, wild]]) {
      const plane = await serve(certificates, { strictSni: true })
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        expect((await ask(plane.port, { servername: 'main.test', maxVersion })).subject).toBe('CN=main.test')
        for (const options of [{ servername: 'unknown.test' }, { servername: 'a.b.wild.test' }, {}]) {
          expect((await ask(plane.port, { ...options, maxVersion })).error).toMatch(/HANDSHAKE_FAILURE/)
        }
      }
      await eventually('counted', () => reasonCount(plane, 'no_certificate') === 6)
      expect(reasonCount(plane, 'tls_handshake')).toBe(0)
    }
  })
})

describe('staples', () => {
  const response = Buffer.from('an OCSP response')
  const asking = { requestOCSP: true } as ConnectionOptions

  test('go to clients that ask for one, from when there is one until it is gone', async () => {
    const plane = await serve([main])
    expect((await ask(plane.port, asking)).staple).toBe(null)
    change(plane, { staples: { [main.id]: response } })
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      for (const servername of ['main.test', 'unknown.test', undefined]) {
        const options = { maxVersion, ...(servername === undefined ? {} : { servername }) }
        expect((await ask(plane.port, { ...options, ...asking })).staple).toEqual(response)
        expect((await ask(plane.port, options)).staple).toBe(null)
      }
    }
    change(plane, { staples: { [main.id]: null } })
    expect((await ask(plane.port, { servername: 'main.test', ...asking })).staple).toBe(null)
  })

  test('are those of the certificate that is shown', async () => {
    const plane = await serve([main, rsa, other])
    const rsaOnly = { sigalgs: 'rsa_pss_rsae_sha256:rsa_pkcs1_sha256' }
    change(plane, { staples: { [rsa.id]: response, [other.id]: Buffer.from('of other') } })
    const stapleFor = async (options: ConnectionOptions) =>
      (await ask(plane.port, { ...asking, ...options })).staple?.toString() ?? null
    expect(await stapleFor({ servername: 'main.test' })).toBe(null)
    expect(await stapleFor({ servername: 'main.test', ...rsaOnly })).toBe('an OCSP response')
    expect(await stapleFor(rsaOnly)).toBe('an OCSP response')
    expect(await stapleFor({ servername: 'other.test' })).toBe('of other')
  })
})

describe('a certificate on trial', () => {
  const onTrial = (share: number): Partial<BindCertificates> => ({
    canary: { id: newer.id, replaces: main.id, share },
  })

  test.each([[[]], [['other']]])('is shown in its share of the handshakes (beside it: %j)', async (beside) => {
    const more = beside.length > 0 ? [other] : []
    const plane = await serve([main, ...more])
    for (const share of [0, 1, 0.5]) {
      put(plane, [main, newer, ...more], onTrial(share))
      const before = counter(plane, 'canaryHandshakes')
      let shown = 0
      for (let i = 0; i < 40; i++) {
        const { fingerprint } = await ask(plane.port, i % 2 === 0 ? { servername: 'main.test' } : {})
        if (fingerprint === fingerprintOf(newer)) shown++
        else expect(fingerprint).toBe(fingerprintOf(main))
      }
      expect(Math.abs(shown - share * 40)).toBeLessThanOrEqual(share === 0.5 ? 18 : 0) // 19 off: once in a billion
      expect(counter(plane, 'canaryHandshakes') - before).toBe(shown)
    }
    if (more.length > 0) expect(await subjectFor(plane, 'other.test')).toBe('CN=other.test')
    expect(await subjectFor(plane, 'also.test')).toBe('CN=main.test')
  })

  test('sessions that are resumed say nothing of it', async () => {
    const plane = await serve([main])
    put(plane, [main, newer], onTrial(1))
    const { session } = await ask(plane.port, { servername: 'main.test' })
    const again = await ask(plane.port, { servername: 'main.test', session: session! })
    expect(again.reused).toBe(true)
    expect(counter(plane, 'canaryHandshakes')).toBe(1)
  })

  test.skipIf(openssl === null).each(['-tls1_2', '-tls1_3'])(
    '%s: clients that do not take it are counted apart',
    async (version) => {
      const trusted = await makeAuthority()
      const good = withId(await certificateSpec({ names: ['main.test'], ca: trusted }))
      const plane = await serve([good])
      const { ca, stranger } = files({
        ca: trusted.cert,
        stranger: (await makeAuthority({ names: ['Stranger'] })).cert,
      })
      const verify = async (authority: string): Promise<boolean> => {
        const client = ['s_client', '-connect', `127.0.0.1:${plane.port}`, version, '-servername', 'main.test']
        return (await run(openssl!, [...client, '-CAfile', authority, '-verify_return_error'])).code === 0
      }
      expect(await verify(ca)).toBe(true)
      put(plane, [good, newer], { canary: { id: newer.id, replaces: good.id, share: 1 } })
      expect(await verify(stranger)).toBe(false)
      await eventually('counted', () => counter(plane, 'canaryRefusals') === 1)
      expect(counter(plane, 'certificateRefusals')).toBe(0)
      put(plane, [good])
      expect(await verify(stranger)).toBe(false)
      await eventually('counted', () => counter(plane, 'certificateRefusals') === 1)
      expect(counter(plane, 'canaryRefusals')).toBe(1)
    },
  )
})
