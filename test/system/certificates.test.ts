// Certificates of a running Weir with two workers, as an operator handles them with `weir cert` and clients see them: uploaded,
// used, swapped under handshakes, from a folder, refused, after a restart and a reload.
import { rmSync, writeFileSync, renameSync } from 'node:fs'
import http from 'node:http'
import { dirname, join } from 'node:path'
import tls, { type TLSSocket } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import type { Status } from '../../src/control/admin/status.ts'
import { makeCertificate, type CertificateAndKey } from '../support/certificates.ts'
import { answering, eventually, startServer } from '../support/peers.ts'
import { files, folder, run, startWeir, type Ran, type WeirProcess } from '../support/programs.ts'

const weirProgram = fileURLToPath(new URL('../../bin/weir', import.meta.url))

const made: Record<string, CertificateAndKey> = {}
beforeAll(async () => {
  for (const name of ['one', 'two', 'three'])
    made[name] = await makeCertificate({ names: [`${name}.test`, 'site.test'] })
  made.short = await makeCertificate({ names: ['site.test'], days: 5 })
})

const whole = (name: string): string => made[name]!.cert + made[name]!.key

/** A Weir whose frontend `web` has TLS as said. JSON is YAML. */
async function start(
  certificate: unknown,
  more: Record<string, unknown> = {},
): Promise<WeirProcess & { readonly admin: number }> {
  const server = await startServer(answering('hello'))
  const weir = await startWeir(
    JSON.stringify({
      global: {
        workers: 2,
        admin: '127.0.0.1:0',
        control_socket: 'CONTROL',
        overload: { loop_delay: '0s' },
        shutdown_timeout: '1s',
        ...more,
      },
      frontends: { web: { bind: '127.0.0.1:0', tls: { certificate }, backend: 'app' } },
      backends: { app: { health_check: 'off', servers: [`127.0.0.1:${server.port}`] } },
    }),
  )
  return { ...weir, admin: Number(/"port":(\d+),"message":"admin on/.exec(weir.log())?.[1]) }
}

const cert = (weir: WeirProcess, ...args: readonly string[]): Promise<Ran> =>
  run(weirProgram, ['cert', ...args, '--socket', weir.control])

/** @returns what it printed @throws unless it went well */
async function done(weir: WeirProcess, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cert(weir, ...args)
  if (code !== 0) throw new Error(`weir cert ${args.join(' ')}: ${code} ${stderr}`)
  return stdout
}

function connect(weir: WeirProcess): Promise<TLSSocket> {
  const socket = tls.connect({
    port: weir.port('web'),
    host: '127.0.0.1',
    servername: 'site.test',
    rejectUnauthorized: false,
  })
  socket.on('error', () => {})
  return new Promise((resolve, reject) => socket.once('secureConnect', () => resolve(socket)).once('error', reject))
}

const nameOf = (socket: TLSSocket): string => String(socket.getPeerCertificate().subject.CN)

/** Names of the certificates that so many handshakes show. */
async function shown(weir: WeirProcess, handshakes = 12): Promise<string[]> {
  const names = new Set<string>()
  for (let i = 0; i < handshakes; i++) {
    const socket = await connect(weir)
    names.add(nameOf(socket))
    socket.destroy()
  }
  return [...names].toSorted()
}

async function answers(socket: TLSSocket): Promise<string> {
  socket.write('GET / HTTP/1.1\r\nHost: site.test\r\n\r\n')
  let text = ''
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += String(chunk)
    if (text.endsWith('hello')) break
  }
  return text.split('\r\n')[0]!
}

function post(
  weir: WeirProcess,
  path: string,
  body: unknown,
): Promise<{ status: number; value: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath: weir.control, method: 'POST', path, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += String(chunk)))
      response.on('end', () =>
        resolve({ status: response.statusCode!, value: JSON.parse(text) as Record<string, unknown> }),
      )
    })
    request.on('error', reject).end(JSON.stringify(body))
  })
}

