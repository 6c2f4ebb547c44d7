// Certificates as operators handle them: put, refused, used, rolled back, removed, put on trial; and what is there after a restart.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { ms } from '../../../src/model/units.ts'
import { listCertificates, showCertificate, summarize } from '../../../src/control/certificates/catalogue.ts'
import { der, octets, oid, sequence } from '../../../src/control/certificates/der.ts'
import type { PutWish } from '../../../src/control/certificates/manager.ts'
import { Refusal } from '../../../src/control/certificates/refusal.ts'
import { certify, generateKey } from '../../../src/control/certificates/x509.ts'
import { makeAuthority, makeCertificate, type CertificateAndKey } from '../../support/certificates.ts'
import { folder, program } from '../../support/programs.ts'
import { configOf, open, store, wishOf, type World } from './fixtures.ts'

const names = ['www.test', 'test']
const inDays = (days: number): Date => new Date(Date.now() + days * 86_400_000)

let [ca, intermediate, first, second, shorter]: CertificateAndKey[] = []
beforeAll(async () => {
  ca = await makeAuthority()
  intermediate = await makeAuthority({ names: ['Between'], ca })
  first = await makeCertificate({ names, ca })
  second = await makeCertificate({ names, ca, days: 40 })
  shorter = await makeCertificate({ names, ca, days: 5 })
})

/** What it is refused with. */
async function refusal(job: Promise<unknown>): Promise<Pick<Refusal, 'code' | 'status' | 'message'>> {
  const error = await job.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (!(error instanceof Refusal)) throw new Error(`not refused: ${String(error)}`)
  return { code: error.code, status: error.status, message: error.message }
}

async function withSite(more: Partial<PutWish> = {}): Promise<World & { readonly path: string }> {
  const path = join(folder(), 'kept')
  const world = await open(configOf([store('site')]), path)
  await world.manager.put('site', wishOf(first!, { chainPem: ca!.cert, ...more }), 'anna')
  return { ...world, path }
}

describe('put', () => {
  test('is served at once where the name is in use, and kept where nobody else can read it', async () => {
    const world = await withSite()
    expect(world.worker.serves()).toEqual(['www.test'])
    expect(statSync(world.path).mode & 0o777).toBe(0o700)
    expect(statSync(join(world.path, 'site')).mode & 0o777).toBe(0o700)
    for (const file of readdirSync(join(world.path, 'site')))
      expect(statSync(join(world.path, 'site', file)).mode & 0o777, file).toBe(0o600)
  })

  test('makes a version of each, of which the last ten are kept', async () => {
    const { manager, path, worker } = await withSite()
    for (let i = 2; i <= 13; i++) {
      const done = await manager.put('site', wishOf(i % 2 === 0 ? second! : first!, { force: true }), 'anna')
      expect(done.certificate.version).toBe(i)
    }
    const { versions } = showCertificate(manager.catalogue, 'site')
    expect(versions.map(({ version }) => version)).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12, 13])
    expect(versions.filter(({ current }) => current).map(({ version }) => version)).toEqual([13])
    expect(readdirSync(join(path, 'site')).toSorted()).toEqual(
      [...versions.map((each) => `${each.version}.pem`), 'index.json'].toSorted(),
    )
    expect(worker.serves()).toEqual(['www.test'])
  })

  test('of the same bytes changes nothing, and says so', async () => {
    const { manager, worker } = await withSite()
    const told = worker.told.length
    expect(await manager.put('site', wishOf(first!, { chainPem: ca!.cert }), 'anna')).toMatchObject({ changed: false })
    expect(showCertificate(manager.catalogue, 'site').versions).toHaveLength(1)
    expect(worker.told).toHaveLength(told)
  })

  test('tells the workers of nothing but what has changed', async () => {
    const { manager, worker } = await withSite()
    await manager.put('site', wishOf(second!, { chainPem: ca!.cert }), 'anna')
    const last = worker.told.at(-1)!
    if (last.type !== 'certificates') throw new Error(last.type)
    expect(last.change).toMatchObject({ added: [{ names }], removed: [expect.any(String)] })
  })

  test('puts a chain in order, and finds a missing issuer in the store', async () => {
    const { manager } = await open(configOf([store('site')]), join(folder(), 'kept'))
    const [a, b] = [
      await makeCertificate({ names, ca: intermediate! }),
      await makeCertificate({ names, ca: intermediate! }),
    ]
    const mixed = { cert: ca!.cert + intermediate!.cert + a.cert, key: a.key }
    const put = await manager.put('one', wishOf(mixed), 'anna')
    expect(put.warnings).toEqual([expect.stringMatching(/put in order/)])
    expect(put.certificate).toMatchObject({ chainLength: 3, issuer: expect.stringContaining('Between') as string })
    const mended = await manager.put('two', wishOf(b), 'anna')
    expect(mended.warnings).toEqual([expect.stringMatching(/Between has been taken from another chain/)])
    expect(mended.certificate.chainLength).toBe(3)
  })

  test('warns when the issuer is missing, and when no frontend serves a name', async () => {
    const config = configOf([store('site')])
    const [web] = config.frontends
    Object.assign(web!, { backend: null, routes: [{ host: '*.test' }] })
    const { manager } = await open(config, join(folder(), 'kept'))
    const { warnings } = await manager.put(
      'site',
      wishOf(await makeCertificate({ names: ['a.test', 'b.other'], ca: ca! })),
      'anna',
    )
    expect(warnings).toEqual([
      expect.stringMatching(/no certificate of its issuer, Weir test authority/),
      'No frontend serves b.other.',
    ])
  })
})

