// Certificates from a real authority (Debian's pebble), by a whole Weir process: all three challenges, with answers that its
// workers give and records that BIND takes; nonces that are refused, an account of a known customer, an end half-way, and
// renewal while clients are served.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import tls from 'node:tls'
import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import type { AcmeStatus } from '../../src/control/certificates/types.ts'
import { eventually, pause } from '../support/peers.ts'
import { files, folder, run, spawnWeir, startWeir, type WeirProcess } from '../support/programs.ts'
import { startNamed, withoutNamed } from '../control/acme/named.ts'
import { startPebble, withoutPebble, type Pebble } from '../control/acme/pebble.ts'

interface Wish {
  readonly pebble: Pebble
  /** Lines of the certificate. */
  readonly certificate: string
  /** More of the section `acme`. */
  readonly acme?: string
  readonly store?: string
}

const yaml = ({ pebble, certificate, acme = '', store = folder() }: Wish): string => `
global: { workers: 2, admin: off, control_socket: CONTROL, overload: { loop_delay: 0s }, shutdown_timeout: 1s, certificate_store: ${store} }
acme: { agree_tos: true, directory: '${pebble.directory}', ca: ${pebble.ca}${acme} }
frontends:
  plain: { mode: http, bind: '127.0.0.1:${pebble.httpPort}', backend: app }
  web: { mode: http, bind: '127.0.0.1:${pebble.tlsPort}', backend: app, tls: { certificate: { ${certificate} } } }
backends:
  app: { servers: { a: '127.0.0.1:9' }, health_check: off }
`

const WAIT = 40_000

/** What the port shows for a name. */
async function shownAt(port: number, servername: string): Promise<X509Certificate> {
  const socket = tls.connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false })
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  const certificate = new X509Certificate(socket.getPeerCertificate().raw)
  socket.destroy()
  return certificate
}

async function statusOf(weir: WeirProcess): Promise<AcmeStatus> {
  const { stdout, stderr } = await run(weirPath, ['cert', 'acme', '--json', '--socket', weir.control])
  if (stdout === '') throw new Error(stderr)
  return (JSON.parse(stdout) as { orders: AcmeStatus[] }).orders[0]!
}

const weirPath = new URL('../../bin/weir', import.meta.url).pathname

const isThere = (weir: WeirProcess): boolean => weir.log().includes(' is there, valid until ')

async function until(what: string, weir: WeirProcess, check: () => boolean): Promise<void> {
  await eventually(what, check, WAIT).catch((error: Error) => {
    throw new Error(`${error.message}: ${weir.log()}`)
  })
}

/** The order as it is on disk. */
function kept(store: string): { order: { url: string | null } | null; certificate: object | null } | null {
  const where = join(store, 'acme')
  const name = existsSync(where) ? readdirSync(where).find((each) => /^order-.*\.json$/.test(each)) : undefined
  return name === undefined ? null : JSON.parse(readFileSync(join(where, name), 'utf8'))
}

for (const challenge of ['http-01', 'tls-alpn-01']) {
  test.skipIf(withoutPebble)(
    `a certificate is ordered by ${challenge}, and served in place of the placeholder`,
    async () => {
      const pebble = await startPebble()
      const weir = await startWeir(
        yaml({ pebble, certificate: `acme: [a.weir.test, b.weir.test], challenge: ${challenge}` }),
      )
      await until('ordered', weir, () => isThere(weir))
      for (const name of ['a.weir.test', 'b.weir.test']) {
        const shown = await shownAt(pebble.tlsPort, name)
        expect(shown.subjectAltName).toBe('DNS:a.weir.test, DNS:b.weir.test')
        expect(shown.issuer).toContain('Pebble')
      }
      expect(await statusOf(weir)).toMatchObject({
        state: 'valid',
        challenge,
        tries: 0,
        lastError: null,
        directory: pebble.directory,
      })
      expect(weir.log()).not.toContain('PRIVATE KEY')
    },
    60_000,
  )
}

test.skipIf(withoutPebble || withoutNamed)(
  'a wildcard is ordered by dns-01, with records that BIND takes',
  async () => {
    const named = await startNamed()
    const pebble = await startPebble({ dnsPort: named.port })
    const { secret } = files({ secret: `${named.secret}\n` })
    const dns = `{ server: '127.0.0.1:${named.port}', key_name: weir-key, key_file: ${secret}, wait: 0s }`
    const certificate = `acme: ['*.weir.test', weir.test], challenge: dns-01, key_type: rsa`
    const weir = await startWeir(yaml({ pebble, certificate, acme: `, dns: ${dns}` }))
    await until('ordered', weir, () => isThere(weir))
    const shown = await shownAt(pebble.tlsPort, 'any.weir.test')
    expect(shown.subjectAltName).toBe('DNS:*.weir.test, DNS:weir.test')
    expect(shown.publicKey.asymmetricKeyType).toBe('rsa')
  },
  120_000,
)

