// The commands that act on a running Weir, with a real one: what they print, their exit codes, and that what they change
// outlives reloads and restarts.
import { readFileSync, writeFileSync } from 'node:fs'
import http, { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { spawn, type ChildProcess } from 'node:child_process'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/peers.ts'
import { folder, run, type Ran } from '../support/programs.ts'

const bin = fileURLToPath(new URL('../../bin/weir', import.meta.url))

interface Stage {
  readonly file: string
  readonly ports: readonly number[]
  /** Runs a command against the Weir of this stage. */
  weir(line: string): Promise<Ran>
  start(): Promise<void>
  stop(): Promise<void>
  log(): string
  /** Port of the frontend. */
  port(): number
}

/** @param delay ms that servers take to answer */
async function stage(delay = 0): Promise<Stage> {
  const servers = [1, 2, 3].map(() =>
    createServer((_, response) => setTimeout(() => response.end('hello'), delay)).listen(0, '127.0.0.1'),
  )
  await Promise.all(servers.map((server) => once(server, 'listening')))
  onTestFinished(() => {
    for (const server of servers) {
      server.close()
      server.closeAllConnections()
    }
  })
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  const file = join(folder(), 'weir.yaml')
  writeFileSync(
    file,
    `global: { workers: 2, admin: 'off', control_socket: ./weir.sock, overload: { loop_delay: 0s } }
frontends:
  web: { bind: 127.0.0.1:0, backend: app }
backends:
  app:
    health_check: tcp
    servers:
      s1: 127.0.0.1:${ports[0]}
      s2: { address: 127.0.0.1:${ports[1]}, weight: 10 }
`,
  )
  let child: ChildProcess | null = null
  let log = ''
  const stop = async (): Promise<void> => {
    const gone = child
    child = null
    if (gone === null) return
    gone.kill('SIGTERM')
    if (gone.exitCode === null) await once(gone, 'close')
  }
  onTestFinished(stop)
  return {
    file,
    ports,
    weir: (line) => run(bin, [...line.split(' '), '-f', file]),
    start: async () => {
      log = ''
      child = spawn(bin, ['run', file], { stdio: ['ignore', 'ignore', 'pipe'] })
      child.stderr!.on('data', (chunk: Buffer) => (log += chunk.latin1Slice()))
      await eventually('ready', () => log.includes(' is ready'), 40_000)
    },
    stop,
    log: () => log,
    port: () => Number(/"port":(\d+).*"message":"listening on/.exec(log)![1]),
  }
}

const get = (port: number, path = '/'): Promise<number> =>
  new Promise((resolve, reject) => {
    http
      .get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode!))
      })
      .on('error', reject)
  })

test('servers are drained, weighed, added and removed; a restart remembers, and drift tells and clears', async () => {
  const it = await stage()
  await it.start()
  expect(await it.weir('server drain app/s1 --wait 5s')).toMatchObject({
    code: 0,
    stdout: 'app/s1: drain, weight 1, 0 in flight, 0 connections\n',
    stderr: 'app/s1 is empty\n',
  })
  expect(await it.weir('server weight app/s2 50%')).toMatchObject({ code: 0 })
  expect(await it.weir(`server add app/s3 127.0.0.1:${it.ports[2]} --weight 3`)).toMatchObject({
    code: 0,
    stdout: 'app/s3: ready, weight 3, 0 in flight, 0 connections\n',
  })
  expect(await it.weir('server check app/s3')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^app\/s3 is up: /),
  })
  await it.stop()
  await it.start()
  const drift = await it.weir('drift --json')
  expect(JSON.parse(drift.stdout)).toMatchObject({
    inMemoryOnly: false,
    overrides: [
      { target: 'app/s1', field: 'admin', value: 'drain', by: expect.stringMatching(/\(uid \d+, pid \d+/) },
      { target: 'app/s2', field: 'weight', value: 5, configured: 10 },
      { target: 'app/s3', field: 'added' },
    ],
  })
  expect((await it.weir('drift')).stdout).toMatch(
    /^WHAT +FIELD +RUNS +CONFIGURED +SINCE +BY\napp\/s1 +admin +drain +ready /,
  )
  expect((await it.weir('show servers')).stdout).toMatch(/s1 .* drain \(/)
  expect(await it.weir('server remove app/s3')).toMatchObject({
    code: 0,
    stdout: 'app/s3 is removed (nothing in flight)\n',
  })
  expect(await it.weir('drift clear')).toMatchObject({ code: 0, stdout: 'Cleared: 2.\n' })
  expect((await it.weir('drift')).stdout).toContain('All runs as ')
  expect(await get(it.port())).toBe(200)
}, 240_000)

