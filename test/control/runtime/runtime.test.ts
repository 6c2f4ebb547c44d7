// What operators change: at once, over reloads and restarts, against the file, and back.
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { clearDrift, readDrift } from '../../../src/control/runtime/drift.ts'
import { RequestProblem } from '../../../src/control/runtime/problem.ts'
import {
  addServer,
  removeServer,
  setAdmin,
  setMaxConnections,
  setWeight,
} from '../../../src/control/runtime/servers.ts'
import { pauseFrontend, setBackendAdmin } from '../../../src/control/runtime/traffic.ts'
import { anna, startStage, twoServers, type Stage } from './fixtures.ts'

const s1 = ['app', 's1'] as const
const s2 = ['app', 's2'] as const

const drain = ({ runtime }: Stage, place: readonly [string, string]) =>
  setAdmin(runtime, place, { admin: 'drain' }, anna)
const fieldsOf = ({ runtime }: Stage) => readDrift(runtime).overrides.map(({ target, field }) => `${target} ${field}`)

test('admin states and weights take effect at once, and each change is one line of the log', async () => {
  const stage = startStage(twoServers)
  expect(stage.servers()).toEqual(['s1 ready 1', 's2 ready 10'])
  await drain(stage, s1)
  await setWeight(stage.runtime, s2, '50%', anna)
  expect(stage.servers()).toEqual(['s1 drain 1', 's2 ready 5'])
  await setAdmin(stage.runtime, s1, { admin: 'ready' }, anna)
  await setWeight(stage.runtime, s2, 7, anna)
  expect(stage.servers()).toEqual(['s1 ready 1', 's2 ready 7'])
  expect(stage.changes()).toEqual([
    'server app/s1 ready -> drain, changed by somebody at the test',
    'server app/s2 weight 10 -> 5, changed by somebody at the test',
    'server app/s1 drain -> ready, changed by somebody at the test',
    'server app/s2 weight 5 -> 7, changed by somebody at the test',
  ])
})

test('what was changed outlives a reload and a restart', async () => {
  const stage = startStage(twoServers)
  await drain(stage, s1)
  await setWeight(stage.runtime, s2, 5, anna)
  await addServer(stage.runtime, ['app', 's3'], { address: '10.0.0.3:80', weight: 3 }, anna)
  await setMaxConnections(stage.runtime, s2, 9, anna)
  pauseFrontend(stage.runtime, 'web', true, anna)
  const now = ['s1 drain 1', 's2 ready 5', 's3 ready 3']
  expect(stage.servers()).toEqual(now)
  expect(
    await stage.rewrite((yaml) => yaml.replace('10.0.0.1:80', '{ address: 10.0.0.1:80, max_connections: 4 }')),
  ).toBe(true)
  expect(stage.servers()).toEqual(now)
  const after = startStage('', { before: stage })
  expect(after.servers()).toEqual(now)
  expect(after.runtime.view.snapshot.backends[0]!.servers.map(({ maxConnections }) => maxConnections)).toEqual([
    4, 9, 0,
  ])
  expect(after.runtime.view.board.shared.frontend.paused[0]).toBe(1)
})

test('the journal is its owner’s alone, and goes with the last override', async () => {
  const stage = startStage(twoServers)
  expect(existsSync(stage.journal)).toBe(false)
  await drain(stage, s1)
  expect(statSync(stage.journal).mode & 0o777).toBe(0o600)
  expect(JSON.parse(readFileSync(stage.journal, 'utf8'))).toMatchObject({
    version: 1,
    overrides: [{ field: 'admin', backend: 'app', server: 's1', value: 'drain', by: 'somebody at the test' }],
  })
  await setAdmin(stage.runtime, s1, { admin: 'ready' }, anna)
  expect(existsSync(stage.journal)).toBe(false)
})

test('a journal that cannot be written is kept in memory, with one warning', async () => {
  const stage = startStage(twoServers)
  mkdirSync(stage.journal) // a folder in its place
  await drain(stage, s1)
  await drain(stage, s2)
  expect(stage.servers()).toEqual(['s1 drain 1', 's2 drain 10'])
  expect(readDrift(stage.runtime).inMemoryOnly).toBe(true)
  expect(stage.lines.filter(({ level }) => level === 'warn')).toHaveLength(1)
})

test.each([
  ['no JSON', '{'],
  ['another version', '{"version":2,"overrides":[]}'],
  [
    'nonsense in it',
    '{"version":1,"overrides":[7,{"field":"weight","backend":"app","server":"s1","value":"x","by":"a","at":1}]}',
  ],
])('a journal with %s does not keep Weir from starting', (_, text) => {
  const stage = startStage(twoServers)
  writeFileSync(stage.journal, text)
  chmodSync(stage.journal, 0o600)
  expect(startStage('', { before: stage }).servers()).toEqual(['s1 ready 1', 's2 ready 10'])
})

