// What is written and what comes of it: short forms are their long forms, defaults are filled in layer by layer.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BackendConfig, FrontendConfig } from '../../src/config/config.ts'
import { makeCertificate } from '../support/certificates.ts'
import { around, valid } from './support.ts'

let folder: string
let key: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weir-forms-'))
  const made = await makeCertificate({ names: ['a.test', '*.b.test'] })
  key = made.key
  writeFileSync(join(folder, 'both.pem'), made.cert + made.key)
  writeFileSync(join(folder, 'a.crt'), made.cert)
  writeFileSync(join(folder, 'a.key'), made.key)
})
afterAll(() => rmSync(folder, { recursive: true }))

const frontend = (text: string, top = ''): FrontendConfig =>
  valid(around({ frontend: text, top }), {}, folder).frontends[0]!
const backend = (text: string, top = ''): BackendConfig =>
  valid(around({ backend: text, top }), {}, folder).backends[0]!
const servers = (text: string, more = '') =>
  valid(around({ servers: text, backend: more }), {}, folder).backends[0]!.servers
const bind = (text: string) =>
  valid(`frontends: {web: {bind: ${text}, backend: app}}\nbackends: {app: {servers: [a:1]}}`, {}, folder).frontends[0]!
    .binds

test('the smallest configuration has every default', () => {
  const config = valid(around())
  expect(config.global).toEqual({
    workers: 'auto',
    maxConnections: 'auto',
    shutdownTimeout: 30_000,
    lameDuck: 0,
    overload: { loopDelay: 200, memory: 90, retryAfter: 2 },
    sources: 65_536,
    zone: null,
    admin: { host: '127.0.0.1', port: 9180, byDefault: true },
    controlSocket: 'auto',
    controlGroup: null,
    haproxySocket: null,
    certificateStore: null,
    ticketKeys: { file: null, rotation: 43_200_000 },
    watch: false,
    log: { level: 'info', target: 'stderr' },
    accessLog: null,
  })
  expect(config.frontends).toEqual([
    {
      name: 'web',
      mode: 'http',
      binds: [{ id: 'web/[::]:8080', host: '::', port: 8080, path: null, proxy: null, tls: null, backend: null }],
      maxConnections: null,
      accessLog: true,
      timeouts: {
        clientHeader: 10_000,
        clientIdle: 60_000,
        bodyGrace: 20_000,
        keepAlive: 75_000,
        tlsHandshake: 10_000,
      },
      limits: { head: 16_384, fields: 100, target: 8192, body: 0, bodyRate: 500 },
      priority: 'normal',
      clients: {
        allow: null,
        deny: [],
        exempt: [],
        prefix4: 32,
        prefix6: 64,
        connections: 0,
        connectionRate: null,
        requestRate: null,
        tarpit: 0,
      },
      trust: { networks: [], field: 'x-forwarded-for' },
      health: null,
      requests: { methods: null, normalizePath: null, neverShed: [] },
      forward: { xForwarded: 'append', requestId: 'keep', via: null },
      routes: [],
      backend: 'app',
    },
  ])
  const target = { host: '10.0.0.1', port: 80, path: null, tls: null }
  expect(config.backends).toEqual([
    {
      name: 'app',
      mode: 'http',
      balance: {
        algorithm: 'adaptive',
        file: null,
        options: { choices: 2, table: 'maglev', bound: 1.25, limit: 100, decay: 10_000 },
        key: [],
      },
      pool: { minHealthy: 1, panic: 0, subset: 0 },
      slowStart: 10_000,
      healthCheck: { interval: 2000, timeout: 1000, rise: 2, fall: 3, fastInterval: 1000, http: null },
      servers: [{ ...target, name: '10.0.0.1:80', weight: 1, maxConnections: 0, tier: 0, zone: null, check: target }],
      sendProxy: null,
      timeouts: {
        connect: 5000,
        serverResponse: 60_000,
        serverIdle: 60_000,
        tunnel: 3_600_000,
        idleConnection: 30_000,
        request: 0,
      },
      maxConnections: 0,
      queue: { max: 1000, timeout: 5000 },
      retries: 3,
      retry: {
        closed: true,
        timeout: false,
        statuses: [],
        methods: 'idempotent',
        body: 16_384,
        budget: 20,
        backoff: 100,
      },
      ejection: { failures: 5, errorRatio: 0, latency: 0, minRequests: 20, time: 10_000, max: 50 },
      breaker: null,
      persistence: null,
      idleConnections: 256,
    },
  ])
})

test('a configuration is frozen all the way down', () => {
  const config = valid(around({ frontend: 'tls: both.pem' }), {}, folder)
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    expect(Object.isFrozen(value)).toBe(true)
    Object.values(value).forEach(walk)
  }
  walk(config)
})