test.skipIf(withoutPebble || withoutNamed)(
  'a name whose record is led into another zone is proved there, where that is the zone that takes updates',
  async () => {
    const named = await startNamed({
      resolves: true,
      zones: { 'acme.test': '' },
      fixed: { 'fixed.test': '_acme-challenge.www IN CNAME www.acme.test.' },
    })
    const pebble = await startPebble({ dnsPort: named.port })
    const { secret } = files({ secret: `${named.secret}\n` })
    const dns = `{ server: '127.0.0.1:${named.port}', key_name: weir-key, key_file: ${secret}, wait: 0s }`
    const certificate = 'acme: www.fixed.test, challenge: dns-01'
    const weir = await startWeir(yaml({ pebble, certificate, acme: `, dns: ${dns}` }))
    await until('ordered', weir, () => isThere(weir))
    expect((await shownAt(pebble.tlsPort, 'www.fixed.test')).subjectAltName).toBe('DNS:www.fixed.test')
    expect(weir.log()).not.toContain('left over')
  },
  60_000,
)

test.skipIf(withoutPebble)(
  'a customer of the authority says so, and most nonces are refused',
  async () => {
    const accountKeys = { 'kid-1': Buffer.from('thirty-two bytes of a secret key').toString('base64url') }
    const pebble = await startPebble({ accountKeys, env: { PEBBLE_WFE_NONCEREJECT: '65' } })
    const { key } = files({ key: accountKeys['kid-1'] })
    const certificate = 'acme: a.weir.test'
    const acme = `, email: ops@weir.test, eab: { key_id: kid-1, key_file: ${key} }`
    const weir = await startWeir(yaml({ pebble, certificate, acme }))
    await until('ordered', weir, () => isThere(weir))
    expect(pebble.log()).toContain('Configured to reject 65% of good nonces')
    expect(pebble.log()).toContain('Successful newAccount Binding with CA using kid "kid-1"')
    expect(await statusOf(weir)).toMatchObject({ state: 'valid', tries: 0 })
  },
  120_000,
)

test.skipIf(withoutPebble)(
  'who is no customer is told so',
  async () => {
    const pebble = await startPebble({ accountKeys: { 'kid-1': Buffer.alloc(32, 1).toString('base64url') } })
    const weir = await startWeir(yaml({ pebble, certificate: 'acme: a.weir.test' }))
    await until('refused', weir, () => weir.log().includes('no certificate for a.weir.test yet'))
    expect(await statusOf(weir)).toMatchObject({ state: 'failed', tries: 1, notAfter: null })
    expect((await statusOf(weir)).lastError).toContain('option eab')
    expect((await shownAt(pebble.tlsPort, 'a.weir.test')).issuer).not.toContain('Pebble')
  },
  120_000,
)

test.skipIf(withoutPebble)(
  'a process that is killed half-way goes on with the same order when it starts again',
  async () => {
    const pebble = await startPebble({ env: { PEBBLE_WFE_NONCEREJECT: '0' } })
    const store = folder()
    const text = yaml({ pebble, certificate: 'acme: a.weir.test', store })
    const first = spawnWeir(text)
    await until('an order', first, () => typeof kept(store)?.order?.url === 'string')
    first.signal('SIGKILL')
    await first.exit
    const { order, certificate } = kept(store)!
    expect(certificate).toBeNull()

    const second = await startWeir(text)
    await until('ordered', second, () => isThere(second))
    expect(kept(store)).toMatchObject({ order: null })
    const made = pebble.log().match(/Added order "[^"]+"/g)
    expect(made).toEqual([`Added order "${order!.url!.split('/').at(-1)}"`])
    expect(pebble.log().match(/There are now \d+ accounts in memory/g)).toHaveLength(1)
  },
  120_000,
)

test.skipIf(withoutPebble)(
  'certificates that live for seconds are renewed while handshakes go on, and none fails',
  async () => {
    const pebble = await startPebble({ validity: 30 })
    const weir = await startWeir(yaml({ pebble, certificate: 'acme: a.weir.test' }))
    await until('ordered', weir, () => isThere(weir))
    const serials = new Set<string>()
    const end = performance.now() + WAIT
    while (serials.size < 2 && performance.now() < end) {
      const shown = await shownAt(pebble.tlsPort, 'a.weir.test')
      expect(shown.issuer).toContain('Pebble')
      expect(shown.validToDate.getTime()).toBeGreaterThan(Date.now())
      serials.add(shown.serialNumber)
      await pause(100)
    }
    expect(serials.size).toBe(2)
  },
  90_000,
)
