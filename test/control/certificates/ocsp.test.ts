// When responders are asked, what is stapled, and for how long. The answers are OpenSSL's; the clock is the test's.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { hold } from '../../../src/control/certificates/held.ts'
import { OcspStapler } from '../../../src/control/certificates/ocsp.ts'
import { KeptAnswers } from '../../../src/control/certificates/ocsp-kept.ts'
import type { HeldCertificate } from '../../../src/control/certificates/types.ts'
import { readCertificate } from '../../../src/config/certificate.ts'
import { ocspAuthority, type OcspAuthority } from '../../support/ocsp.ts'
import { eventually } from '../../support/peers.ts'
import { folder, program } from '../../support/programs.ts'
import { memoryLog } from '../health/fixtures.ts'

const withOpenssl = test.skipIf(program('openssl') === null)
const MINUTE = 60_000

afterEach(() => void vi.useRealTimers())

/** From here on timers and the date go by the test; sockets and programs do not. */
const ownClock = (): void => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })

/** Until it holds, by the turns of the event loop: the clock stands still. */
async function turnsUntil(check: () => boolean): Promise<void> {
  const end = performance.now() + 20_000
  while (!check()) {
    if (performance.now() > end) throw new Error('it never came to that')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/**
 * Lets time pass in steps, each until what it began has ended: then a timer waits for the next question, and one for the end of
 * what is stapled.
 */
async function pass(minutes: number, stapler: OcspStapler, id: string): Promise<void> {
  for (let step = 0; step < 4 * minutes; step++) {
    vi.advanceTimersByTime(MINUTE / 4)
    await turnsUntil(() => vi.getTimerCount() === (stapler.of(id).state === 'stapled' ? 2 : 1))
  }
}

function post(responder: string, body: Uint8Array): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
  const headers = { 'content-type': 'application/ocsp-request' }
  const request = http.request(responder, { method: 'POST', headers, agent: false }, (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => resolve(Buffer.concat(chunks)))
  })
  request.on('error', reject).end(body)
  return promise
}

async function issue(authority: OcspAuthority, name: string): Promise<HeldCertificate> {
  const { cert, key } = await authority.issue(name)
  const read = readCertificate({ certPem: cert, keyPem: key })
  if ('problem' in read) throw new Error(read.problem)
  return hold(name, 'store', read)
}

function setUp(options: Partial<ConstructorParameters<typeof OcspStapler>[0]> = {}) {
  const staples = new Map<string, Uint8Array | null>()
  const asked: number[] = []
  const revoked: [string, boolean][] = []
  let down = false
  const { log, lines } = memoryLog()
  const stapler = new OcspStapler({
    staple: (id, response) => void staples.set(id, response),
    revoked: (id, is) => void revoked.push([id, is]),
    log,
    random: () => 0.5,
    ask: async (responder, body) => {
      asked.push(Date.now())
      if (down) throw new Error('connect ECONNREFUSED')
      return post(responder, body)
    },
    ...options,
  })
  onTestFinished(() => stapler.close())
  return { stapler, staples, asked, revoked, lines, goDown: (is = true) => (down = is) }
}

withOpenssl('an answer is stapled, renewed in the middle of its time, and dropped before it runs out', async () => {
  const authority = await ocspAuthority()
  const certificate = await issue(authority, 'www.test')
  await authority.respond('-nmin', '120')
  ownClock()
  const { stapler, staples, asked, lines, goDown } = setUp()
  const { id } = certificate.spec
  const began = Date.now()
  stapler.follow([certificate])
  await turnsUntil(() => stapler.of(id).state === 'stapled')
  expect(staples.get(id)!.length).toBeGreaterThan(100)
  expect(stapler.of(id).nextUpdate! - stapler.of(id).thisUpdate!).toBe(120 * MINUTE)

  await pass(57, stapler, id)
  expect(asked).toHaveLength(1)
  await pass(6, stapler, id)
  expect(stapler.questions.answered).toBeGreaterThan(1)
  expect(asked[1]! - began).toBeGreaterThan(57 * MINUTE)

  goDown()
  await pass(50, stapler, id)
  expect(stapler.questions.failed).toBeGreaterThan(1)
  expect(stapler.of(id)).toMatchObject({ state: 'stapled', problem: expect.stringContaining('ECONNREFUSED') })
  expect(staples.get(id)).not.toBeNull()
  await pass(6, stapler, id) // 119 since the answer was made
  expect(stapler.of(id).state).toBe('none')
  expect(staples.get(id)).toBeNull()
  expect(lines.filter(({ message }) => /ECONNREFUSED/.test(String(message)))).toHaveLength(1)
  expect(lines.at(-1)).toMatchObject({ level: 'warn', message: expect.stringContaining('ran out') })
})

