// What becomes of certificates that are ordered, over days and restarts, with an authority that does what a test says.
import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { eventually } from '../../support/peers.ts'
import { folder } from '../../support/programs.ts'
import { startFakeAuthority, type FakeAuthority } from './fake-authority.ts'
import { acmeConfig, acmeSource, configOf, makeManager, type Stage } from './stage.ts'

const source = acmeSource(['www.weir.test', 'weir.test'])
const isServed =
  ({ certificate }: Stage) =>
  () =>
    certificate(source) !== undefined
const count = ({ asked }: FakeAuthority, what: string): number => asked.filter((each) => each.what === what).length
const placed = ({ asked }: FakeAuthority) => asked.filter(({ what }) => what === 'order')
const issuerOf = (cert: string): string => new X509Certificate(cert.slice(cert.lastIndexOf('-----BEGIN'))).issuer
const problem = (type: string, detail = 'because') => ({ type: `urn:ietf:params:acme:error:${type}`, detail })

async function obtain(authority: FakeAuthority, where = folder(), more = {}): Promise<Stage> {
  const stage = makeManager(configOf(acmeConfig(authority.directory, more), source), where)
  await stage.manager.prepare()
  stage.manager.start()
  await eventually('served', isServed(stage))
  await eventually('at rest', () => stage.status().state === 'valid')
  return stage
}

test('keys are on disk, for nobody else to read, before the authority has heard of anything', async () => {
  const authority = await startFakeAuthority()
  const where = join(folder(), 'store', 'acme')
  const { manager, status } = makeManager(configOf(acmeConfig(authority.directory), source), where)
  await manager.prepare()
  expect(authority.asked).toEqual([])
  const names = readdirSync(where).toSorted()
  expect(names).toEqual([
    expect.stringMatching(/^account-127\.0\.0\.1-[0-9a-f]{16}\.json$/),
    expect.stringMatching(/^order-www\.weir\.test-ec-[0-9a-f]{16}\.json$/),
  ])
  for (const name of names) {
    expect(statSync(join(where, name)).mode & 0o777).toBe(0o600)
    expect(readFileSync(join(where, name), 'utf8')).toContain('PRIVATE KEY')
  }
  expect(statSync(where).mode & 0o777).toBe(0o700)
  expect(status()).toMatchObject({ names: source.names, state: 'pending', notAfter: null, nextTry: null, tries: 0 })
})

test('a certificate is ordered, served, and served from the disk after a restart without asking anybody', async () => {
  const authority = await startFakeAuthority()
  const where = folder()
  const first = await obtain(authority, where)
  const held = first.certificate(source)!
  expect(held).toMatchObject({ name: 'www.weir.test', kind: 'acme' })
  expect(held.spec.names.toSorted()).toEqual(['weir.test', 'www.weir.test'])
  const { notAfter, renewAt } = first.status()
  expect(Date.parse(notAfter!)).toBe(held.notAfter)
  const left = (held.notAfter - Date.parse(renewAt!)) / (held.notAfter - held.notBefore)
  expect(left).toBeGreaterThanOrEqual(0.333)
  expect(left).toBeLessThan(0.36)
  await first.manager.close()

  const asked = authority.asked.length
  const second = makeManager(configOf(acmeConfig(authority.directory), source), where)
  expect(second.certificate(source)?.spec.id).toBe(held.spec.id) // before anything is waited for
  await second.manager.prepare()
  second.manager.start()
  expect(second.status()).toEqual(first.status())
  await second.manager.close()
  expect(authority.asked.length).toBe(asked)
  expect(first.log.join()).not.toContain('PRIVATE')
})

