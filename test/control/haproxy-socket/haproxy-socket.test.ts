// HAProxy's runtime commands, against our socket and, where it is installed, beside HAProxy's own replies.
import { spawn } from 'node:child_process'
import { createServer, connect, type AddressInfo } from 'node:net'
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { once } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Baseline } from '../../../src/control/admin/baseline.ts'
import { openHaproxySocket } from '../../../src/control/haproxy-socket/haproxy-socket.ts'
import { until } from '../health/fixtures.ts'
import { folder, program, run } from '../../support/programs.ts'
import { startStage, type Stage } from '../runtime/fixtures.ts'

const yaml = (ports: readonly [number, number]): string => `
frontends:
  web: { bind: 127.0.0.1:8080, backend: app }
backends:
  app:
    balance: roundrobin
    health_check: off
    servers:
      s1: { address: 127.0.0.1:${ports[0]}, weight: 10 }
      s2: { address: 127.0.0.1:${ports[1]}, weight: 20, max_connections: 5 }
`

async function open(ports: readonly [number, number] = [1, 2]): Promise<{ stage: Stage; path: string }> {
  const stage = startStage(yaml(ports))
  const path = join(folder(), 'haproxy.sock')
  const { runtime } = stage
  const socket = await openHaproxySocket({ path, group: null, runtime, baseline: new Baseline() })
  onTestFinished(() => socket.close())
  return { stage, path }
}

/** What comes back until the other side closes. */
async function say(path: string, text: string): Promise<string> {
  const socket = connect(path)
  let reply = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => (reply += chunk))
  socket.write(text)
  await once(socket, 'close')
  return reply
}

const cells = (csv: string): Record<string, string>[] => {
  const [header, ...lines] = csv.trim().split('\n')
  const names = header!.replace('# ', '').split(',')
  return lines.map((line) => Object.fromEntries(line.split(',').map((cell, i) => [names[i]!, cell])))
}

test('show stat has a line for each frontend, server and backend, with what is counted', async () => {
  const { stage, path } = await open()
  const { board } = stage.runtime.view
  board.rows[0]!.counters.frontend.requests[0] = 4
  board.rows[0]!.counters.server.status2xx[1] = 3
  board.rows[1]!.counters.server.connectErrors[1] = 2
  Atomics.store(board.shared.server.inflight, 1, 1)
  Atomics.store(board.shared.server.health, 0, 1)
  const lines = cells(await say(path, 'show stat\n'))
  expect(lines.map(({ pxname, svname, type }) => [pxname, svname, type])).toEqual([
    ['web', 'FRONTEND', '0'],
    ['app', 's1', '2'],
    ['app', 's2', '2'],
    ['app', 'BACKEND', '1'],
  ])
  expect(lines[0]).toMatchObject({ status: 'OPEN', req_tot: '4', mode: 'http', iid: '2' })
  expect(lines[2]).toMatchObject({ scur: '1', slim: '5', hrsp_2xx: '3', econ: '2', weight: '20', sid: '2', act: '1' })
  expect(lines[3]).toMatchObject({ status: 'UP', algo: 'roundrobin', iid: '3' })
  expect(cells(await say(path, 'show stat app 4 2\n')).map(({ svname }) => svname)).toEqual(['s2'])
  expect(cells(await say(path, 'show stat -1 1 -1\n')).map(({ svname }) => svname)).toEqual(['FRONTEND'])
})

test('states, weights and limits are changed, and are overrides like any other', async () => {
  const { stage, path } = await open()
  expect(await say(path, 'disable server app/s1\n')).toBe('\n')
  expect(await say(path, 'set server app/s2 state drain\n')).toBe('\n')
  expect(stage.servers()).toEqual(['s1 maint 10', 's2 drain 20'])
  expect(await say(path, 'enable server app/s1; set server app/s2 state ready\n')).toBe('\n\n')
  expect(await say(path, 'set weight app/s1 50%\n')).toBe('\n')
  expect(await say(path, 'set server app/s2 weight 7\n')).toBe('\n')
  expect(stage.servers()).toEqual(['s1 ready 5', 's2 ready 7'])
  expect(await say(path, 'get weight app/s2\n')).toBe('7 (initial 20)\n\n')
  expect(await say(path, 'set maxconn server app/s1 3\n')).toBe('\n')
  expect(stage.runtime.view.snapshot.backends[0]!.servers[0]!.maxConnections).toBe(3)
  expect(await say(path, 'disable frontend web\n')).toBe('\n')
  expect(cells(await say(path, 'show stat\n'))[0]).toMatchObject({ status: 'STOP' })
  const fields = stage.runtime.journal.overrides.map(({ field, by }) => `${field} ${by}`)
  expect(fields).toEqual([
    'weight somebody at the HAProxy socket',
    'weight somebody at the HAProxy socket',
    'max_connections somebody at the HAProxy socket',
    'paused somebody at the HAProxy socket',
  ])
})

test('after prompt the connection stays, until quit', async () => {
  const { path } = await open()
  const reply = await say(path, 'prompt\nget weight app/s1\nshow version\nquit\n')
  expect(reply).toBe('\n> 10 (initial 10)\n\n> 1.2.3\n\n> ')
})