describe('refused, with a code and words of its own, and nothing changes:', () => {
  const cases: Record<string, readonly [wish: () => Promise<PutWish> | PutWish, code: string, words: RegExp]> = {
    'no PEM': [() => wishOf({ cert: 'hello', key: first!.key }), 'not_pem', /not PEM/],
    'no PEM of the key': [() => wishOf({ cert: first!.cert, key: 'hello' }), 'key_not_pem', /key is not PEM/],
    'the key of another': [() => wishOf({ cert: second!.cert, key: first!.key }), 'key_mismatch', /does not belong/],
    'swapped files': [() => wishOf({ cert: second!.key, key: second!.cert }), 'swapped', /swap the two/],
    'a chain of somebody else': [
      async () => wishOf(second!, { chainPem: (await makeAuthority({ names: ['Other'] })).cert }),
      'stray_certificate',
      /Other has issued none/,
    ],
    expired: [
      async () => wishOf(await makeCertificate({ names, from: inDays(-9), days: 3 })),
      'expired',
      /expired at 20/,
    ],
    'not yet valid': [
      async () => wishOf(await makeCertificate({ names, from: inDays(2) })),
      'not_yet_valid',
      /not valid before/,
    ],
    'ends before the one that it replaces': [
      () => wishOf(shorter!),
      'expires_earlier',
      /before the one that it replaces/,
    ],
  }

  test.each(Object.entries(cases))('%s', async (_, [wish, code, words]) => {
    const { manager, worker, path } = await withSite()
    const told = worker.told.length
    const refused = await refusal(manager.put('site', await wish(), 'anna'))
    expect(refused).toMatchObject({ code, status: 422, message: expect.stringMatching(words) as string })
    expect(refused.message).not.toContain('PRIVATE')
    expect(readdirSync(join(path, 'site')).toSorted()).toEqual(['1.pem', 'index.json'])
    expect(worker.told).toHaveLength(told)
  })

  test('unless the operator insists: an earlier end', async () => {
    const { manager } = await withSite()
    expect(await manager.put('site', wishOf(shorter!, { force: true }), 'anna')).toMatchObject({ changed: true })
  })

  test.skipIf(program('openssl') === null)('an encrypted key without its passphrase, or with another one', async () => {
    const { manager } = await withSite()
    const key = execFileSync('openssl', ['pkcs8', '-topk8', '-v2', 'aes-256-cbc', '-passout', 'pass:opened'], {
      input: second!.key,
    })
    const wish = wishOf({ cert: second!.cert, key: key.toString() })
    expect(await refusal(manager.put('site', wish, 'anna'))).toMatchObject({ code: 'key_encrypted' })
    const wrong = await refusal(manager.put('site', { ...wish, passphrase: 'guessed' }, 'anna'))
    expect(wrong).toMatchObject({ code: 'wrong_passphrase' })
    expect(wrong.message).not.toContain('guessed')
    expect(await manager.put('site', { ...wish, passphrase: 'opened' }, 'anna')).toMatchObject({ changed: true })
  })

  test('a chain without the authority between, where that is a public one', async () => {
    const { manager } = await open(configOf([store('site')]), join(folder(), 'kept'))
    const wish = wishOf(await publicLeaf())
    expect(await refusal(manager.put('new', wish, 'anna'))).toMatchObject({ code: 'chain_incomplete', status: 422 })
    const { warnings } = await manager.put('new', { ...wish, force: true }, 'anna')
    expect(warnings).toEqual([expect.stringMatching(/no certificate of its issuer/)])
  })

  test.each(['', '../up', 'a/b', '.hidden', 'acme', 'uses.json', 'x'.repeat(129)])('the name %j', async (name) => {
    const { manager, path } = await withSite()
    expect(await refusal(manager.put(name, wishOf(second!), 'anna'))).toMatchObject({ code: 'bad_name' })
    expect(readdirSync(path)).toEqual(['site'])
  })

  test('where there is no place to keep it', async () => {
    const { manager } = await open(configOf([store('site')]), null)
    expect(await refusal(manager.put('site', wishOf(first!), 'anna'))).toMatchObject({ code: 'no_store', status: 409 })
  })
})

