// Config to Snapshot: names become numbers that stay, and nothing that is shared can be changed.
import { expect, test } from 'vitest'
import { parseConfig } from '../../src/config/load.ts'
import { createSnapshot, SlotTable, type SnapshotContext } from '../../src/control/snapshot.ts'
import type { Config } from '../../src/config/config.ts'

const limits = { frontends: 8, backends: 8, servers: 8 }
const context = (over: Partial<SnapshotContext> = {}): SnapshotContext => ({
  slots: new SlotTable(limits),
  version: 1,
  workers: 2,
  maxConnections: 1000,
  instance: 1,
  ...over,
})
const config = (text: string): Config => {
  const loaded = parseConfig(text, '/x/weir.yaml')
  if (!loaded.config) throw new Error(JSON.stringify(loaded.problems))
  return loaded.config
}

const text = `
frontends:
  web: {bind: [':80', /run/w.sock], routes: [{path: /b, backend: b}, {host: c.test, backend: a}], backend: a}
  raw: {bind: ':81', mode: tcp, backend: t, max_connections: 7}
backends:
  a: {servers: {x: 'h:1', y: 'h:2'}}
  b: {servers: {x: 'h:3'}, balance: leastconn}
  t: {servers: {x: 'h:4'}}
`

test('routes refer to backends by index, and limits are filled in', () => {
  const snapshot = createSnapshot(config(text), context())
  expect(snapshot).toMatchObject({
    version: 1,
    maxConnections: 1000,
    shutdownTimeout: 30_000,
    accessLog: null,
    frontends: [
      {
        name: 'web',
        slot: 0,
        backend: 0,
        maxConnections: 1000,
        routes: [
          { path: '/b', backend: 1 },
          { host: 'c.test', backend: 0 },
        ],
      },
      { name: 'raw', slot: 1, backend: 2, maxConnections: 7, mode: 'tcp' },
    ],
    backends: [{ slot: 0 }, { slot: 1, balance: { algorithm: 'leastconn' } }, { slot: 2, mode: 'tcp' }],
  })
  expect(snapshot.frontends[0]!.binds.map(({ id }) => id)).toEqual(['web/[::]:80', 'web/unix:/run/w.sock'])
  expect(snapshot.backends.flatMap(({ servers }) => servers.map(({ slot }) => slot))).toEqual([0, 1, 2, 3])
})

test('what is configured goes before what the machine allows', () => {
  expect(createSnapshot(config(`${text}global: {max_connections: 5}`), context())).toMatchObject({
    maxConnections: 5,
    frontends: [{ maxConnections: 5 }, { maxConnections: 7 }],
  })
})

test('a name keeps its slot in every snapshot, wherever it stands; new ones get rows of their own', () => {
  const slots = new SlotTable(limits)
  const slotsOf = (each: Config) =>
    Object.fromEntries(
      createSnapshot(each, context({ slots })).backends.flatMap((backend) => [
        [backend.name, backend.slot],
        ...backend.servers.map((server) => [`${backend.name}/${server.name}`, server.slot]),
      ]),
    )
  const before = slotsOf(config(text))
  const changed = text
    .replace("{x: 'h:1', y: 'h:2'}", "{new: 'h:9', y: 'h:2'}")
    .replace('  b:', "  n: {servers: ['h:8']}\n  b:")
  const after = slotsOf(config(changed))
  for (const name of ['a', 'b', 't', 'a/y', 'b/x', 't/x']) expect(after[name]).toBe(before[name])
  expect(after).toMatchObject({ 'a/new': 4, n: 3, 'n/h:8': 5 })
  expect(slotsOf(config(text))).toEqual(before)
})

test('a scoreboard that is full is said to be', () => {
  const slots = new SlotTable({ ...limits, servers: 3 })
  expect(() => createSnapshot(config(text), context({ slots }))).toThrow(/no room for more than 3 servers/)
})

