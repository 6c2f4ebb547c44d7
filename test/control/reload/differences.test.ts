// What `weir plan` says of two configurations: everything that differs, by name, and no secret.
import { expect, test } from 'vitest'
import { parseConfig } from '../../../src/config/load.ts'
import type { Config } from '../../../src/config/config.ts'
import { differences, type Live } from '../../../src/control/reload/differences.ts'

function config(yaml: string): Config {
  const loaded = parseConfig(yaml, 'test.yaml')
  if (loaded.config === null) throw new Error(JSON.stringify(loaded.problems))
  return loaded.config
}

const live: Live = { frontend: () => 7, server: (_, name) => (name === 'a' ? 2 : 3) }
const base = `
frontends:
  web: { bind: ["127.0.0.1:8080", "127.0.0.1:8081"], backend: app }
backends:
  app: { servers: { a: 10.0.0.1:80, b: 10.0.0.2:80 } }
`
const changed = (from: string, to: string): readonly string[] =>
  differences(config(base), config(base.replace(from, to)), live).map(
    ({ kind, what, detail, live: touched, needsRestart }) =>
      `${kind} ${what}${detail === '' ? '' : ` ${detail}`} (${touched})${needsRestart ? ' restart' : ''}`,
  )

test('the same twice: nothing', () => {
  expect(changed('', '')).toEqual([])
})

test('servers: added, removed, other weight, other address', () => {
  expect(changed('b: 10.0.0.2:80', 'c: 10.0.0.3:80')).toEqual(['added server app/c (0)', 'removed server app/b (3)'])
  expect(changed('b: 10.0.0.2:80', 'b: { address: 10.0.0.2:80, weight: 3 }')).toEqual([
    'changed server app/b weight: 1 -> 3 (0)',
  ])
  expect(changed('b: 10.0.0.2:80', 'b: 10.0.0.9:81')[0]).toBe(
    'changed server app/b address: 10.0.0.2:80 -> 10.0.0.9:81 (0)',
  )
})

test('binds and frontends', () => {
  expect(changed(', "127.0.0.1:8081"', '')).toEqual(['removed bind web/127.0.0.1:8081 (7)'])
  expect(changed('backend: app }', 'backend: app, max_connections: 5 }')).toEqual([
    'changed frontend web max_connections: null -> 5 (0)',
  ])
  expect(changed('  web:', '  other: { bind: 127.0.0.1:9090, backend: app }\n  web:')).toEqual([
    'added frontend other (0)',
  ])
})

test('backends: what is removed with them is counted, and groups are named without their values', () => {
  const more = base.replace('backends:', 'backends:\n  old: { servers: { a: 10.0.0.5:80, b: 10.0.0.6:80 } }')
  expect(differences(config(more), config(base), live)).toMatchObject([
    { kind: 'removed', what: 'backend old', live: 5 },
  ])
  expect(changed('app: {', 'app: { timeouts: { connect: 1s },')).toEqual(['changed backend app timeouts (0)'])
})

test('what takes effect with a restart only is said to', () => {
  expect(changed('\nfrontends', '\nglobal: { sources: 3000, shutdown_timeout: 1s }\nfrontends')).toEqual([
    expect.stringMatching(/^changed global sources \d+ -> 3000 \(0\) restart$/),
    'changed global shutdown_timeout 30000 -> 1000 (0)',
  ])
})

test('addresses of the process itself and its log change without a restart', () => {
  const moved =
    'admin: 127.0.0.1:9999, control_socket: /a, haproxy_socket: /b, control_group: ops, log: { level: warn }'
  expect(changed('\nfrontends', `\nglobal: { ${moved} }\nfrontends`)).toEqual([
    'changed global admin (0)',
    'changed global control_socket auto -> /a (0)',
    'changed global haproxy_socket null -> /b (0)',
    'changed global control_group null -> ops (0)',
    'changed global log (0)',
  ])
})

test('workers need a restart only where there are more than there is room for', () => {
  const next = config(base.replace('\nfrontends', '\nglobal: { workers: 9 }\nfrontends'))
  const needsRestart = (room: number) => differences(config(base), next, live, room).map((each) => each.needsRestart)
  expect([needsRestart(9), needsRestart(8)]).toEqual([[false], [true]])
})