/** A leaf that says where its issuer's certificate is to be had (RFC 5280, section 4.2.2.1), as those of public authorities do. */
async function publicLeaf(): Promise<CertificateAndKey> {
  const issuers = sequence(oid('1.3.6.1.5.5.7.48.2'), der(0x86, Buffer.from('http://ca.test/ca.crt')))
  const extension = sequence(oid('1.3.6.1.5.5.7.1.1'), octets(sequence(issuers)))
  const key = await generateKey('ec')
  const [from, to] = [inDays(-1), inDays(60)]
  const cert = certify({
    commonName: 'www.test',
    names: ['www.test'],
    from,
    to,
    key,
    issuer: ca!,
    extensions: [extension],
  })
  return { cert, key }
}

describe('use', () => {
  test('puts a certificate before what the configuration says, for all binds or for one, and takes it back', async () => {
    const { manager, worker } = await open(configOf([store('a')], [store('b')]), join(folder(), 'kept'))
    const [a, b] = ['web/127.0.0.1:443', 'web/127.0.0.1:8443']
    for (const name of ['a', 'b', 'c'])
      await manager.put(name, wishOf(await makeCertificate({ names: [`${name}.test`] })), 'anna')
    expect([worker.serves(a), worker.serves(b)]).toEqual([['a.test'], ['b.test']])
    expect(await manager.use({ frontend: 'web', port: 8443 }, 'c', 'anna')).toEqual({ binds: [b], name: 'c' })
    expect([worker.serves(a), worker.serves(b)]).toEqual([['a.test'], ['c.test', 'b.test']])
    await manager.use({ frontend: 'web', port: null }, 'c', 'anna')
    expect([worker.serves(a), worker.serves(b)]).toEqual([
      ['c.test', 'a.test'],
      ['c.test', 'b.test'],
    ])
    await manager.use({ frontend: 'web', port: null }, null, 'anna')
    expect([worker.serves(a), worker.serves(b)]).toEqual([['a.test'], ['b.test']])
  })

  test('drops those of the configuration whose names it has all, wildcards included', async () => {
    const { manager, worker } = await open(configOf([store('a'), store('b')]), join(folder(), 'kept'))
    await manager.put('a', wishOf(await makeCertificate({ names: ['a.test', 'b.test'] })), 'anna')
    await manager.put('b', wishOf(await makeCertificate({ names: ['other.test', 'b.a.test'] })), 'anna')
    await manager.put('wild', wishOf(await makeCertificate({ names: ['*.test'] })), 'anna')
    await manager.use({ frontend: 'web', port: 443 }, 'wild', 'anna')
    expect(worker.serves()).toEqual(['*.test', 'other.test'])
  })

  test.each([
    [{ frontend: 'wbe', port: null }, 'site', { code: 'not_found', status: 404 }],
    [{ frontend: 'plain', port: null }, 'site', { code: 'no_tls', status: 409 }],
    [{ frontend: 'web', port: 444 }, 'site', { code: 'not_found', status: 404 }],
    [{ frontend: 'web', port: 443 }, 'sites', { code: 'not_found', status: 404 }],
  ])('refuses %j with %s', async (where, name, expected) => {
    const { manager } = await withSite()
    expect(await refusal(manager.use(where, name, 'anna'))).toMatchObject(expected)
    expect(manager.catalogue.store.uses).toEqual([])
  })
})