test('limits, rules and what is done about failures arrive as they are configured, backends by index', () => {
  const snapshot = createSnapshot(
    config(`
global: {overload: {loop_delay: 1s, memory: 0%, retry_after: 7}}
frontends:
  web:
    bind: ':80'
    priority: high
    routes: [{path: /b, backend: b, priority: normal}]
    backend: a
    limits: {body: 1MiB, body_rate: 0B}
    clients: {deny: 10.0.0.0/8, request_rate: 5/s}
    methods: GET
    normalize_path: on
backends:
  a:
    servers: {x: 'h:1', y: {address: 'h:2', max_connections: 3}}
    max_connections: 9
    queue: {max: 4}
    retry: {on: [timeout, 503]}
    circuit_breaker: {fallback: b}
    persistence: {cookie: {name: S, samesite: strict, httponly: false}}
  b: {servers: {x: 'h:3'}, ejection: off, circuit_breaker: {answer: {body: sorry}}, persistence: {table: client}}
`),
    context(),
  )
  expect(snapshot.overload).toEqual({ loopDelay: 1000, memory: 0, retryAfter: 7 })
  expect(snapshot.frontends).toMatchObject([
    {
      priority: 'high',
      routes: [{ priority: 'normal', backend: 1 }],
      limits: { body: 2 ** 20, bodyRate: 0 },
      clients: { allow: null, deny: ['10.0.0.0/8'], requestRate: { perSecond: 5, burst: 5 }, connectionRate: null },
      requests: { methods: ['GET'], normalizePath: { mergeSlashes: true }, neverShed: [] },
    },
  ])
  const [a, b] = snapshot.backends
  expect(a).toMatchObject({
    maxConnections: 9,
    queue: { max: 4, timeout: 5000 },
    servers: [{ maxConnections: 0 }, { maxConnections: 3 }],
    retry: { closed: false, timeout: true, statuses: [503], methods: 'idempotent' },
    ejection: { failures: 5, time: 10_000 },
    breaker: { fallback: 1, answer: null },
    persistence: {
      strict: false,
      table: null,
      cookie: { name: 'S', sameSite: 'Strict', httpOnly: false, secure: false },
    },
  })
  expect(b).toMatchObject({
    ejection: null,
    breaker: { fallback: -1, answer: { status: 503, body: 'sorry' } },
    persistence: { cookie: null, table: { cookie: null, by: [{ source: 'client', prefix6: 64 }], idle: 1_800_000 } },
  })
  expect(structuredClone(snapshot)).toEqual(snapshot)
  expect(JSON.stringify(a!.servers[0])).not.toContain('check')
})

test('proxies before and behind arrive as they are configured, backends by index', () => {
  const snapshot = createSnapshot(
    config(`
global: {lame_duck: 20s}
frontends:
  web:
    bind: [':80', {address: ':81', proxy_protocol: optional}]
    trust: {networks: 10.0.0.0/8, field: forwarded}
    health: {path: /up, fail_when: {backend: b, fewer_than: 2}, counted: true}
    forward: {x_forwarded: replace}
    backend: a
  raw: {mode: tcp, bind: ':82', backend: c}
backends:
  a: {servers: ['h:1'], send_proxy: v1}
  b: {servers: ['h:2', 'h:3']}
  c: {servers: ['h:4'], send_proxy: {tlvs: [sni, tls]}}
`),
    context(),
  )
  expect(snapshot.lameDuck).toBe(20_000)
  const [web, raw] = snapshot.frontends
  expect(web).toMatchObject({
    binds: [{ proxy: null }, { proxy: { mode: 'optional', from: ['10.0.0.0/8'], timeout: 3000 } }],
    trust: { networks: ['10.0.0.0/8'], field: 'forwarded' },
    health: { path: '/up', failWhen: [{ backend: 1, fewerThan: 2 }], counted: true },
    forward: { xForwarded: 'replace' },
  })
  expect(raw).toMatchObject({ binds: [{ proxy: null }], trust: { networks: [] }, health: null })
  expect(snapshot.backends.map(({ sendProxy }) => sendProxy)).toEqual([
    { version: 1, tlvs: [] },
    null,
    { version: 2, tlvs: ['sni', 'tls'] },
  ])
  expect(structuredClone(snapshot)).toEqual(snapshot)
})

test('a snapshot is frozen and crosses the thread boundary as it is', () => {
  const snapshot = createSnapshot(config(text), context())
  expect(Object.isFrozen(snapshot.frontends[0]!.binds[0])).toBe(true)
  expect(structuredClone(snapshot)).toEqual(snapshot)
})
