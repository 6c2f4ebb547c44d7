// `weir cert put --canary`: a new certificate in half of the handshakes of a Weir with two workers, met by clients that take it, and by
// clients of OpenSSL that do not know its authority and say so with an alert.
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { makeAuthority, makeCertificate, type CertificateAndKey } from '../support/certificates.ts'
import { answering, eventually, startServer } from '../support/peers.ts'
import { files, folder, program, run, startWeir, type WeirProcess } from '../support/programs.ts'
import { gone, Service } from './successor.ts'

const weirProgram = fileURLToPath(new URL('../../bin/weir', import.meta.url))
const openssl = program('openssl')

interface Stage {
  readonly weir: WeirProcess
  /** PEM of the authority of the certificate that is served at first. */
  readonly known: string
  readonly put: (more?: readonly string[]) => Promise<void>
  /** Ends it in order, and starts it anew. */
  readonly restart: () => Promise<WeirProcess>
}

/** Served is a certificate of one authority; put() brings one of another. */
async function setUp(): Promise<Stage> {
  const [old, fresh] = [await makeAuthority(), await makeAuthority({ names: ['Another authority'] })]
  const before = await makeCertificate({ names: ['site.test', 'old.test'], ca: old })
  const after = await makeCertificate({ names: ['site.test', 'new.test'], ca: fresh, days: 40 })
  const server = await startServer(answering('hello'))
  const text = JSON.stringify({
    global: {
      workers: 2,
      admin: 'off',
      control_socket: 'CONTROL',
      certificate_store: folder(),
      shutdown_timeout: '1s',
    },
    frontends: { web: { bind: '127.0.0.1:0', tls: { certificate: { store: 'site' } }, backend: 'app' } },
    backends: { app: { health_check: 'off', servers: [`127.0.0.1:${server.port}`] } },
  })
  const weir = await startWeir(text)
  const restart = async (): Promise<WeirProcess> => {
    weir.signal('SIGTERM')
    expect(await weir.exit).toBe(0)
    return startWeir(text)
  }
  const put = async ({ cert, key }: CertificateAndKey, more: readonly string[] = []): Promise<void> => {
    const paths = files({ cert, key })
    const args = ['cert', 'put', 'site', '--cert', paths.cert, '--key', paths.key, '--force', ...more]
    const { code, stderr } = await run(weirProgram, [...args, '--socket', weir.control])
    expect(stderr, String(code)).not.toMatch(/^weir: /m)
    expect(code).toBe(0)
  }
  await put({ cert: before.cert + old.cert, key: before.key })
  return { weir, known: old.cert, put: (more) => put({ cert: after.cert + fresh.cert, key: after.key }, more), restart }
}

/** Which of the two a full handshake shows; with a request and its answer, so that it has come to its end on both sides. */
function shown(weir: WeirProcess): Promise<'old' | 'new'> {
  return new Promise((resolve, reject) => {
    const target = { host: '127.0.0.1', port: weir.port('web'), servername: 'site.test', rejectUnauthorized: false }
    const socket = tls.connect(target, () => {
      const found = socket.getPeerCertificate().subjectaltname!.includes('old.test') ? 'old' : 'new'
      socket.once('data', () => {
        resolve(found)
        socket.destroy()
      })
      socket.write('GET / HTTP/1.1\r\nHost: site.test\r\n\r\n')
    })
    socket.on('error', reject)
  })
}

async function handshakes(weir: WeirProcess, count: number): Promise<{ old: number; new: number }> {
  const counts = { old: 0, new: 0 }
  for (let n = 0; n < count; n++) counts[await shown(weir)]++
  return counts
}

/** Until another process has taken over, and the one of before is gone. */
async function upgrade(weir: WeirProcess): Promise<WeirProcess> {
  const service = new Service(weir)
  weir.signal('SIGUSR2')
  await service.succeeded()
  await gone(weir.pid)
  return weir
}

test(
  'a certificate that clients take gets its share of the handshakes, then all of them',
  { timeout: 120_000 },
  async () => {
    const { weir, put } = await setUp()
    await put(['--canary', '50%', '--for', '8s'])
    const counts = await handshakes(weir, 80)
    expect(counts.old).toBeGreaterThan(15)
    expect(counts.new).toBeGreaterThan(15)
    await eventually('a verdict', () => /did well/.test(weir.log()), 40_000)
    for (let n = 0; n < 50 && (await handshakes(weir, 16)).old > 0; n++);
    expect(await handshakes(weir, 20)).toEqual({ old: 0, new: 20 })
  },
)

for (const [way, goOver] of [
  ['a restart', ({ restart }: Stage) => restart()],
  ['an upgrade', ({ weir }: Stage) => upgrade(weir)],
] as const) {
  test(`a trial goes on after ${way}, with its share, until there is a verdict`, { timeout: 90_000 }, async () => {
    const stage = await setUp()
    await stage.put(['--canary', '50%', '--for', '8s'])
    const weir = await goOver(stage)
    expect(weir.log()).toContain('on trial when Weir ended: its trial begins anew')
    const counts = await handshakes(weir, 80)
    expect(counts.old).toBeGreaterThan(0)
    expect(counts.new).toBeGreaterThan(10)
    await eventually('a verdict', () => /did well/.test(weir.log()), 20_000)
    for (let n = 0; n < 50 && (await handshakes(weir, 16)).old > 0; n++);
    expect(await handshakes(weir, 20)).toEqual({ old: 0, new: 20 })
    expect(weir.log().match(/did well/g)).toHaveLength(1)
  })
}

test.skipIf(openssl === null)(
  'a certificate that clients refuse is withdrawn, and the one of before is served to all',
  { timeout: 120_000 },
  async () => {
    const { weir, known, put } = await setUp()
    await put(['--canary', '50%', '--for', '10m'])
    const { ca } = files({ ca: known })
    const args = ['-connect', `127.0.0.1:${weir.port('web')}`, '-servername', 'site.test', '-CAfile', ca]
    let refused = 0
    for (let n = 0; n < 300 && !/is withdrawn/.test(weir.log()); n++) {
      const { stdout, stderr } = await run(openssl!, ['s_client', ...args, '-verify_return_error', '-no_ticket'])
      if (/verify error/.test(stdout + stderr)) refused++
    }
    expect(refused).toBeGreaterThanOrEqual(5)
    expect(weir.log()).toMatch(/is withdrawn: clients refused \d+ of \d+ handshakes, and 0 of \d+ handshakes/)
    for (let n = 0; n < 50 && (await handshakes(weir, 16)).new > 0; n++);
    expect(await handshakes(weir, 20)).toEqual({ old: 20, new: 0 })
  },
)