describe('binds', () => {
  test.each([
    ['8080', '::', 8080],
    ['":8080"', '::', 8080],
    ['"*:8080"', '::', 8080],
    ['"[::]:8080"', '::', 8080],
    ['0.0.0.0:80', '0.0.0.0', 80],
    ['127.0.0.1:0', '127.0.0.1', 0],
    ['"[0:0::1]:80"', '::1', 80],
  ])('%s', (text, host, port) => {
    expect(bind(text)).toMatchObject([{ host, port, path: null }])
    expect(bind(`[${text}]`)).toEqual(bind(text))
    expect(bind(`{address: ${text}}`)).toEqual(bind(text))
  })

  test('a unix socket is a path, relative to the file', () => {
    expect(bind('unix:web.sock')).toEqual([
      {
        id: `web/unix:${folder}/web.sock`,
        host: null,
        port: 0,
        path: `${folder}/web.sock`,
        proxy: null,
        tls: null,
        backend: null,
      },
    ])
    expect(bind('/run/web.sock')).toMatchObject([{ path: '/run/web.sock' }])
  })

  test('ids differ, also where the system chooses the ports', () => {
    expect(bind('[127.0.0.1:0, 127.0.0.1:0]').map(({ id }) => id)).toEqual(['web/127.0.0.1:0', 'web/127.0.0.1:0#2'])
  })

  test('all forms of a certificate come to the same', () => {
    const forms = [
      'both.pem',
      '{certificate: both.pem}',
      '{certificate: [both.pem]}',
      '{certificate: a.crt, key: a.key}',
      '{certificate: {cert: a.crt, key: a.key}}',
      '{certificate: [{cert: a.crt, key: a.key}]}',
    ]
    for (const form of forms) {
      const [tls] = frontend(`tls: ${form}`).binds.map((each) => each.tls)
      expect(tls).toMatchObject({ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3', ciphers: null, alpn: ['http/1.1'] })
      expect(tls!.certificates).toMatchObject([
        { kind: 'file', certificate: { names: ['a.test', '*.b.test'], keyType: 'ec', key } },
      ])
    }
  })

  test('tls of the frontend is for all binds, except where a bind says otherwise', () => {
    const [plain, own, shared] = valid(
      'frontends: {web: {bind: [{address: ":80", tls: off}, {address: ":81", tls: {certificate: both.pem, min_version: TLSv1.3}}, ":82"], tls: both.pem, backend: app}}\nbackends: {app: {servers: [a:1]}}',
      {},
      folder,
    ).frontends[0]!.binds
    expect(plain!.tls).toBeNull()
    expect(own!.tls!.minVersion).toBe('TLSv1.3')
    expect(shared!.tls!.minVersion).toBe('TLSv1.2')
  })
})

describe('servers', () => {
  test('a list, a list with options and a map of names come to the same', () => {
    const expected = servers('[{address: a.test:80}, {address: "[::1]:81"}]')
    expect(servers('[a.test:80, "[::1]:81"]')).toEqual(expected)
    const named = servers('[{name: one, address: a.test:80}, {name: two, address: "[::1]:81", weight: 2}]')
    expect(servers('{one: a.test:80, two: {address: "[::1]:81", weight: 2}}')).toEqual(named)
    expect(expected.map(({ name }) => name)).toEqual(['a.test:80', '[::1]:81'])
  })

  test('a scheme says the port and whether there is TLS', () => {
    const tls = { verify: true, ca: null, serverName: null }
    expect(servers('["https://a.test", "http://b.test", "https://c.test:8443/"]')).toMatchObject([
      { host: 'a.test', port: 443, tls, name: 'a.test:443' },
      { host: 'b.test', port: 80, tls: null },
      { host: 'c.test', port: 8443, tls },
    ])
  })

  test('tls comes from the server, the scheme, the backend, in this order', () => {
    const [shared, off, own, plain] = servers(
      '[a:1, {address: b:1, tls: false}, {address: c:1, tls: {server_name: own.test}}, "http://d"]',
      'tls: {verify: none, server_name: shared.test}',
    )
    const tls = { verify: false, ca: null, serverName: 'shared.test', pins: [], certificate: null }
    expect(shared!.tls).toEqual(tls)
    expect(off!.tls).toBeNull()
    expect(own!.tls).toEqual({ ...tls, serverName: 'own.test' })
    expect(plain!.tls).toBeNull()
  })

  test('checks go where the options say', () => {
    const check = 'health_check: {port: 9, tls: true}'
    const tls = { verify: true, ca: null, serverName: null, pins: [], certificate: null }
    expect(servers('[a:1, {address: b:1, check_port: 8}, /run/c.sock]', check).map((server) => server.check)).toEqual([
      { host: 'a', port: 9, path: null, tls },
      { host: 'b', port: 8, path: null, tls },
      { host: null, port: 0, path: '/run/c.sock', tls },
    ])
    expect(servers('["https://a"]', 'health_check: {tls: false}')[0]!.check.tls).toBeNull()
  })
})

describe('health checks', () => {
  const check = (text: string, defaults?: string) =>
    backend(`health_check: ${text}`, defaults && `defaults: {health_check: ${defaults}}`).healthCheck

  test.each([
    ['/healthz', '{type: http, path: /healthz}'],
    ['/healthz', '{path: /healthz}'],
    ['http', '{type: http}'],
    ['http', '{method: GET, path: /, expect: 200-399}'],
    ['tcp', '{type: tcp}'],
    ['tcp', '{}'],
    ['{expect: 200}', '{expect: ["200-200"]}'],
  ])('%s is %s', (short, long) => {
    expect(check(short)).toEqual(check(long))
  })

  test('off is none, whatever the defaults say; and the other way round', () => {
    expect(check('off', '/healthz')).toBeNull()
    expect(check('/healthz', 'off')).not.toBeNull()
    expect(backend('', 'defaults: {health_check: off}').healthCheck).toBeNull()
  })

  test('options come from the defaults one by one', () => {
    expect(check('/a', '{path: /b, interval: 5s, expect: [200, 204-205]}')).toMatchObject({
      interval: 5000,
      http: {
        path: '/a',
        expect: [
          [200, 200],
          [204, 205],
        ],
      },
    })
    expect(check('tcp', '/b')!.http).toBeNull()
  })

  test('the fast interval is never the longer one', () => {
    expect(check('{interval: 500ms}')!.fastInterval).toBe(500)
    expect(check('{interval: 10s}')!.fastInterval).toBe(1000)
  })
})

test('other short forms', () => {
  const log = (text: string) => valid(around({ top: `global: {access_log: ${text}}` }), {}, folder).global.accessLog
  expect(log('stdout')).toEqual(log('{format: json, target: stdout}'))
  expect(log('access.log')).toEqual({ format: 'json', target: join(folder, 'access.log') })
  expect(log('off')).toBeNull()
  const admin = (text: string | number) => valid(around({ top: `global: {admin: ${text}}` })).global.admin
  expect(admin(0)).toEqual({ host: '127.0.0.1', port: 0, byDefault: false })
  expect(admin('"[::1]:9"')).toEqual({ host: '::1', port: 9, byDefault: false })
  expect(admin('off')).toBeNull()
})

test('what is said wins over the defaults, option by option', () => {
  const top =
    'defaults: {retries: 1, max_connections: 5, timeouts: {connect: 1s, keep_alive: 2s, client_idle: 3s}, forward: {via: lb}, limits: {head: 2048}}'
  expect(backend('timeouts: {tunnel: 9s}', top)).toMatchObject({
    retries: 1,
    timeouts: { connect: 1000, tunnel: 9000 },
  })
  expect(frontend('timeouts: {keep_alive: 4s}, limits: {fields: 7}', top)).toMatchObject({
    maxConnections: 5,
    timeouts: { keepAlive: 4000, clientIdle: 3000 },
    limits: { head: 2048, fields: 7 },
    forward: { via: 'lb' },
  })
})

test('the mode of a backend is that of its frontends', () => {
  expect(valid(around({ frontend: 'mode: tcp' })).backends[0]!.mode).toBe('tcp')
  expect(
    valid(around({ top: 'defaults: {mode: tcp}' }).replace(', backend: app', ', backend: app, mode: http')).backends[0]!
      .mode,
  ).toBe('http')
})

test('routes are lower-cased and keep their order', () => {
  const { routes } = frontend('routes: [{host: "*.A.test", path: /x, backend: app}, {host: a.test, backend: app}]')
  expect(routes).toEqual([
    { host: '*.a.test', path: '/x', backend: 'app', priority: null },
    { host: 'a.test', path: null, backend: 'app', priority: null },
  ])
})

test('any list of servers is the same as the map of their names', () => {
  const server = fc.record({
    name: fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/),
    port: fc.integer({ min: 1, max: 65_535 }),
    weight: fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined }),
    backup: fc.option(fc.boolean(), { nil: undefined }),
    zone: fc.option(fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,8}$/), { nil: undefined }),
  })
  const unique = fc.uniqueArray(server, {
    minLength: 1,
    maxLength: 8,
    selector: ({ name }) => name,
    comparator: 'SameValue',
  })
  fc.assert(
    fc.property(unique, (list) => {
      const long = list.map(({ name, port, ...rest }, i) => ({ name, address: `10.0.0.${i}:${port}`, ...rest }))
      const map = Object.fromEntries(long.map(({ name, ...rest }) => [name, rest]))
      expect(servers(JSON.stringify(map))).toEqual(servers(JSON.stringify(long)))
    }),
    { numRuns: 50 },
  )
})