describe('remove', () => {
  test('is refused while a bind serves it, and names the bind', async () => {
    const { manager } = await withSite()
    const refused = await refusal(manager.remove('site'))
    expect(refused).toMatchObject({
      code: 'in_use',
      status: 409,
      message: expect.stringContaining('web/127.0.0.1:443') as string,
    })
    expect(showCertificate(manager.catalogue, 'site').version).toBe(1)
  })

  test('takes all versions away, from the disk too', async () => {
    const { manager, path } = await withSite()
    await manager.put('other', wishOf(first!), 'anna')
    await manager.remove('other')
    expect(readdirSync(path)).toEqual(['site'])
    expect(await refusal(manager.remove('other'))).toMatchObject({ code: 'not_found' })
  })
})

describe('rollback', () => {
  test('goes back one version, or to the one that is named', async () => {
    const { manager, keeper } = await withSite()
    await manager.put('site', wishOf(second!, { chainPem: ca!.cert }), 'anna')
    await manager.put('site', wishOf(shorter!, { force: true }), 'anna')
    const back = await manager.rollback('site', { version: null, force: false })
    expect(back).toMatchObject({ from: 3, certificate: { version: 2 } })
    expect(keeper.serving[0]!.list[0]!.spec.key.trim()).toBe(second!.key.trim())
    await manager.rollback('site', { version: 1, force: false })
    expect(keeper.serving[0]!.list[0]!.spec.key.trim()).toBe(first!.key.trim())
    expect(await refusal(manager.rollback('site', { version: null, force: false }))).toMatchObject({
      code: 'no_version',
    })
    expect(await refusal(manager.rollback('site', { version: 9, force: false }))).toMatchObject({ code: 'not_found' })
    const { certificate } = await manager.put('site', wishOf(second!, { chainPem: ca!.cert }), 'anna')
    expect(certificate.version).toBe(4)
  })
})

describe('a path, as IAM had it,', () => {
  test('is kept with all versions, for the Weir that comes next, and until another is given', async () => {
    const where = join(folder(), 'kept')
    const { manager, store: kept } = await open(configOf([]), where)
    const put = async (more: Partial<PutWish>, wanted = first!) =>
      (await manager.put('site', wishOf(wanted, { chainPem: ca!.cert, force: true, ...more }), 'anna')).certificate.path
    expect(await put({ path: '/web/eu/' })).toBe('/web/eu/')
    expect(await put({}, second)).toBe('/web/eu/')
    expect((await manager.rollback('site', { version: null, force: false })).certificate.path).toBe('/web/eu/')
    const next = await open(configOf([]), where)
    expect(next.store.get('site')).toMatchObject({ path: '/web/eu/', current: 1 })
    expect(await put({ path: '/' })).toBe('/')
    expect(kept.get('site')!.path).toBe('/')
  })

  test('is "/" where none is given, also in what an earlier Weir has written', async () => {
    const where = join(folder(), 'kept')
    const { manager } = await open(configOf([]), where)
    expect((await manager.put('site', wishOf(first!, { force: true }), 'anna')).certificate.path).toBe('/')
    const index = join(where, 'site', 'index.json')
    const { path: _, ...old } = JSON.parse(readFileSync(index, 'utf8')) as Record<string, unknown>
    for (const written of [old, { ...old, path: 7 }, { ...old, path: 'web' }]) {
      writeFileSync(index, JSON.stringify(written))
      expect((await open(configOf([]), where)).store.get('site')!.path).toBe('/')
    }
  })

  test.each(['web', '/web', 'web/', '', '/a b/', '/ä/', `/${'x'.repeat(511)}/`])('%j is none', async (path) => {
    const { manager } = await open(configOf([]), join(folder(), 'kept'))
    const refused = await refusal(manager.put('site', wishOf(first!, { path, force: true }), 'anna'))
    expect(refused).toMatchObject({ code: 'bad_path', status: 422 })
  })
})