withOpenssl('a responder that fails is asked less and less often, at least once an hour', async () => {
  const authority = await ocspAuthority()
  const certificate = await issue(authority, 'www.test')
  ownClock()
  const { stapler, asked, goDown } = setUp()
  goDown()
  stapler.follow([certificate])
  await turnsUntil(() => stapler.questions.failed === 1)
  await pass(190, stapler, certificate.spec.id)
  const waits = asked.slice(1).map((at, i) => Math.round((at - asked[i]!) / MINUTE))
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60])
})

withOpenssl(
  'an answer that the certificate is revoked is never stapled, and takes the place of a good one',
  async () => {
    const authority = await ocspAuthority()
    const certificate = await issue(authority, 'www.test')
    const end = await authority.respond('-nmin', '60')
    ownClock()
    const { stapler, staples, lines } = setUp()
    const { id } = certificate.spec
    stapler.follow([certificate])
    await turnsUntil(() => stapler.of(id).state === 'stapled')
    vi.useRealTimers()
    await end()
    await authority.revoke('www.test')
    await authority.respond('-nmin', '60')
    const second = setUp()
    second.stapler.follow([certificate])
    await turnsUntil(() => second.stapler.of(id).state === 'revoked')
    expect(second.staples.size).toBe(0)
    expect(second.revoked).toEqual([[id, true]])
    expect(second.lines).toMatchObject([{ level: 'error', message: expect.stringContaining('www.test is revoked') }])
    expect(staples.get(id)).not.toBeNull()
    expect(lines.some(({ level }) => level === 'error')).toBe(false)
  },
)

withOpenssl('what is no more served is asked about no more, and its staple goes', async () => {
  const authority = await ocspAuthority()
  const [one, two] = [await issue(authority, 'one.test'), await issue(authority, 'two.test')]
  await authority.respond('-nmin', '60')
  const { stapler, staples, asked } = setUp()
  stapler.follow([one, two])
  await turnsUntil(() => stapler.questions.answered === 2)
  stapler.follow([two])
  expect(staples.get(one.spec.id)).toBeNull()
  expect(staples.get(two.spec.id)).not.toBeNull()
  expect(stapler.of(one.spec.id).state).toBe('none')
  stapler.follow([two])
  expect(asked).toHaveLength(2)
})

