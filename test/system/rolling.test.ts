// A rolling restart: two Weirs behind a HAProxy that plays the ELB, with health checks and the PROXY protocol. One after the other is
// stopped and started again under load, and clients of the tier above see nothing of it.
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { answering, deadPort, eventually, fetchOnce, get, startServer } from '../support/peers.ts'
import { folder, program, startWeir, type WeirProcess } from '../support/programs.ts'
import { Load } from './reload-load.ts'

const config = (port: number, server: number): string => `
global: { workers: 2, admin: off, control_socket: CONTROL, overload: { loop_delay: 0s }, shutdown_timeout: 5s, lame_duck: 3s }
frontends:
  web:
    bind: '127.0.0.1:${port}'
    proxy_protocol: { mode: required, from: 127.0.0.1 }
    health: /healthz
    backend: app
backends:
  app: { health_check: { interval: 200ms, timeout: 5s }, servers: ['127.0.0.1:${server}'] }
`

/** Checks are frequent, and have time: without a limit of their own an answer that takes longer than 100 ms would be none. */
const tier = (front: number, stats: number, weirs: readonly number[]): string => `
global
    maxconn 500
defaults
    mode http
    timeout connect 2s
    timeout client 20s
    timeout server 20s
    timeout check 5s
    retries 0
frontend elb
    bind 127.0.0.1:${front}
    default_backend weirs
frontend stats
    bind 127.0.0.1:${stats}
    stats enable
    stats uri /
backend weirs
    option httpchk GET /healthz
    default-server check inter 100ms fall 2 rise 2 send-proxy-v2 check-send-proxy
${weirs.map((port, i) => `    server weir${i} 127.0.0.1:${port}`).join('\n')}
`

interface Tier {
  /** Where its clients connect. */
  readonly front: number
  /** Until it sees so many Weirs up. */
  readonly seesUp: (count: number) => Promise<void>
}

async function startTier(haproxy: string, weirs: readonly number[]): Promise<Tier> {
  const front = await deadPort()
  const stats = await deadPort()
  const path = join(folder(), 'haproxy.cfg')
  writeFileSync(path, tier(front, stats, weirs))
  const child = spawn(haproxy, ['-db', '-f', path], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += String(chunk)))
  const exit = new Promise((resolve) => child.on('close', resolve))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
  })
  const works = async (): Promise<boolean> => (await fetchOnce(front).catch(() => null))?.text.endsWith('fine') ?? false
  await eventually('a tier that works', works).catch((error: Error) => {
    throw new Error(`${error.message}: ${said}`)
  })
  const up = async (): Promise<number> =>
    (await fetchOnce(stats, get('/;csv', 'Connection: close'))).text
      .split('\n')
      .filter((line) => /^weirs,weir.*,UP,.*L7OK,/.test(line)).length // before its first check it says UP alone
  return { front, seesUp: (count) => eventually(`${count} up`, async () => (await up()) === count) }
}

test('both Weirs restarted one after the other, under load: not one request fails', async ({ skip }) => {
  const haproxy = program('haproxy') ?? skip('haproxy is not installed')
  const server = await startServer(answering('fine'))
  const ports = [await deadPort(), await deadPort()]
  const weirs: WeirProcess[] = []
  for (const port of ports) weirs.push(await startWeir(config(port, server.port)))
  const { front, seesUp } = await startTier(haproxy, ports)
  await seesUp(2)
  const load = new Load().keepAlive('kept', { port: front }, 6).fresh('new', { port: front }, 6)
  await load.more(20)
  for (const [i, port] of ports.entries()) {
    load.during = `the stop of ${i}`
    weirs[i]!.signal('SIGTERM')
    await seesUp(1)
    expect(await weirs[i]!.exit).toBe(0)
    await load.more(10)
    load.during = `the start of ${i}`
    weirs[i] = await startWeir(config(port, server.port))
    await seesUp(2)
    await load.more(10)
  }
  await load.stop()
  expect(load.problems).toEqual([])
  for (const weir of weirs) {
    await eventually('taking part', () => !weir.log().includes('"level":"fatal"'))
    expect((await weir.status()).backends[0]!.inflight).toBe(0)
  }
}, 120_000)
