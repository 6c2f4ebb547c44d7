// `weir status` against a control socket with a Weir behind it that is not there, and the words it prints.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { count, size, span, statusText } from '../../src/cli/status-text.ts'
import { openControlSocket } from '../../src/control/admin/control-socket.ts'
import { readStatus, type Status } from '../../src/control/admin/status.ts'
import { ADMIN_MAINT, BREAKER_OPEN, HEALTH_CHECKING, HEALTH_DOWN, HEALTH_UP } from '../../src/model/states.ts'
import { ms } from '../../src/model/units.ts'
import { fakeView, snapshotOf } from '../control/fixtures.ts'
import { backendSpec, serverSpec } from '../control/health/fixtures.ts'
import { fakeRuntime } from '../control/runtime/fake.ts'

const main = new URL('../../src/main.ts', import.meta.url).pathname

async function weir(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk))
  const [code] = (await once(child, 'close')) as [number]
  return { code, out, err }
}

function someStatus(): Status {
  const view = fakeView()
  Atomics.store(view.board.shared.server.health, 0, HEALTH_UP)
  Atomics.store(view.board.shared.server.health, 1, HEALTH_DOWN)
  view.board.rows[0]!.counters.server.requests[0] = 123_456
  return readStatus(view)
}

test('status is a table for people', () => {
  const lines = statusText(someStatus(), { colour: false, now: 1_700_000_000_000 + 3 * 3_600_000 }).split('\n')
  expect(lines).toEqual([
    expect.stringMatching(/^weir 1\.2\.3 · ready · pid \d+ · up 1m 5s · 2\/2 workers · 0\/5000 connections$/),
    '',
    'FRONTEND  BIND            MODE  CONNS  TOTAL  REQUESTS  IN  OUT',
    'web       127.0.0.1:8080  http      0      0         0  0B   0B',
    '',
    'BACKEND  SERVER  ADDRESS      STATE  SINCE  LAST CHECK         WEIGHT  INFLIGHT  CONNS  REQUESTS  ERRORS',
    'app      s1      10.0.0.1:80  up     3h     status 200 (1 ms)       1         0      0      123k       0',
    '         s2      10.0.0.2:80  down   3h     status 200 (1 ms)       3         0      0         0       0',
    '',
  ])
})