test('a limit of the authority is waited for as long as it says, over a restart too', async () => {
  const authority = await startFakeAuthority()
  authority.refuse('order', 429, problem('rateLimited', 'too many certificates for weir.test'), {
    'retry-after': '7200',
  })
  const where = folder()
  const config = configOf(acmeConfig(authority.directory), source)
  const { manager, status, supplied, log } = makeManager(config, where)
  const before = Date.now()
  manager.start()
  await eventually('refused', () => status().state === 'failed')
  expect(status().lastError).toContain('too many certificates for weir.test (rateLimited)')
  expect(Date.parse(status().nextTry!)).toBeGreaterThanOrEqual(before + 7_200_000)
  expect(status().tries).toBe(1)
  await eventually('logged', () => log.some((line) => line.includes('no certificate for www.weir.test, weir.test yet')))
  await manager.close()

  const asked = authority.asked.length
  const again = makeManager(config, where)
  await again.manager.prepare()
  again.manager.start()
  await again.manager.close()
  expect(again.status()).toEqual(status())
  expect(authority.asked.length).toBe(asked)
  expect(supplied.size).toBe(0)
})

test('what fails is tried again, later each time, and forgotten when it works', async () => {
  const authority = await startFakeAuthority()
  for (let i = 0; i < 3; i++) authority.refuse('order', 500, problem('serverInternal', `trouble ${i}`))
  const stage = makeManager(configOf(acmeConfig(authority.directory), source), folder())
  const waits: number[] = []
  stage.manager.start()
  for (let tries = 1; tries <= 3; tries++) {
    await eventually(`try ${tries}`, () => stage.status().tries === tries)
    waits.push(Date.parse(stage.status().nextTry!) - Date.now())
  }
  expect(waits[2]!).toBeGreaterThan(waits[0]!) // 400 ms give or take a fifth, against 100
  await eventually('served', isServed(stage))
  expect(stage.status()).toMatchObject({ tries: 0, lastError: null, nextTry: null, state: 'valid' })
})

test('an order that was made before the end of the process is gone on with, under the key that it was made with', async () => {
  const authority = await startFakeAuthority()
  authority.refuse('finalize', 500, problem('serverInternal'))
  const where = folder()
  const config = configOf(acmeConfig(authority.directory), source)
  const first = makeManager(config, where, {
    poll: 10,
    patience: 5000,
    backoff: { first: 60_000, longest: 60_000 },
  })
  first.manager.start()
  await eventually('half-way', () => first.status().state === 'failed')
  await first.manager.close()
  const file = join(
    where,
    readdirSync(where).find((name) => name.startsWith('order-'))!,
  )
  const kept = JSON.parse(readFileSync(file, 'utf8')) as { order: { key: string; url: string }; nextTry: number }
  expect(kept.order.url).toMatch(/\/order\/0$/)
  writeFileSync(file, JSON.stringify({ ...kept, nextTry: Date.now() }))

  const second = makeManager(config, where)
  second.manager.start()
  await eventually('served', isServed(second))
  expect(placed(authority)).toHaveLength(1)
  expect(second.certificate(source)!.spec.key).toBe(kept.order.key)
})

test('an order of which the disk has not heard is placed once more, for the key that is there, and does no harm', async () => {
  const authority = await startFakeAuthority()
  const where = folder()
  const config = configOf(acmeConfig(authority.directory), source)
  const first = makeManager(config, where)
  await first.manager.prepare()
  const name = readdirSync(where).find((each) => each.startsWith('order-'))!
  const asItWas = readFileSync(join(where, name), 'utf8')
  authority.refuse('finalize', 500, problem('serverInternal'))
  first.manager.start()
  await eventually('half-way', () => first.status().state === 'failed')
  await first.manager.close()
  writeFileSync(join(where, name), asItWas) // as a kill leaves it between the answer and the disk

  const second = makeManager(config, where)
  second.manager.start()
  await eventually('served', isServed(second))
  expect(placed(authority)).toHaveLength(2)
  expect(second.status()).toMatchObject({ state: 'valid', tries: 0 })
  expect(second.certificate(source)!.spec.key).toBe((JSON.parse(asItWas) as { order: { key: string } }).order.key)
})

test('an order that the authority does not know any more is made anew', async () => {
  const authority = await startFakeAuthority()
  authority.refuse('look', 404, problem('malformed', 'no such order'))
  const stage = makeManager(configOf(acmeConfig(authority.directory), source), folder())
  stage.manager.start()
  await eventually('served', isServed(stage))
  expect(placed(authority)).toHaveLength(2)
})