test('upload, list, use: the next handshake has it on all workers, while an open connection goes on', async () => {
  const at = files({ 'one.pem': whole('one'), 'two.crt': made.two!.cert, 'two.key': made.two!.key })
  const weir = await start(at['one.pem'])
  const before = await connect(weir)
  expect(await answers(before)).toBe('HTTP/1.1 200 OK')
  expect(await done(weir, 'put', 'site', '--cert', at['two.crt'], '--key', at['two.key'])).toContain(
    'No bind serves it yet',
  )
  expect(await shown(weir)).toEqual(['one.test'])
  expect(await done(weir, 'list')).toMatch(/^site +store +two\.test, site\.test +ec +itself +29 +1 +-$/m)
  expect(await done(weir, 'use', `web:${weir.port('web')}`, 'site')).toBe('web/127.0.0.1:0 serves site.\n')
  expect(await shown(weir)).toEqual(['two.test'])
  expect(nameOf(before)).toBe('one.test')
  expect(await answers(before)).toBe('HTTP/1.1 200 OK')
  before.destroy()

  const refused = await cert(weir, 'remove', 'site')
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('site is in use: web/127.0.0.1:0') as string,
  })
  expect(await done(weir, 'show', 'site')).toMatch(/^binds +web\/127\.0\.0\.1:0$/m)
  const drift = await run(weirProgram, ['drift', '--socket', weir.control])
  expect(drift.stdout).toMatch(/^web\/127\.0\.0\.1:0 +certificate +site/m)
  const status = await run(weirProgram, ['status', '--socket', weir.control])
  expect(status.stdout).toContain('1 change differs from the configuration: weir drift')
  await done(weir, 'reset', 'web')
  expect(await shown(weir)).toEqual(['one.test'])
  expect(await done(weir, 'remove', 'site')).toBe('site is removed.\n')
  for (const words of [
    'the certificate site was put as version 1',
    'serves the certificate site',
    'the certificate site was removed',
  ])
    await eventually(`told: ${words}`, () => new RegExp(`${words}.*changed by `).test(weir.log()))
  expect(weir.log()).not.toContain('PRIVATE KEY')
}, 120_000)

test('a new version is served at once, rollback brings the one before, and a restart changes nothing', async () => {
  const at = files({ 'one.pem': whole('one'), 'two.pem': whole('two'), 'short.pem': whole('short') })
  const kept = join(folder(), 'kept')
  const weir = await start({ store: 'site' }, { certificate_store: kept })
  expect(await shown(weir, 4)).toEqual(['placeholder.invalid'])
  const { status, body } = await readiness(weir)
  expect([status, body]).toEqual([503, 'no certificate yet, but a placeholder: web/127.0.0.1:0\n'])
  expect((await run(weirProgram, ['status', '--socket', weir.control])).stdout).toContain('a placeholder is served')

  await done(weir, 'put', 'site', '--cert', at['one.pem'])
  expect(await shown(weir)).toEqual(['one.test'])
  expect((await readiness(weir)).status).toBe(200)
  await done(weir, 'put', 'site', '--cert', at['two.pem'])
  expect(await shown(weir)).toEqual(['two.test'])
  const early = await cert(weir, 'put', 'site', '--cert', at['short.pem'])
  expect(early).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/before the one that it replaces.*--force/) as string,
  })
  await done(weir, 'put', 'site', '--cert', at['short.pem'], '--force')
  expect((JSON.parse(await ask(weir, '/v1/status')) as Status).certificates.expiring).toMatchObject([
    { name: 'site', daysLeft: 4 },
  ])
  expect(await done(weir, 'rollback', 'site')).toBe('site went back from version 3 to 2.\n')
  expect(await shown(weir)).toEqual(['two.test'])

  const again = await start({ store: 'site' }, { certificate_store: kept })
  expect(await shown(again)).toEqual(['two.test'])
  expect(JSON.parse(await done(again, 'show', 'site', '--json'))).toMatchObject({
    version: 2,
    versions: [{}, { current: true }, {}],
  })
}, 120_000)

const readiness = async ({ admin }: { readonly admin: number }) => {
  const response = await fetch(`http://127.0.0.1:${admin}/readyz`)
  return { status: response.status, body: await response.text() }
}

function ask(weir: WeirProcess, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    http
      .get({ socketPath: weir.control, path, agent: false }, (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += String(chunk)))
        response.on('end', () => resolve(text))
      })
      .on('error', reject)
  })
}

