// The article of 2011, step by step, on a whole Weir with two workers: the tools by their own names, with the options and the
// environment of then. The next handshake has the new certificate, on both workers, while an open connection goes on.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import tls, { type TLSSocket } from 'node:tls'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { makeAuthority, makeCertificate } from '../support/certificates.ts'
import { answering, eventually, startServer } from '../support/peers.ts'
import { folder, run, startWeir, type Ran, type WeirProcess } from '../support/programs.ts'

const root = join(import.meta.dirname, '..', '..')
const arn = 'arn:aws:iam::YOUR_IAM_ID:server-certificate/stage.mysite.com'

let where: string
let weir: WeirProcess
let port: number

beforeEach(async () => {
  where = folder()
  const ca = await makeAuthority()
  const [old, fresh] = await Promise.all([
    makeCertificate({ names: ['stage.mysite.com'] }),
    makeCertificate({ names: ['stage.mysite.com'], ca }),
  ])
  writeFileSync(join(where, 'old.pem'), old.cert + old.key)
  writeFileSync(join(where, 'stage.mysite.com.crt'), fresh.cert)
  writeFileSync(join(where, 'stage.mysite.com.intermediate.crt'), ca.cert)
  writeFileSync(join(where, 'stage.mysite.com.key'), fresh.key)
  const servers = await Promise.all([startServer(answering('one')), startServer(answering('two'))])
  weir = await startWeir(`
global: { workers: 2, admin: off, control_socket: CONTROL, overload: { loop_delay: 0s }, shutdown_timeout: 2s }
frontends:
  mysite-stage: { bind: { address: '127.0.0.1:0', tls: ${where}/old.pem }, backend: farm }
  plain: { bind: '127.0.0.1:0', backend: farm }
backends:
  farm:
    health_check: { interval: 100ms, rise: 1, fall: 1 }
    servers: { i-9b5b0faf: '127.0.0.1:${servers[0].port}', i-2: '127.0.0.1:${servers[1].port}' }
`)
  port = weir.port('mysite-stage')
})

/** One of the tools, as a script of then would call it. */
function type(tool: string, ...args: readonly string[]): Promise<Ran> {
  const environment = ['AWS_ELB_HOME=/opt/elb', 'AWS_IAM_HOME=/opt/iam', 'AWS_CREDENTIAL_FILE=/nowhere/credentials']
  const ours = [`WEIR_SOCKET=${weir.control}`, 'WEIR_ACCOUNT_ID=YOUR_IAM_ID']
  return run('/usr/bin/env', ['-C', where, ...environment, ...ours, join(root, 'bin', tool), ...args])
}

const typed = async (tool: string, ...args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await type(tool, ...args)
  expect([code, stderr]).toEqual([0, ''])
  return stdout
}

async function handshake(): Promise<TLSSocket> {
  const socket = tls.connect({ port, host: '127.0.0.1', servername: 'stage.mysite.com', rejectUnauthorized: false })
  onTestFinished(() => void socket.destroy())
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  return socket
}

async function issuerSeen(): Promise<boolean> {
  const socket = await handshake()
  const { subject, issuer } = socket.getPeerCertificate()
  socket.destroy()
  return subject.CN === issuer.CN // signed by itself: the old one
}

async function asks(socket: TLSSocket): Promise<string> {
  let text = ''
  const onData = (chunk: Buffer): void => void (text += String(chunk))
  socket.on('data', onData)
  socket.write('GET / HTTP/1.1\r\nHost: stage.mysite.com\r\n\r\n')
  await eventually('an answer', () => /one|two/.test(text))
  socket.off('data', onData)
  return text
}