test('a certificate is renewed in the window that the authority suggests, and the order says which one it replaces', async () => {
  const authority = await startFakeAuthority()
  const [start, end] = [Date.now() + 5 * 86_400_000, Date.now() + 7 * 86_400_000]
  authority.window = { start: new Date(start).toISOString(), end: new Date(end).toISOString() }
  const where = folder()
  const first = await obtain(authority, where)
  await eventually('asked', () => count(authority, 'renewal') > 0 && Date.parse(first.status().renewAt!) <= end)
  expect(Date.parse(first.status().renewAt!)).toBeGreaterThanOrEqual(start)
  const held = first.certificate(source)!
  await first.manager.close()

  // It has to go: the window is over.
  authority.window = { start: '2020-01-01T00:00:00Z', end: '2020-01-02T00:00:00Z' }
  const file = join(
    where,
    readdirSync(where).find((name) => name.startsWith('order-'))!,
  )
  const kept = JSON.parse(readFileSync(file, 'utf8')) as { renewal: object }
  writeFileSync(file, JSON.stringify({ ...kept, obtainedAt: 0, renewal: { ...kept.renewal, askAt: 0 } }))
  const second = makeManager(configOf(acmeConfig(authority.directory), source), where)
  expect(second.certificate(source)?.spec.id).toBe(held.spec.id)
  second.manager.start()
  authority.refuse('order', 409, problem('serverInternal')) // the old one is served meanwhile
  await eventually('failed', () => second.status().state === 'failed')
  expect(second.certificate(source)?.spec.id).toBe(held.spec.id)
  expect(second.status().notAfter).not.toBeNull()
  authority.window = { start: new Date(start).toISOString(), end: new Date(end).toISOString() }
  await eventually('another one', () => second.certificate(source)?.spec.id !== held.spec.id)
  expect(placed(authority)[0]!.payload).not.toHaveProperty('replaces')
  expect(placed(authority).at(-1)!.payload['replaces']).toMatch(/^[\w-]+\.[\w-]+$/)
})

test('an authority that does not know what is replaced gets an order without it', async () => {
  const authority = await startFakeAuthority()
  authority.lifetime = 3000 // half of it is the least that is waited
  authority.window = { start: '2020-01-01T00:00:00Z', end: '2020-01-02T00:00:00Z' }
  const stage = makeManager(configOf(acmeConfig(authority.directory), source), folder())
  stage.manager.start()
  await eventually('served', isServed(stage))
  const { id } = stage.certificate(source)!.spec
  authority.lifetime = 86_400_000
  authority.refuse('order', 409, problem('alreadyReplaced'))
  await eventually('renewed', () => stage.certificate(source)!.spec.id !== id)
  const orders = placed(authority)
  expect(orders.findIndex(({ payload }) => 'replaces' in payload)).toBeGreaterThan(0)
})

test('the preferred chain is taken where it is offered, else the first', async () => {
  const authority = await startFakeAuthority()
  const [first, second] = authority.tops
  for (const [preferred, expected] of [
    [null, first],
    [second, second],
    ['Nobody', first],
  ] as const) {
    const stage = await obtain(authority, folder(), { preferredChain: preferred })
    expect(issuerOf(stage.certificate(source)!.spec.cert)).toBe(`CN=${expected}`)
  }
})

test('a profile is asked for, and one that there is not is said to be none', async () => {
  const authority = await startFakeAuthority()
  await obtain(authority, folder(), { profile: 'shortlived' })
  expect(placed(authority)[0]!.payload).toMatchObject({ profile: 'shortlived' })
  const { manager, status } = makeManager(
    configOf(acmeConfig(authority.directory, { profile: 'eternal' }), source),
    folder(),
  )
  manager.start()
  await eventually('failed', () => status().state === 'failed')
  expect(status().lastError).toBe('The authority has no profile eternal: it has shortlived')
})