test('swapped a hundred times under handshakes: none fails, and each new one is served', async () => {
  const weir = await start({ store: 'site' })
  const names = ['one', 'two', 'three']
  const put = (i: number) => {
    const { cert: pem, key } = made[names[i % names.length]!]!
    return post(weir, '/v1/certificates/site/put', { cert: pem, key, force: true })
  }
  expect((await put(0)).status).toBe(200)
  let [handshakes, running] = [0, true]
  const failed: string[] = []
  const seen = new Set<string>()
  const clients = Array.from({ length: 4 }, async () => {
    while (running) {
      try {
        const socket = await connect(weir)
        seen.add(nameOf(socket))
        if (handshakes++ % 8 === 0) expect(await answers(socket)).toBe('HTTP/1.1 200 OK')
        socket.destroy()
      } catch (error) {
        failed.push((error as Error).message)
      }
    }
  })
  for (let i = 1; i <= 100; i++) {
    const { status, value } = await put(i)
    expect([status, value.changed]).toEqual([200, true])
    if (i % 10 === 0) expect(await shown(weir, 4)).toEqual([`${names[i % names.length]}.test`])
  }
  running = false
  await Promise.all(clients)
  expect(failed).toEqual([])
  expect(handshakes).toBeGreaterThan(20)
  expect([...seen].toSorted()).toEqual(['one.test', 'three.test', 'two.test'])
}, 120_000)

test('files of a folder are served as they come, change and go, without a reload', async () => {
  const path = folder()
  const write = (file: string, text: string): void => {
    writeFileSync(join(path, `.${file}`), text)
    renameSync(join(path, `.${file}`), join(path, file))
  }
  write('b.pem', whole('one'))
  const weir = await start({ folder: path })
  const open = await connect(weir)
  const becomes = async (name: string): Promise<void> => {
    await expect.poll(() => shown(weir, 6), { timeout: 30_000 }).toEqual([`${name}.test`])
  }
  await becomes('one')
  write('a.pem', whole('two'))
  await becomes('two')
  write('a.pem', whole('three'))
  await becomes('three')
  write('a.pem', made.one!.cert + made.two!.key)
  await eventually('said', () => weir.log().includes('does not belong to the certificate'))
  await becomes('three')
  expect(await done(weir, 'list')).toMatch(
    /a\.pem: The private key does not belong.*What it was before is served still/,
  )
  rmSync(join(path, 'a.pem'))
  await becomes('one')
  expect(await answers(open)).toBe('HTTP/1.1 200 OK')
  open.destroy()
  expect(JSON.parse(await ask(weir, '/v1/status'))).toMatchObject({ workers: [{ restarts: 0 }, { restarts: 0 }] })
}, 120_000)

test('what is used outlives a reload of the configuration', async () => {
  const at = files({ 'one.pem': whole('one'), 'two.pem': whole('two') })
  const weir = await start(at['one.pem'])
  await done(weir, 'put', 'site', '--cert', at['two.pem'])
  await done(weir, 'use', 'web', 'site')
  writeFileSync(at['one.pem'], whole('three'))
  expect((await post(weir, '/v1/reload', {})).value).toMatchObject({ ok: true })
  expect(await shown(weir)).toEqual(['two.test'])
  expect((await run(weirProgram, ['drift', 'clear', 'web', '--socket', weir.control])).stdout).toBe('Cleared: 1.\n')
  expect(await shown(weir)).toEqual(['three.test'])
}, 120_000)

test('what the control socket refuses has a code, and what the command cannot read it says', async () => {
  const weir = await start(files({ 'one.pem': whole('one') })['one.pem'])
  const { cert: pem, key } = made.two!
  const refused = async (path: string, body: unknown) => {
    const { status, value } = await post(weir, path, body)
    return [status, value.code]
  }
  const put = '/v1/certificates/site/put'
  expect(await refused(put, { cert: pem, key: made.one!.key })).toEqual([422, 'key_mismatch'])
  expect(await refused(put, { cert: pem })).toEqual([422, 'bad_request'])
  expect(await refused(put, { cert: pem, key, canary: '200%' })).toEqual([422, 'bad_request'])
  expect(await refused(put, { cert: pem, key, canary: '5%' })).toEqual([409, 'nothing_to_replace'])
  expect(await refused('/v1/certificates/site/remove', {})).toEqual([404, 'not_found'])
  expect(await refused('/v1/certificates/site/rollback', {})).toEqual([404, 'not_found'])
  expect(await refused('/v1/certificates/use', { frontend: 'wbe', name: null })).toEqual([404, 'not_found'])
  const missing = join(dirname(weir.control), 'missing.pem')
  expect(await cert(weir, 'put', 'site', '--cert', missing)).toMatchObject({
    code: 1,
    stderr: `weir cert: --cert: cannot read ${missing}: there is no such file\n`,
  })
  expect(await cert(weir, 'put', 'site')).toMatchObject({ code: 2 })
  expect(await cert(weir, 'use', 'web')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('use needs NAME') as string,
  })
  expect(await done(weir, 'acme')).toBe('No certificates are ordered.\n')
}, 120_000)