test('upload, list, associate: the next handshake has the new certificate, and an open connection goes on', async () => {
  const open = await handshake()
  const before = open.getPeerCertificate().fingerprint256
  expect(await asks(open)).toContain('200')
  expect(await issuerSeen()).toBe(true)

  const described = await typed('elb-describe-lbs')
  expect(described).toMatch(
    /^LOAD_BALANCER {2}mysite-stage {2}127\.0\.0\.1 {2}\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z\nLOAD_BALANCER {2}plain {2}/,
  )
  const upload = ['-b', 'stage.mysite.com.crt', '-c', 'stage.mysite.com.intermediate.crt', '-k', 'stage.mysite.com.key']
  expect(await typed('iam-servercertupload', ...upload, '-s', 'stage.mysite.com')).toBe('')
  expect(await issuerSeen()).toBe(true)
  expect(await typed('iam-servercertlistbypath')).toBe(`${arn}\n`)
  expect(await typed('iam-servercertgetattributes', '-s', 'stage.mysite.com')).toMatch(
    /^arn:aws:iam::YOUR_IAM_ID:server-certificate\/stage\.mysite\.com\nASCA[A-Z2-7]{17}\n$/,
  )
  const associated = await typed(
    'elb-set-lb-listener-ssl-cert',
    'mysite-stage',
    '--lb-port',
    String(port),
    '--cert-id',
    arn,
  )
  expect(associated).toBe('OK-Setting SSL Certificate\n')

  for (let i = 0; i < 12; i++) expect(await issuerSeen()).toBe(false) // on both workers
  expect(await asks(open)).toContain('200')
  expect(open.getPeerCertificate().fingerprint256).toBe(before)

  const again = await type('iam-servercertupload', ...upload, '-s', 'stage.mysite.com')
  expect([again.code, again.stderr]).toEqual([
    1,
    'iam-servercertupload: The Server Certificate with name stage.mysite.com already exists.\n',
  ])
  const removed = await type('iam-servercertdel', '-s', 'stage.mysite.com')
  expect(removed.code).toBe(1)
  expect(removed.stderr).toMatch(/^iam-servercertdel: stage\.mysite\.com is in use: mysite-stage\/127\.0\.0\.1:0/)
}, 120_000)

test('what cannot be done changes nothing, and each has a message of its own', async () => {
  const set = (lb: string, listener: number, cert: string) =>
    type('elb-set-lb-listener-ssl-cert', lb, '--lb-port', String(listener), '--cert-id', cert)
  const cases = [
    [await set('mysite-stage', port, arn), /there is no certificate stage\.mysite\.com/],
    [await set('mysite-stage', port, arn.replace('YOUR', 'THEIR')), /WEIR_ACCOUNT_ID/],
    [await set('mysite-stage', port, 'stage'), /is no ARN/],
    [await set('plain', weir.port('plain'), arn), /has no TLS/],
    [await set('plain', 1, arn), /no listener on port 1/],
    [await set('nobody', port, arn), /no ACTIVE Load Balancer named 'nobody'/],
    [await type('iam-servercertdel', '-s', 'nothing'), /name nothing cannot be found/],
    [await type('iam-servercertupload', '-b', 'stage.mysite.com.crt', '-k', 'old.pem', '-s', 'x'), /key/],
    [
      await type('iam-servercertupload', '-b', 'none.crt', '-k', 'old.pem', '-s', 'x'),
      /cannot read the certificate none\.crt/,
    ],
  ] as const
  for (const [{ code, stdout, stderr }, words] of cases) {
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(words)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(stderr).not.toContain('PRIVATE KEY')
  }
  expect(await typed('iam-servercertlistbypath')).toBe('')
  expect(await issuerSeen()).toBe(true)
}, 120_000)

