// What those who look for weak TLS say of Weir's default profile, and of HAProxy with Mozilla's intermediate one beside it, the
// yardstick: testssl.sh (protocols, ciphers, server defaults, known vulnerabilities) and sslscan. Nothing above LOW, and nothing
// worse than the yardstick. What they say of the certificate itself does not count: it is a test's own.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { makeCertificate, type CertificateAndKey } from '../support/certificates.ts'
import { answering, deadPort, eventually, startServer } from '../support/peers.ts'
import { files, folder, program, run, startWeir } from '../support/programs.ts'

const haproxy = program('haproxy')
const testssl = program('testssl') ?? program('testssl.sh')
const sslscan = program('sslscan')

/** Mozilla's guideline 5.7, intermediate, as its generator writes it for HAProxy. */
const haproxyConfig = (port: number, pem: string, server: number): string => `
global
  ssl-default-bind-curves X25519:prime256v1:secp384r1
  ssl-default-bind-ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305
  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256
  ssl-default-bind-options prefer-client-ciphers ssl-min-ver TLSv1.2 no-tls-tickets
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend web
  bind 127.0.0.1:${port} ssl crt ${pem} alpn http/1.1
  default_backend app
backend app
  server one 127.0.0.1:${server}
`

let certificate: CertificateAndKey
beforeAll(async () => {
  certificate = await makeCertificate({ names: ['www.test', '127.0.0.1'], days: 200 })
})

interface Scanned {
  readonly weir: number
  readonly haproxy: number
}

/** Both with one certificate, before one server. @returns their ports */
async function startBoth(): Promise<Scanned> {
  const server = await startServer(answering('ok'))
  const { pem } = files({ pem: certificate.cert + certificate.key })
  const port = await deadPort()
  const { config } = files({ config: haproxyConfig(port, pem, server.port) })
  const child = spawn(haproxy!, ['-db', '-f', config], { stdio: 'ignore' })
  const gone = new Promise((resolve) => child.on('close', resolve))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await gone
  })
  let listens = false
  const knock = (): void => {
    const socket = net.connect(port, '127.0.0.1', () => (listens = true))
    socket.on('error', () => setTimeout(knock, 50)).on('connect', () => socket.destroy())
  }
  knock()
  await eventually('HAProxy listening', () => listens)
  const weir = await startWeir(`
global: { workers: 1, admin: off, control_socket: CONTROL }
frontends: { web: { bind: '127.0.0.1:0', tls: '${pem}', backend: app } }
backends: { app: { health_check: off, servers: ['127.0.0.1:${server.port}'] } }
`)
  return { weir: weir.port('web'), haproxy: port }
}

/** By rank. WARN: it could not be tested. */
const severities = { WARN: 0, INFO: 0, OK: 0, LOW: 1, MEDIUM: 2, HIGH: 3, CRITICAL: 4 } as const

interface Finding {
  readonly id: string
  readonly severity: keyof typeof severities
  readonly finding: string
}

/** About the certificate and who made it, or about the scanner itself. */
const beside = /^(cert|OCSP|DNS_CAA|engine_problem|scanTime|host_certificate|old_fart)/

async function findings(port: number): Promise<ReadonlyMap<string, Finding>> {
  const report = join(folder(), 'report.json')
  const quiet = ['--quiet', '--color', '0', '--warnings', 'off', '--nodns', 'none', '--connect-timeout', '10']
  const wanted = ['--openssl-timeout', '10', '-p', '-s', '-S', '-U', '--jsonfile', report]
  const { stdout } = await run(testssl!, [...quiet, ...wanted, `127.0.0.1:${port}`], '', 240_000)
  expect(stdout).toContain('Done')
  const all = JSON.parse(readFileSync(report, 'utf8')) as Finding[]
  return new Map(all.filter(({ id }) => !beside.test(id)).map((each) => [each.id, each]))
}

test.skipIf(!testssl || !haproxy)(
  'testssl.sh finds nothing above LOW, and nothing that it does not find worse or as bad with HAProxy',
  { timeout: 300_000 },
  async () => {
    const { weir, haproxy: other } = await startBoth()
    const [own, theirs] = await Promise.all([findings(weir), findings(other)])
    expect(own.size).toBeGreaterThan(40)
    for (const id of [
      'TLS1',
      'TLS1_2',
      'TLS1_3',
      'heartbleed',
      'CCS',
      'ROBOT',
      'secure_client_renego',
      'CRIME_TLS',
      'LUCKY13',
    ]) {
      expect(own.has(id), id).toBe(true)
    }
    const rank = (found: Finding | undefined): number => severities[found?.severity ?? 'OK']
    expect([...own.values()].filter((each) => rank(each) > severities.LOW)).toEqual([])
    expect([...own.values()].filter((each) => rank(each) > rank(theirs.get(each.id)))).toEqual([])
  },
)

interface Scan {
  readonly protocols: readonly string[]
  readonly ciphers: ReadonlyMap<string, string>
  readonly vulnerable: readonly string[]
  readonly groups: readonly string[]
}

/** Names and values of the attributes of each element with this name. */
const elements = (xml: string, name: string): Readonly<Record<string, string>>[] =>
  [...xml.matchAll(new RegExp(`<${name} ([^>]*)/>`, 'g'))].map(([, text]) =>
    Object.fromEntries([...text!.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value])),
  )

async function scan(port: number): Promise<Scan> {
  const report = join(folder(), 'report.xml')
  await run(sslscan!, ['--no-colour', '--sni-name=www.test', `--xml=${report}`, `127.0.0.1:${port}`], '', 60_000)
  const xml = readFileSync(report, 'utf8')
  const enabled = elements(xml, 'protocol').filter((each) => each['enabled'] === '1')
  const weak = [
    ...elements(xml, 'heartbleed').filter((each) => each['vulnerable'] !== '0'),
    ...elements(xml, 'compression').filter((each) => each['supported'] !== '0'),
    ...elements(xml, 'renegotiation').filter((each) => each['supported'] !== '0' && each['secure'] !== '1'),
  ]
  return {
    protocols: enabled.map(({ type, version }) => `${type} ${version}`),
    ciphers: new Map(elements(xml, 'cipher').map((each) => [each['cipher']!, each['strength']!])),
    vulnerable: weak.map((each) => JSON.stringify(each)),
    groups: elements(xml, 'group').map((each) => each['name']!),
  }
}

test.skipIf(!sslscan || !haproxy)(
  'sslscan finds TLS 1.2 and 1.3 alone, no cipher that HAProxy does not have, none that is weak, no known hole',
  { timeout: 120_000 },
  async () => {
    const { weir, haproxy: other } = await startBoth()
    const own = await scan(weir)
    const theirs = await scan(other)
    expect(own.protocols).toEqual(['tls 1.2', 'tls 1.3'])
    expect(theirs.protocols).toEqual(own.protocols)
    expect(own.ciphers.size).toBeGreaterThanOrEqual(6)
    expect([...own.ciphers.keys()].filter((name) => !theirs.ciphers.has(name))).toEqual([])
    // Strong, or one of TLS 1.3, which sslscan calls acceptable.
    expect([...own.ciphers].filter(([name, strength]) => strength !== 'strong' && !name.startsWith('TLS_'))).toEqual([])
    expect(own.vulnerable).toEqual([])
    expect(own.groups.some((name) => /x25519/i.test(name))).toBe(true)
  },
)