test('the file wins for what it changes after the override was made', async () => {
  const stage = startStage(twoServers)
  await setWeight(stage.runtime, s2, 5, anna)
  await setWeight(stage.runtime, s1, 6, anna)
  await setMaxConnections(stage.runtime, s2, 9, anna)
  await drain(stage, s2)
  expect(await stage.rewrite((yaml) => yaml.replace('weight: 10', 'weight: 20'))).toBe(true)
  expect(stage.servers()).toEqual(['s1 ready 6', 's2 drain 20'])
  expect(fieldsOf(stage)).toEqual(['app/s1 weight', 'app/s2 max_connections', 'app/s2 admin'])
  expect(stage.lines.filter(({ message }) => String(message).includes('holds no more'))).toHaveLength(1)
})

test('what is about a server that the file has no more is forgotten', async () => {
  const stage = startStage(twoServers)
  await drain(stage, s1)
  await stage.rewrite((yaml) => yaml.replace(/ +s1: .*\n/, ''))
  expect(fieldsOf(stage)).toEqual([])
  await stage.rewrite((yaml) => `${yaml}      s1: 10.0.0.1:80\n`)
  expect(stage.servers()).toEqual(['s2 ready 10', 's1 ready 1'])
})

test('a server that the file gets too is the file’s from then on', async () => {
  const stage = startStage(twoServers)
  await addServer(stage.runtime, ['app', 's3'], { address: '10.0.0.3:80', weight: 3 }, anna)
  await setWeight(stage.runtime, ['app', 's3'], 8, anna)
  await stage.rewrite((yaml) => `${yaml}      s3: { address: 10.0.0.3:80, weight: 2 }\n`)
  expect(stage.servers()).toEqual(['s1 ready 1', 's2 ready 10', 's3 ready 2'])
  expect(fieldsOf(stage)).toEqual([])
})

test('a server is removed, comes back with its address, and comes back by itself when the file moves it', async () => {
  const stage = startStage(twoServers)
  const left = await removeServer(stage.runtime, s1, 0, anna)
  expect(left).toMatchObject({ inflight: 0, empty: true })
  expect(stage.servers()).toEqual(['s2 ready 10'])
  await addServer(stage.runtime, s1, { address: '10.0.0.1:80' }, anna)
  expect(stage.servers()).toEqual(['s1 ready 1', 's2 ready 10'])
  expect(fieldsOf(stage)).toEqual([])
  await removeServer(stage.runtime, s1, 0, anna)
  await stage.rewrite((yaml) => yaml.replace('10.0.0.1:80', '10.0.0.7:80'))
  expect(stage.servers()).toEqual(['s1 ready 1', 's2 ready 10'])
})

test('another server may have the address of one that was removed, for as long as that is removed', async () => {
  const stage = startStage(twoServers)
  await removeServer(stage.runtime, s2, 0, anna)
  await addServer(stage.runtime, ['app', 's3'], { address: '10.0.0.2:80' }, anna)
  expect(stage.servers()).toEqual(['s1 ready 1', 's3 ready 1'])
  expect(startStage('', { before: stage }).servers()).toEqual(['s1 ready 1', 's3 ready 1'])
  await clearDrift(stage.runtime, 'app/s2', anna)
  expect(stage.servers()).toEqual(['s1 ready 1', 's2 ready 10'])
  expect(fieldsOf(stage)).toEqual([])
})

test('a server is drained before it is removed, for no longer than said', async () => {
  const stage = startStage(twoServers)
  const { inflight } = stage.runtime.view.board.shared.server
  Atomics.store(inflight, 0, 2)
  const removed = removeServer(stage.runtime, s1, 60_000, anna)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(stage.servers()).toEqual(['s1 drain 1', 's2 ready 10'])
  Atomics.store(inflight, 0, 0)
  expect(await removed).toMatchObject({ inflight: 0 })
  Atomics.store(inflight, 1, 3)
  await addServer(stage.runtime, ['app', 's3'], { address: '10.0.0.3:80' }, anna)
  expect(await removeServer(stage.runtime, s2, 10, anna)).toMatchObject({ inflight: 3, empty: false })
  expect(stage.servers()).toEqual(['s3 ready 1'])
})

test('a drain with a wait answers when the server is empty, or when the time is over', async () => {
  const stage = startStage(twoServers)
  const { inflight } = stage.runtime.view.board.shared.server
  Atomics.store(inflight, 0, 1)
  expect(await setAdmin(stage.runtime, s1, { admin: 'drain', wait: 10 }, anna)).toMatchObject({
    empty: false,
    inflight: 1,
  })
  const waiting = setAdmin(stage.runtime, s1, { admin: 'drain', wait: 60_000 }, anna)
  Atomics.store(inflight, 0, 0)
  expect(await waiting).toMatchObject({ empty: true, admin: 'drain' })
})