withOpenssl('an answer of any length, of any status and none at all do no harm', async () => {
  const authority = await ocspAuthority()
  const answers = [
    (response: http.ServerResponse) => response.end(Buffer.alloc(200_000)),
    (response: http.ServerResponse) => response.writeHead(500).end('busy'),
    (response: http.ServerResponse) => response.end('<html>'),
    (response: http.ServerResponse) => response.socket!.destroy(),
    (response: http.ServerResponse) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
  ]
  let turn = 0
  const server = http.createServer((_, response) => void answers[turn]!(response)).listen(authority.port, '127.0.0.1')
  onTestFinished(() => void server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  expect((server.address() as AddressInfo).port).toBe(authority.port)
  const said = [/longer than 64 KiB/, /status 500/, /no OCSP response/, /127\.0\.0\.1:\d+: ./, /status 302/]
  const certificate = await issue(authority, 'www.test')
  for (const [n, words] of said.entries()) {
    turn = n
    const staples = new Map<string, unknown>()
    const { log, lines } = memoryLog()
    const stapler = new OcspStapler({ staple: (id, der) => void staples.set(id, der), revoked: () => {}, log })
    stapler.follow([certificate])
    await turnsUntil(() => stapler.questions.failed === 1)
    expect(stapler.of(certificate.spec.id)).toMatchObject({ state: 'none', problem: expect.stringMatching(words) })
    expect(staples.size).toBe(0)
    expect(lines).toHaveLength(1)
    stapler.close()
  }
})

/** Like the same of another process, with the answers that are in this folder. */
const setUpWith = (where: string) => {
  const { log, lines: said } = memoryLog()
  return { ...setUp({ kept: new KeptAnswers(where, log) }), said }
}

withOpenssl(
  'after a restart the answer of before is stapled, and the responder is not asked until it is time',
  async () => {
    const authority = await ocspAuthority()
    const certificate = await issue(authority, 'www.test')
    const { id } = certificate.spec
    await authority.respond('-nmin', '120')
    const where = join(folder(), 'store', '.ocsp')
    const first = setUpWith(where)
    first.stapler.follow([certificate])
    const path = join(where, `${id}.der`)
    await eventually('kept', () => existsSync(path))
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(statSync(where).mode & 0o777).toBe(0o700)
    const { thisUpdate, nextUpdate } = first.stapler.of(id)
    first.stapler.close()

    const second = setUpWith(where)
    second.goDown()
    second.stapler.follow([certificate])
    await second.stapler.recalled()
    expect(second.stapler.of(id)).toEqual({ state: 'stapled', thisUpdate, nextUpdate, problem: null })
    expect(Buffer.from(second.staples.get(id)!)).toEqual(readFileSync(path))
    expect(second.asked).toEqual([])
    second.stapler.follow([])
    await eventually('gone with the certificate', () => !existsSync(path))
  },
)

withOpenssl('what is kept is stapled only while it is good for this very certificate', async () => {
  const authority = await ocspAuthority()
  const [one, two] = [await issue(authority, 'one.test'), await issue(authority, 'two.test')]
  const end = await authority.respond('-nmin', '120')
  const where = folder()
  const before = setUpWith(where)
  before.stapler.follow([one])
  const path = join(where, `${one.spec.id}.der`)
  await eventually('kept', () => existsSync(path))
  before.stapler.close()
  await end()
  const good = readFileSync(path)
  const changed = Buffer.from(good)
  changed[good.toString('latin1').search(/20\d{12}Z/) + 13]! ^= 1 // a second of the first date in it
  const kept: readonly (readonly [string, Buffer, HeldCertificate, number])[] = [
    ['about another certificate', good, two, 0],
    ['cut off', good.subarray(0, 100), one, 0],
    ['empty', Buffer.alloc(0), one, 0],
    ['too large', Buffer.concat([good, Buffer.alloc(70_000)]), one, 0],
    ['changed', changed, one, 0],
    ['about to run out', good, one, 116 * MINUTE],
    ['out of date', good, one, 121 * MINUTE],
  ]
  for (const [what, content, certificate, later] of kept) {
    const file = join(where, `${certificate.spec.id}.der`)
    writeFileSync(file, content)
    const { stapler, staples, goDown } = setUpWith(where)
    goDown()
    if (later > 0) vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + later })
    stapler.follow([certificate])
    await stapler.recalled()
    expect(staples.size, what).toBe(0)
    await turnsUntil(() => stapler.questions.failed === 1)
    vi.useRealTimers()
    stapler.close()
  }
})

withOpenssl(
  'of what nobody serves any more nothing is kept, nor what a crash has left, nor that one is revoked',
  async () => {
    const authority = await ocspAuthority()
    const certificate = await issue(authority, 'www.test')
    const { id } = certificate.spec
    await authority.revoke('www.test')
    await authority.respond('-nmin', '60')
    const where = folder()
    for (const name of [`${'0'.repeat(32)}.der`, `${id}.der.1.tmp`, `${id}.der`])
      writeFileSync(join(where, name), 'old')
    const { stapler, staples } = setUpWith(where)
    stapler.follow([certificate])
    await turnsUntil(() => stapler.of(id).state === 'revoked')
    await eventually('empty', () => readdirSync(where).length === 0)
    expect(staples.size).toBe(0)
  },
)

withOpenssl('a disk that does not take answers is said once, and they are stapled all the same', async () => {
  const authority = await ocspAuthority()
  const [one, two] = [await issue(authority, 'one.test'), await issue(authority, 'two.test')]
  await authority.respond('-nmin', '60')
  const where = join(folder(), 'file')
  writeFileSync(where, 'no folder')
  const { stapler, staples, said } = setUpWith(where)
  stapler.follow([one, two])
  await turnsUntil(() => staples.size === 2)
  await eventually('said', () => said.length > 0)
  expect(said).toMatchObject([{ level: 'warn', message: expect.stringContaining('OCSP answers cannot be kept') }])
})