describe('on trial', () => {
  const trial = { share: 0.05, span: ms(60_000) }

  async function onTrial() {
    const world = await withSite()
    const { certificate } = await world.manager.put('site', wishOf(second!, { chainPem: ca!.cert, trial }), 'anna')
    return { ...world, certificate, served: () => world.worker.table!.of('web/127.0.0.1:443') }
  }

  test('is beside the one of before, which stays current', async () => {
    const { certificate, served, trials, manager } = await onTrial()
    expect(certificate).toMatchObject({ version: 2, canary: 5 })
    expect(trials).toMatchObject([{ name: 'site', share: 0.05, span: 60_000 }])
    const [now, next] = served().list
    expect(served().canary).toEqual({ id: next!.id, replaces: now!.id, share: 0.05 })
    expect(now!.key.trim()).toBe(first!.key.trim())
    expect(
      (await listCertificates(manager.catalogue)).certificates.map(({ version, canary }) => [version, canary]),
    ).toEqual([
      [1, null],
      [2, 5],
    ])
  })

  test('is served to all when it did well, and to nobody when it did not', async () => {
    for (const [end, expected] of [
      ['onPromoted', () => second!],
      ['onWithdrawn', () => first!],
    ] as const) {
      const { trials, served, manager } = await onTrial()
      trials[0]![end]('clients refused it')
      await expect.poll(() => served().canary).toBe(null)
      expect(served().list.map(({ key }) => key.trim())).toEqual([expected().key.trim()])
      expect(await manager.put('other', wishOf(first!), 'anna')).toMatchObject({ changed: true })
    }
  })

  test('is taken back by a rollback, and another one has to wait for its end', async () => {
    const { manager, served } = await onTrial()
    expect(await refusal(manager.put('site', wishOf(shorter!, { force: true }), 'anna'))).toMatchObject({
      code: 'under_trial',
    })
    expect(await manager.rollback('site', { version: null, force: false })).toMatchObject({
      from: 2,
      certificate: { version: 1 },
    })
    expect(served().canary).toBe(null)
  })

  test('needs one that it can be held against', async () => {
    const { manager } = await withSite()
    expect(await refusal(manager.put('new', wishOf(second!, { trial }), 'anna'))).toMatchObject({
      code: 'nothing_to_replace',
    })
  })

  test('goes on after a restart, with its share and for all of its time', async () => {
    const { path } = await onTrial()
    const { said, worker, manager, trials, store: kept } = await open(configOf([store('site')]), path)
    expect(said()).toContain('version 2 of the certificate site was on trial when Weir ended: its trial begins anew')
    expect(trials).toMatchObject([{ name: 'site', share: 0.05, span: 60_000 }])
    const { list, canary } = worker.table!.of('web/127.0.0.1:443')
    expect(list.map(({ key }) => key.trim())).toEqual([first!.key.trim(), second!.key.trim()])
    expect(canary).toMatchObject({ share: 0.05 })
    trials[0]!.onPromoted()
    await expect.poll(() => kept.get('site')).toMatchObject({ current: 2, trial: null, terms: null })
    expect(showCertificate(manager.catalogue, 'site')).toMatchObject({ version: 2, canary: null })
    expect((await open(configOf([store('site')]), path)).trials).toEqual([])
  })

  test('is taken back by a rollback after a restart too', async () => {
    const { path } = await onTrial()
    const { manager, worker } = await open(configOf([store('site')]), path)
    expect(await manager.rollback('site', { version: null, force: false })).toMatchObject({ from: 2 })
    expect(worker.table!.of('web/127.0.0.1:443').canary).toBe(null)
    expect((await open(configOf([store('site')]), path)).trials).toEqual([])
  })

  test('gives way to the one of before where it cannot go on, and the log says why', async () => {
    const change = (path: string, more: object): void => {
      const file = join(path, 'site', 'index.json')
      writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), ...more }))
    }
    for (const [why, spoil, config] of [
      ['there is nothing to try it against: no bind serves site', () => {}, configOf([store('other')])],
      [
        'nothing says how the other one was tried',
        (path) => change(path, { terms: undefined }),
        configOf([store('site')]),
      ],
      ['nothing says how', (path) => change(path, { terms: { share: 5, span: 1000 } }), configOf([store('site')])],
      ['the other one cannot be read', (path) => rmSync(join(path, 'site', '2.pem')), configOf([store('site')])],
    ] as [string, (path: string) => void, ReturnType<typeof configOf>][]) {
      const { path } = await onTrial()
      spoil(path)
      const { said, store: kept, trials } = await open(config, path)
      expect(said()).toContain(
        `version 2 of the certificate site was on trial when Weir ended: version 1 is served, because ${why}`,
      )
      expect(kept.get('site')).toMatchObject({ current: 1, trial: null })
      expect(trials).toEqual([])
    }
  })

  test('ends where the process of before has ended it while this one started', async () => {
    const { path, trials, store: kept } = await onTrial()
    const { manager, worker, keeper } = await open(configOf([store('site')]), path)
    await manager.reread()
    expect(keeper.trials.size).toBe(1)
    trials[0]!.onPromoted()
    await expect.poll(() => kept.get('site')).toMatchObject({ current: 2 })
    await manager.reread()
    expect(keeper.trials.size).toBe(0)
    const { list, canary } = worker.table!.of('web/127.0.0.1:443')
    expect(canary).toBe(null)
    expect(list.map(({ key }) => key.trim())).toEqual([second!.key.trim()])
  })
})