test('a certificate for other names is not served', async () => {
  const authority = await startFakeAuthority()
  authority.signs = ['www.weir.test']
  const { manager, status, supplied } = makeManager(configOf(acmeConfig(authority.directory), source), folder())
  manager.start()
  await eventually('failed', () => status().state === 'failed')
  expect(status().lastError).toBe(
    'The authority signed something else than was ordered: The certificate is not for weir.test',
  )
  expect(supplied.size).toBe(0)
})

test('an authority that has lost the account gets it once more, with the same key', async () => {
  const authority = await startFakeAuthority()
  authority.refuse('order', 400, problem('accountDoesNotExist'))
  const stage = makeManager(configOf(acmeConfig(authority.directory), source), folder())
  stage.manager.start()
  await eventually('served', isServed(stage))
  const keys = authority.asked
    .filter(({ what }) => what === 'account')
    .map(({ header }) => JSON.stringify(header['jwk']))
  expect(keys.length).toBeGreaterThan(1)
  expect(new Set(keys).size).toBe(1)
})

test('a nonce that is not taken is no failure', async () => {
  const authority = await startFakeAuthority()
  for (let i = 0; i < 8; i++)
    authority.refuse(i % 2 === 0 ? 'order' : 'finalize', 400, problem('badNonce'), { 'replay-nonce': `fresh${i}` })
  const stage = await obtain(authority)
  expect(stage.log.join()).not.toContain('badNonce')
  expect(placed(authority).map(({ header }) => header['nonce'])).toContain('fresh0')
})

test('a reload orders what is new, keeps what stays, and drops what is not wanted any more', async () => {
  const authority = await startFakeAuthority()
  const acme = acmeConfig(authority.directory)
  const stage = await obtain(authority)
  const { id } = stage.certificate(source)!.spec
  const other = acmeSource(['other.weir.test'], { keyType: 'rsa' })
  const turned = acmeSource(source.names.toReversed())
  stage.manager.follow(configOf(acme, turned, other))
  expect(stage.certificate(turned)?.spec.id).toBe(id) // names are a set
  expect(stage.certificate(source)).toBeUndefined()
  await eventually('the new one', () => stage.certificate(other) !== undefined)
  expect(stage.certificate(other)!.spec.keyType).toBe('rsa')
  stage.manager.follow(configOf(acme, other))
  expect(stage.certificate(turned)).toBeUndefined()
  expect(stage.manager.statuses.map(({ names }) => names)).toEqual([['other.weir.test']])
  expect(placed(authority)).toHaveLength(2)
  stage.manager.follow(configOf(null))
  expect(stage.manager.statuses).toEqual([])
})

test('what another Weir has done until this one starts is known to it', async () => {
  const authority = await startFakeAuthority()
  const where = folder()
  const second = makeManager(configOf(acmeConfig(authority.directory), source), where)
  await second.manager.prepare()
  const first = await obtain(authority, where)
  await first.manager.close()
  second.manager.start()
  expect(second.certificate(source)!.spec.id).toBe(first.certificate(source)!.spec.id)
  expect(second.status().state).toBe('valid')
  await second.manager.close()
  expect(placed(authority)).toHaveLength(1)
})

test('a damaged file stops its own certificate alone, and is not written over', async () => {
  const authority = await startFakeAuthority()
  const where = folder()
  await (await obtain(authority, where)).manager.close()
  const file = join(
    where,
    readdirSync(where).find((name) => name.startsWith('order-'))!,
  )
  writeFileSync(file, readFileSync(file, 'utf8').slice(0, -20))
  const other = acmeSource(['other.weir.test'])
  const stage = makeManager(configOf(acmeConfig(authority.directory), source, other), where)
  await stage.manager.prepare()
  stage.manager.start()
  await eventually('the other one', () => stage.certificate(other) !== undefined)
  expect(stage.manager.statuses[0]).toMatchObject({
    state: 'failed',
    lastError: `${file} is damaged: put it right, or take it away`,
  })
  expect(stage.log.join()).not.toContain('PRIVATE KEY')
  expect(stage.certificate(source)).toBeUndefined()
})