test('colours change nothing but colours', () => {
  const plain = statusText(someStatus(), { colour: false, now: 0 })
  const coloured = statusText(someStatus(), { colour: true, now: 0 })
  expect(coloured).toContain('\x1b[31mdown\x1b[0m')
  // oxlint-disable-next-line no-control-regex
  expect(coloured.replaceAll(/\x1b\[\d+m/g, '')).toBe(plain)
})

test("the operator's wish is shown together with what the checks see", () => {
  const view = fakeView()
  Atomics.store(view.board.shared.server.admin, 0, ADMIN_MAINT)
  expect(statusText(readStatus(view), { colour: false, now: 0 })).toContain('maint (checking)')
})

test('a server that is ejected is shown as that, together with what the checks and the operator say', () => {
  const view = fakeView()
  const { shared } = view.board
  Atomics.store(shared.server.health, 0, HEALTH_UP)
  const stateOf = (): string => statusText(readStatus(view), { colour: false, now: 0 })
  Atomics.store(shared.server.ejected, 0, 1)
  Atomics.store(shared.server.ejections, 0, 3)
  expect(stateOf()).toMatch(/s1 .* {2}ejected /)
  expect(readStatus(view).backends[0]!.servers[0]).toMatchObject({ state: 'up', ejected: true, ejections: 3 })
  Atomics.store(shared.server.admin, 0, ADMIN_MAINT)
  expect(stateOf()).toContain('maint (ejected)')
  Atomics.store(shared.server.admin, 0, 0)
  Atomics.store(shared.server.health, 0, HEALTH_CHECKING)
  expect(stateOf()).toContain('checking, ejected')
})

test('limits, queues, open breakers, panic and shedding are shown where there are some', () => {
  const when = { errorRatio: 50, minRequests: 20, window: ms(10_000), open: ms(5000) }
  const breaker = { ...when, trials: 5, fallback: -1, answer: null }
  const servers = [serverSpec({ maxConnections: 4 }), serverSpec({ slot: 1, name: 's2' })]
  const backend = backendSpec({ maxConnections: 6, breaker, servers })
  const view = fakeView({ snapshot: snapshotOf({ backends: [backend, backendSpec({ slot: 1, name: 'calm' })] }) })
  const { shared, rows } = view.board
  const text = (): string => statusText(readStatus(view), { colour: false, now: 0 })
  expect(readStatus(view).backends).toMatchObject([{ breaker: 'closed', maxConnections: 6 }, { breaker: null }])
  expect(text()).not.toMatch(/queue|breaker|panic|sheds|full/)
  Atomics.store(shared.server.inflight, 0, 4)
  Atomics.store(shared.backend.inflight, 0, 6)
  Atomics.store(shared.backend.queued, 0, 3)
  Atomics.store(shared.backend.breaker, 0, BREAKER_OPEN)
  Atomics.store(shared.backend.healthPanic, 0, 1)
  rows[1]!.marks.process.shedding[0] = 20
  rows[0]!.counters.backend.retriesDenied[0] = 9
  expect(readStatus(view)).toMatchObject({
    shedding: 20,
    backends: [{ queued: 3, queueMax: 1000, breaker: 'open', panic: true, retriesDenied: 9 }, { panic: false }],
  })
  const lines = text().split('\n')
  expect(lines[0]).toMatch(/ · sheds 20 %$/)
  expect(lines.find((line) => line.startsWith('app '))).toContain('  4/4  ')
  expect(lines.slice(-2)).toEqual([
    'app: full (6/6) · queue 3/1000 · breaker open · panic: servers are used whatever their health',
    '',
  ])
})

test('tiers and zones are shown where there are some', () => {
  const view = fakeView({
    snapshot: snapshotOf({
      backends: [
        backendSpec({
          servers: [
            serverSpec({ zone: 'a' }),
            serverSpec({ slot: 1, name: 's2', tier: 1 }),
            serverSpec({ slot: 2, name: 's3', tier: 2, zone: 'b' }),
          ],
        }),
      ],
    }),
  })
  const status = readStatus(view)
  expect(status.backends[0]!.servers).toMatchObject([
    { tier: 0, backup: false, zone: 'a' },
    { tier: 1, backup: true, zone: null },
    { tier: 2, backup: true, zone: 'b' },
  ])
  const table = statusText(status, { colour: false, now: 0 }).split('\n').slice(5)
  expect(table.map((line) => line.slice(0, 47).trimEnd())).toEqual([
    'BACKEND  SERVER               ADDRESS      ZONE',
    'app      s1                   127.0.0.1:1  a',
    '         s2 (backup)          127.0.0.1:1',
    '         s3 (backup, tier 2)  127.0.0.1:1  b',
    '',
  ])
})

test('numbers stay short', () => {
  expect([0, 9999, 10_000, 99_949, 123_456, 1_234_567, 5e12].map(count)).toEqual([
    '0',
    '9999',
    '10.0k',
    '99.9k',
    '123k',
    '1.23M',
    '5.00T',
  ])
  expect([0, 9999, 10_240, 5 * 1024 ** 3].map(size)).toEqual(['0B', '9999B', '10.0KiB', '5.00GiB'])
  expect([0, 59, 60, 3720, 90_000, -5].map(span)).toEqual(['0s', '59s', '1m', '1h 2m', '1d 1h', '0s'])
})

test('the command asks at the socket it is given, as text or as JSON, without colours in a pipe', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'weir-test-')), 'weir.sock')
  const config = join(mkdtempSync(join(tmpdir(), 'weir-test-')), 'weir.yaml')
  writeFileSync(
    config,
    `{global: {control_socket: ${path}}, frontends: {web: {bind: ":80", backend: app}}, backends: {app: {servers: ["127.0.0.1:1"]}}}`,
  )
  const socket = await openControlSocket(path, fakeRuntime())
  try {
    const [text, json, byFile] = await Promise.all([
      weir('status', '--socket', path),
      weir('status', '--socket', path, '--json'),
      weir('status', '-f', config),
    ])
    expect(text).toMatchObject({ code: 0, err: '' })
    expect(text.out).toMatch(/^weir 1\.2\.3 · ready/)
    expect(text.out).not.toContain('\x1b')
    expect(JSON.parse(json.out)).toMatchObject({ version: '1.2.3', backends: [{ name: 'app' }] })
    expect(byFile.out).toMatch(/^weir 1\.2\.3 · ready/)
  } finally {
    await socket.close()
  }
})

test('when nobody answers, it says so in one line and fails', async () => {
  expect(await weir('status', '--socket', '/nowhere/weir.sock')).toEqual({
    code: 1,
    out: '',
    err: 'weir status: no Weir answers at /nowhere/weir.sock\n',
  })
})

test('a wrong command line is exit code 2, with the nearest word', async () => {
  const [command, option, both] = await Promise.all([
    weir('statsu'),
    weir('status', '--jsn'),
    weir('status', 'a.yaml', '--socket', '/x'),
  ])
  expect([command.code, option.code, both.code]).toEqual([2, 2, 2])
  expect(command.err).toContain('did you mean "status"?')
  expect(option.err).toContain('did you mean "--json"?')
})