describe('after a restart', () => {
  test('all is as it was: versions, who put them, what is used', async () => {
    const { manager, path } = await withSite()
    await manager.put('other', wishOf(await makeCertificate({ names: ['other.test'] })), 'bert')
    await manager.use({ frontend: 'web', port: null }, 'other', 'bert')
    const again = await open(configOf([store('site')]), path)
    expect(again.worker.serves()).toEqual(['other.test', 'www.test'])
    expect(showCertificate(again.manager.catalogue, 'site')).toEqual(showCertificate(manager.catalogue, 'site'))
    expect(again.manager.catalogue.store.uses).toMatchObject([{ bind: 'web/127.0.0.1:443', name: 'other', by: 'bert' }])
  })

  test('a crash at any step of a put leaves the version of before', async () => {
    const { manager, path } = await withSite()
    const site = join(path, 'site')
    const index = readFileSync(join(site, 'index.json'))
    await manager.put('site', wishOf(second!, { chainPem: ca!.cert }), 'anna')
    const [pem, newIndex] = [readFileSync(join(site, '2.pem')), readFileSync(join(site, 'index.json'))]
    // What there is after each step, from the first byte of the draft to the moment before the index is renamed.
    const steps: Record<string, Buffer>[] = [
      { '2.pem.1.tmp': pem.subarray(0, 100) },
      { '2.pem.1.tmp': pem },
      { '2.pem': pem },
      { '2.pem': pem, 'index.json.1.tmp': newIndex.subarray(0, 50) },
      { '2.pem': pem, 'index.json.1.tmp': newIndex },
    ]
    for (const step of steps) {
      for (const file of readdirSync(site)) if (file !== '1.pem') rmSync(join(site, file))
      for (const [file, content] of Object.entries({ ...step, 'index.json': index }))
        writeFileSync(join(site, file), content)
      const again = await open(configOf([store('site')]), path)
      expect(showCertificate(again.manager.catalogue, 'site')).toMatchObject({ version: 1, versions: [{ version: 1 }] })
      const { certificate } = await again.manager.put('site', wishOf(second!, { chainPem: ca!.cert }), 'anna')
      expect(readdirSync(site).toSorted()).toEqual(['1.pem', `${certificate.version}.pem`, 'index.json'].toSorted())
    }
  })

  test('a crash while a new name is put, or one removed, leaves nothing of it', async () => {
    const { path, manager } = await withSite()
    await manager.put('gone', wishOf(second!), 'anna')
    renameSync(join(path, 'gone'), join(path, '.removed-gone-1'))
    mkdirSync(join(path, 'empty'), { mode: 0o700 })
    const again = await open(configOf([store('site')]), path)
    expect((await listCertificates(again.manager.catalogue)).certificates.map(({ name }) => name)).toEqual(['site'])
    expect(await again.manager.put('empty', wishOf(second!), 'anna')).toMatchObject({ certificate: { version: 1 } })
  })

  test('a version that is damaged gives way to the newest that is not', async () => {
    const { manager, path } = await withSite()
    await manager.put('site', wishOf(second!, { chainPem: ca!.cert }), 'anna')
    writeFileSync(join(path, 'site', '2.pem'), 'half of i')
    const { said, worker } = await open(configOf([store('site')]), path)
    expect(said()).toContain('version 2 of the certificate site cannot be read')
    expect(worker.table!.of('web/127.0.0.1:443').list[0]!.key.trim()).toBe(first!.key.trim())
  })
})