test('a certificate may stand at a path, which is a part of its ARN and of what is listed', async () => {
  const at = (name: string): string => `arn:aws:iam::YOUR_IAM_ID:server-certificate${name}`
  const files = ['-b', 'stage.mysite.com.crt', '-c', 'stage.mysite.com.intermediate.crt', '-k', 'stage.mysite.com.key']
  const uploaded = await typed('iam-servercertupload', ...files, '-s', 'site', '-p', '/web/eu/', '-v')
  expect(uploaded.split('\n')[0]).toBe(at('/web/eu/site'))
  await typed('iam-servercertupload', ...files, '-s', 'other')
  const again = await type('iam-servercertupload', ...files, '-s', 'site', '-p', '/') // names are unique without their paths
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('name site already exists')])
  for (const [prefix, expected] of [
    [[], ['/other', '/web/eu/site']],
    [
      ['-p', '/'],
      ['/other', '/web/eu/site'],
    ],
    [['-p', '/web/'], ['/web/eu/site']],
    [['-p', '/web/e'], ['/web/eu/site']],
    [['-p', '/eu/'], []],
  ] as const)
    expect(await typed('iam-servercertlistbypath', ...prefix)).toBe(expected.map((each) => `${at(each)}\n`).join(''))
  expect((await typed('iam-servercertgetattributes', '-s', 'site')).split('\n')[0]).toBe(at('/web/eu/site'))

  const set = (cert: string): Promise<Ran> =>
    type('elb-set-lb-listener-ssl-cert', 'mysite-stage', '--lb-port', String(port), '--cert-id', cert)
  const elsewhere = await set(at('/site'))
  expect([elsewhere.code, elsewhere.stderr]).toEqual([1, expect.stringContaining('Server Certificate not found')])
  expect(await issuerSeen()).toBe(true)
  expect((await set(at('/web/eu/site'))).stdout).toBe('OK-Setting SSL Certificate\n')
  expect(await issuerSeen()).toBe(false)
  for (const wrong of ['web', '/web'])
    expect((await type('iam-servercertupload', ...files, '-s', 'third', '-p', wrong)).stderr).toContain('-p is a path')
  expect((await type('iam-servercertlistbypath', '-p', 'web/')).stderr).toContain('-p is the beginning of a path')
}, 120_000)

test('instances are looked at, registered, taken out, and checked otherwise', async () => {
  const health = (...args: readonly string[]) => typed('elb-describe-instance-health', 'mysite-stage', ...args)
  const allUp = async (count: number): Promise<string> => {
    for (let tries = 0; tries < 60; tries++) {
      const text = await health()
      if (text.match(/ InService /g)?.length === count) return text
    }
    throw new Error(`${count} instances are not in service: ${await health()}`)
  }
  expect(await allUp(2)).toBe('INSTANCE_ID  i-9b5b0faf  InService  N/A  N/A\nINSTANCE_ID  i-2  InService  N/A  N/A\n')
  const left = await typed('elb-deregister-instances-from-lb', 'mysite-stage', '--instances', 'i-2')
  expect(left).toBe('INSTANCE_ID  i-9b5b0faf\n')
  const third = await startServer(answering('three'))
  const instances = `i-2, i-3=127.0.0.1:${third.port}`.split(' ')
  const all = await typed('elb-register-instances-with-lb', 'mysite-stage', '--instances', ...instances)
  expect(all).toBe('INSTANCE_ID  i-9b5b0faf\nINSTANCE_ID  i-2\nINSTANCE_ID  i-3\n')
  expect(await allUp(3)).toContain('INSTANCE_ID  i-3  InService')

  const check = ['--interval', '5', '--timeout=3', '--unhealthy-threshold', '2', '--healthy-threshold', '2']
  const target = `HTTP:${third.port}/index.html`
  const set = await typed('elb-configure-healthcheck', 'mysite-stage', '--headers', '--target', target, ...check)
  expect(set.split('\n').map((line) => line.split(/ +/))).toEqual([
    ['HEALTH_CHECK', 'TARGET', 'INTERVAL', 'TIMEOUT', 'HEALTHY_THRESHOLD', 'UNHEALTHY_THRESHOLD'],
    ['HEALTH_CHECK', target, '5', '3', '2', '2'],
    [''],
  ])
  const drift = await run(join(root, 'bin/weir'), ['drift', '--socket', weir.control])
  expect(drift.stdout).toContain(`health_check  ${target} every 5000 ms for 3000 ms, rise 2, fall 2`)
  const refused = await type('elb-configure-healthcheck', 'mysite-stage', '--target', 'UDP:53')
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('"UDP:53" is none')])
}, 120_000)