test('a client that closes its side without a line end is answered, and one that floods is not', async () => {
  const { path } = await open()
  const socket = connect({ path, allowHalfOpen: true })
  let reply = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => (reply += chunk))
  socket.end('get weight app/s1')
  await once(socket, 'end')
  socket.destroy()
  expect(reply).toBe('10 (initial 10)\n\n')
  const flood = connect(path)
  flood.on('error', () => {}).write('x'.repeat(40_000))
  await once(flood, 'close')
})

test('only the owner may open it', async () => {
  const { path } = await open()
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test.skipIf(program('socat') === null)('socat is served', async () => {
  const { path } = await open()
  const { stdout } = await run(program('socat')!, ['stdio', path], 'show info\n')
  expect(stdout).toMatch(/^Name: Weir\nVersion: 1\.2\.3\n/)
})

const haproxy = program('haproxy')

describe.skipIf(haproxy === null)('beside HAProxy', () => {
  async function both(): Promise<{ ours: string; theirs: string; stage: Stage }> {
    const servers = [createServer().listen(0, '127.0.0.1'), createServer().listen(0, '127.0.0.1')]
    await Promise.all(servers.map((server) => once(server, 'listening')))
    onTestFinished(() => servers.forEach((server) => server.close()))
    const [first, second] = servers.map((server) => (server.address() as AddressInfo).port) as [number, number]
    const where = folder()
    const theirs = join(where, 'haproxy.sock')
    const config = join(where, 'haproxy.cfg')
    writeFileSync(
      config,
      `global
  stats socket ${theirs} mode 600 level admin
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
frontend web
  bind unix@${join(where, 'web.sock')}
  default_backend app
backend app
  balance roundrobin
  server s1 127.0.0.1:${first} weight 10
  server s2 127.0.0.1:${second} weight 20 maxconn 5
`,
    )
    const child = spawn(haproxy!, ['-f', config], { stdio: 'ignore' })
    onTestFinished(async () => {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
    })
    await until(() => connects(theirs), 'HAProxy listens')
    const { path: ours, stage } = await open([first, second])
    return { ours, theirs, stage }
  }

  test('answers are the same to the letter', async () => {
    const { ours, theirs } = await both()
    const lines = [
      'disable server app/s1',
      'get weight app/s1',
      'disable server app/s9',
      'disable server ap/s1',
      'disable server',
      'enable server app/s1',
      'set server app/s1 state drain',
      'set server app/s1 state foo',
      'set server app/s1 state ready',
      'set server app/s1 weight 50%',
      'get weight app/s1',
      'set weight app/s2 7',
      'set weight app/s2 300',
      'get weight app/s2',
      'set maxconn server app/s1 5',
      'set maxconn server app/s1',
      'show servers state nope',
      'show backend',
      'get weight',
      'quit',
      'disable server app/s1; enable server app/s1',
    ]
    for (const line of lines)
      expect([line, await say(ours, `${line}\n`)]).toEqual([line, await say(theirs, `${line}\n`)])
  })

  test('the columns of show stat are the same in name and order, and so are the cells that do not depend on who counts', async () => {
    const { ours, theirs } = await both()
    const [mine, other] = [await say(ours, 'show stat\n'), await say(theirs, 'show stat\n')]
    const header = (csv: string): string[] => csv.split('\n')[0]!.split(',')
    const known = header(mine).filter((name) => name !== '')
    expect(known.length).toBeGreaterThan(90)
    expect(header(other).slice(0, known.length)).toEqual(known)
    const same = ['pxname', 'svname', 'scur', 'weight', 'act', 'bck', 'iid', 'sid', 'type', 'mode', 'uweight', 'addr']
    const picked = (csv: string) => cells(csv).map((line) => same.map((name) => line[name]))
    const servers = (rows: (string | undefined)[][]) => rows.filter(([, name]) => name === 's1' || name === 's2')
    expect(servers(picked(mine))).toEqual(servers(picked(other)))
    expect(cells(mine)[2]!.slim).toBe(cells(other)[2]!.slim)
  })

  test('show servers state is the same after the same commands', async () => {
    const { ours, theirs, stage } = await both()
    for (const slot of [0, 1]) Atomics.store(stage.runtime.view.board.shared.server.health, slot, 1)
    for (const line of ['set server app/s1 weight 5', 'set server app/s2 state drain']) {
      await say(ours, `${line}\n`)
      await say(theirs, `${line}\n`)
    }
    const fields = (text: string) =>
      text
        .trim()
        .split('\n')
        .map((line) => line.split(' '))
        .map((line, i) => (i < 2 ? line : [...line.slice(0, 9), line[18]]))
    const [mine, other] = [await say(ours, 'show servers state\n'), await say(theirs, 'show servers state\n')]
    expect(fields(mine)).toEqual(fields(other))
  })

  test('fields of show info that both have are in the same order', async () => {
    const { ours, theirs } = await both()
    const names = (text: string): string[] => text.match(/^[^:\n]+(?=:)/gm) ?? []
    const [mine, other] = [names(await say(ours, 'show info\n')), names(await say(theirs, 'show info\n'))]
    expect(mine.length).toBeGreaterThan(15)
    expect(other.filter((name) => mine.includes(name))).toEqual(mine)
  })
})

const connects = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path)
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