describe('a bind that has nothing to serve yet', () => {
  test('serves a placeholder, which the summary says, until there is something', async () => {
    const { manager, worker } = await open(configOf([store('later')]), join(folder(), 'kept'))
    expect(worker.serves()).toEqual(['placeholder.invalid'])
    expect(summarize(manager.catalogue, Date.now()).placeholders).toEqual(['web/127.0.0.1:443'])
    await manager.put('later', wishOf(first!), 'anna')
    expect(worker.serves()).toEqual(['www.test'])
    expect(summarize(manager.catalogue, Date.now()).placeholders).toEqual([])
  })

  test('gets one with the names that are ordered for it', async () => {
    const order = { kind: 'acme', names: ['a.test', 'b.test'], challenge: 'http-01', keyType: 'ec' } as const
    const { keeper } = await open(configOf([order]), null)
    expect(keeper.serving[0]!.list).toMatchObject([{ kind: 'placeholder', spec: { names: ['a.test', 'b.test'] } }])
  })

  test('has one as soon as a reload brings the bind', async () => {
    const { manager, worker } = await open(configOf([store('site')]), null)
    const next = configOf([store('site')], [store('later')])
    await manager.follow(next)
    expect(worker.serves('web/127.0.0.1:8443')).toEqual(['placeholder.invalid'])
    manager.settle(next)
    expect(worker.serves('web/127.0.0.1:8443')).toEqual(['placeholder.invalid'])
  })
})

test('a certificate that ends within two weeks is in the summary, the first to end first', async () => {
  const config = configOf([store('soon'), store('later'), store('sooner')])
  const { manager } = await open(config, join(folder(), 'kept'))
  for (const [name, days] of Object.entries({ soon: 9, later: 90, sooner: 3, unused: 2 }))
    await manager.put(name, wishOf(await makeCertificate({ names: [`${name}.test`], days })), 'anna')
  const { expiring } = summarize(manager.catalogue, Date.now())
  expect(expiring.map(({ name, daysLeft }) => [name, daysLeft])).toEqual([
    ['sooner', 2],
    ['soon', 8],
  ])
})

test('the list has no key in it', async () => {
  const { manager } = await withSite()
  const said = JSON.stringify([await listCertificates(manager.catalogue), showCertificate(manager.catalogue, 'site')])
  expect(said).not.toContain('PRIVATE')
  expect(said).not.toContain(first!.key.split('\n')[1])
})