test('an added server has the TLS and the checks of the others', async () => {
  const stage = startStage(`
frontends:
  web: { bind: 127.0.0.1:8080, backend: app }
backends:
  app:
    tls: { verify: none }
    health_check: { path: /up, port: 9000 }
    servers: [10.0.0.1:443]
`)
  await addServer(stage.runtime, ['app', ''], { address: '10.0.0.2:8443' }, anna)
  const [first, second] = stage.runtime.operator.reloader.config.backends[0]!.servers
  expect(second).toMatchObject({ name: '10.0.0.2:8443', tls: first!.tls, check: { host: '10.0.0.2', port: 9000 } })
  expect(second!.check.tls).toEqual(first!.check.tls)
})

test.each([
  ['an unknown backend', (stage: Stage) => drain(stage, ['ap', 's1']), 404, 'app'],
  ['an unknown server', (stage: Stage) => drain(stage, ['app', 's3']), 404, 's1'],
  ['a weight that is none', ({ runtime }: Stage) => setWeight(runtime, s1, 'much', anna), 422, null],
  ['a weight beyond the bounds', ({ runtime }: Stage) => setWeight(runtime, s1, 70_000, anna), 422, null],
  ['a limit that is none', ({ runtime }: Stage) => setMaxConnections(runtime, s1, -1, anna), 422, null],
  ['a name that is taken', ({ runtime }: Stage) => addServer(runtime, s1, { address: '10.0.0.9:1' }, anna), 409, null],
  [
    'an address that is taken',
    ({ runtime }: Stage) => addServer(runtime, ['app', 'x'], { address: '10.0.0.1:80' }, anna),
    409,
    null,
  ],
  [
    'an address that is none',
    ({ runtime }: Stage) => addServer(runtime, ['app', 'x'], { address: '10.0.0.1' }, anna),
    422,
    null,
  ],
  [
    'a name that is none',
    ({ runtime }: Stage) => addServer(runtime, ['app', 'a b'], { address: '10.0.0.3:1' }, anna),
    422,
    null,
  ],
  ['clearing what is not there', ({ runtime }: Stage) => clearDrift(runtime, 'app/s1', anna), 404, null],
] as const)('%s is refused with words, and changes nothing', async (_, act, status, nearest) => {
  const stage = startStage(twoServers)
  const error = await act(stage).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(RequestProblem)
  expect(error).toMatchObject({ status, nearest })
  expect(stage.servers()).toEqual(['s1 ready 1', 's2 ready 10'])
  expect(fieldsOf(stage)).toEqual([])
  expect(stage.changes()).toEqual([])
})

test('the last server of a backend stays', async () => {
  const stage = startStage(twoServers)
  await removeServer(stage.runtime, s1, 0, anna)
  await expect(removeServer(stage.runtime, s2, 0, anna)).rejects.toThrow('the last server of app')
})

test('drift is cleared for one thing, for a backend, or for all', async () => {
  const stage = startStage(twoServers)
  const change = async (): Promise<void> => {
    await drain(stage, s1)
    await setWeight(stage.runtime, s2, 1, anna)
    await setMaxConnections(stage.runtime, s2, 9, anna)
    pauseFrontend(stage.runtime, 'web', true, anna)
  }
  await change()
  await clearDrift(stage.runtime, 'app/s2', anna)
  expect(stage.servers()).toEqual(['s1 drain 1', 's2 ready 10'])
  expect(fieldsOf(stage)).toEqual(['app/s1 admin', 'web paused'])
  await change()
  await clearDrift(stage.runtime, 'app', anna)
  expect(fieldsOf(stage)).toEqual(['web paused'])
  await change()
  expect(await clearDrift(stage.runtime, null, anna)).toHaveLength(4)
  expect(stage.servers()).toEqual(['s1 ready 1', 's2 ready 10'])
  expect(stage.runtime.view.board.shared.frontend.paused[0]).toBe(0)
  expect(await clearDrift(stage.runtime, null, anna)).toEqual([])
})

test('all servers of a backend go together', async () => {
  const stage = startStage(twoServers)
  await setBackendAdmin(stage.runtime, 'app', { admin: 'maint' }, anna)
  expect(stage.servers()).toEqual(['s1 maint 1', 's2 maint 10'])
  await setBackendAdmin(stage.runtime, 'app', { admin: 'ready' }, anna)
  expect(stage.servers()).toEqual(['s1 ready 1', 's2 ready 10'])
  expect(stage.changes()).toHaveLength(2)
})