test('a bad configuration is told by reload, with its place, and changes nothing', async () => {
  const it = await stage()
  await it.start()
  await it.weir('server weight app/s1 7')
  const good = readFileSync(it.file, 'utf8')
  writeFileSync(it.file, good.replace('backend: app', 'backend: ap'))
  const bad = await it.weir('reload')
  expect(bad.code).toBe(1)
  expect(bad.stderr).toContain('weir.yaml:3:38: UNKNOWN_BACKEND')
  expect(bad.stdout).toBe('Nothing has changed: the configuration is not valid.\n')
  writeFileSync(it.file, good.replace('weight: 10', 'weight: 20'))
  const planned = await it.weir(`plan ${it.file}`)
  expect(planned).toMatchObject({ code: 0, stderr: '' })
  expect(planned.stdout).toMatch(/changed +server app\/s2 +weight: 10 -> 20 +0/)
  const reloaded = await it.weir('reload')
  expect(reloaded).toMatchObject({ code: 0, stdout: expect.stringContaining('weight: 10 -> 20') })
  const status = JSON.parse((await it.weir('status --json')).stdout) as {
    backends: { servers: { weight: number }[] }[]
  }
  expect(status.backends[0]!.servers.map(({ weight }) => weight)).toEqual([7, 20])
  expect((await it.weir('confirm')).code).toBe(1)
}, 240_000)

test('a configuration on trial is confirmed', async () => {
  const it = await stage()
  await it.start()
  const next = join(folder(), 'next.yaml')
  const text = readFileSync(it.file, 'utf8').replace('weight: 10', 'weight: 3')
  writeFileSync(next, text.replace('./weir.sock', join(it.file, '..', 'weir.sock')))
  const applied = await it.weir(`apply ${next} --confirm 60s`)
  expect(applied).toMatchObject({ code: 0, stdout: expect.stringContaining('unless "weir confirm" comes') })
  expect(await it.weir('confirm')).toMatchObject({ code: 0, stdout: 'Confirmed: it stays.\n' })
}, 240_000)

test('connections are shown and closed; a drain that takes too long is not done', async () => {
  const it = await stage(50_000)
  await it.start()
  const asked = get(it.port()).catch((error: NodeJS.ErrnoException) => error.code)
  const busy = async (): Promise<string | undefined> =>
    / busy +(app\/s\d)/.exec((await it.weir('show connections')).stdout)?.[1]
  let server: string | undefined
  for (let i = 0; server === undefined && i < 20; i++) server = await busy()
  expect(await it.weir(`server drain ${server} --wait 100ms`)).toMatchObject({
    code: 1,
    stderr: `${server}: 1 in flight, 1 connections\n`,
  })
  expect(await it.weir(`connections kill --server ${server}`)).toMatchObject({ code: 0, stdout: '1 closed\n' })
  expect(await asked).toBe('ECONNRESET')
  expect(await it.weir('show connections')).toMatchObject({ stdout: '0 connections\n' })
  expect((await it.weir('show errors')).stdout).toContain('client_gone')
  expect((await it.weir('counters clear')).code).toBe(0)
  expect(await it.weir('show errors')).toMatchObject({ stdout: 'Nothing has failed.\n' })
}, 240_000)

test.each([
  ['server drian app/s1', 'did you mean "drain"?'],
  ['server drain s1', 'name a server as BACKEND/SERVER'],
  ['server weight app/s1', 'weight needs a weight'],
  ['server drain app/s1 --wait soon', '--wait is a span of time'],
  ['server', 'which action? One of drain'],
  ['show everything', 'there is no aspect "everything"'],
  ['frontend pause', 'name one frontend'],
  ['connections kill', 'say which ones'],
  ['plan', 'name the new configuration'],
  ['workers recycle all', 'name one worker by its number'],
])('weir %s is wrong usage', async (line, words) => {
  const { code, stderr } = await run(bin, [...line.split(' '), '--socket', '/nowhere/weir.sock'])
  expect(code).toBe(2)
  expect(stderr).toContain(words)
})

test('without a Weir that answers, a command says so', async () => {
  const { code, stderr } = await run(bin, ['server', 'drain', 'app/s1', '--socket', '/nowhere/weir.sock'])
  expect([code, stderr]).toEqual([1, 'weir server: no Weir answers at /nowhere/weir.sock\n'])
})
