// What is wrong or pointless about limits, retries, clients and persistence, at the line and column where a person has to look.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { check, messages } from './support.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-protection-'))
  writeFileSync(join(folder, 'short.key'), '0123456789abcde')
})
afterAll(() => rmSync(folder, { recursive: true }))

const base = `frontends:
  web:
    bind: :8080
    backend: app
backends:
  app:
    servers: [10.0.0.1:80]
`
const withTop = (line: string): string => `${base}${line}\n`
const withFrontend = (lines: string): string => base.replace('    backend: app\n', `    backend: app\n${lines}\n`)
const withBackend = (lines: string): string => `${base}    ${lines}\n`
const tcp = (text: string): string => text.replace('  web:\n', '  web:\n    mode: tcp\n')

type Case = readonly [name: string, text: string, expected: readonly string[]]

const ofClients: readonly Case[] = [
  ['a table of sources that is too small', withTop('global: {sources: 1000}'), ['8:19 OUT_OF_RANGE']],
  ['a Retry-After in words', withTop('global: {overload: {retry_after: 2s}}'), ['8:34 BAD_VALUE']],
  ['memory beyond the whole', withTop('global: {overload: {memory: 101%}}'), ['8:29 OUT_OF_RANGE']],
  [
    'a network in both lists',
    withFrontend('    clients: {allow: [10.0.0.0/8], deny: ["::1", 10.0.0.0/8]}'),
    ['5:50 BAD_VALUE'],
  ],
  ['a single network in both', withFrontend('    clients: {allow: 10.0.0.1, deny: 10.0.0.1/32}'), ['5:38 BAD_VALUE']],
  ['a list that lets everybody in', withFrontend('    clients: {allow: ["::/0", 0.0.0.0/0]}'), ['5:15 NO_EFFECT']],
  ['an empty list', withFrontend('    clients: {allow: []}'), ['5:15 MISSING']],
  [
    'an IPv4 network in the clothes of IPv6',
    withFrontend('    clients: {exempt: "::ffff:10.0.0.1"}'),
    ['5:23 BAD_NETWORK'],
  ],
  ['a prefix beyond the address', withFrontend('    clients: {connections: 5, prefix4: 33}'), ['5:40 OUT_OF_RANGE']],
  ['a rate of nothing', withFrontend('    clients: {connection_rate: 0/s}'), ['5:32 BAD_RATE']],
  ['a burst without its rate', withFrontend('    clients: {request_rate: {burst: 5}}'), ['5:15 MISSING']],
  ['a burst of none', withFrontend('    clients: {request_rate: {rate: 1/s, burst: 0}}'), ['5:48 OUT_OF_RANGE']],
  ['a tarpit without a rate', withFrontend('    clients: {tarpit: 1s, connections: 5}'), ['5:15 NO_EFFECT']],
  [
    'a tarpit beside a rate that is wrong',
    withFrontend('    clients: {tarpit: 1s, request_rate: 5}'),
    ['5:41 BAD_RATE'],
  ],
  ['a prefix without a limit', withFrontend('    clients: {prefix6: 48}'), ['5:15 NO_EFFECT']],
  ['lists of the frontend in the defaults', withTop('defaults: {clients: {deny: 10.0.0.0/8}}'), ['8:22 UNKNOWN_KEY']],
  ['CONNECT among the methods', withFrontend('    methods: [GET, CONNECT]'), ['5:20 BAD_VALUE']],
  ['a method in small letters', withFrontend('    methods: get'), ['5:14 BAD_VALUE']],
  [
    'a separator policy that there is not',
    withFrontend('    normalize_path: {encoded_separators: drop}'),
    ['5:42 BAD_VALUE'],
  ],
  ['a normalization in words', withFrontend('    normalize_path: yes please'), ['5:21 BAD_VALUE']],
  ['a path with a query', withFrontend('    never_shed: [/a, /b?c]'), ['5:22 BAD_VALUE']],
  ['a priority that there is not', withFrontend('    priority: urgent'), ['5:15 BAD_VALUE']],
  ['a body limit beyond all', withFrontend('    limits: {body: 2TiB}'), ['5:20 OUT_OF_RANGE']],
  [
    'options of requests in tcp mode',
    tcp(withFrontend('    methods: GET\n    normalize_path: on\n    never_shed: /a\n    clients: {request_rate: 1/s}')),
    ['6:5 NO_EFFECT', '7:5 NO_EFFECT', '8:5 NO_EFFECT', '9:15 NO_EFFECT'],
  ],
]

const ofBackends: readonly Case[] = [
  [
    'a limit of each above that of all',
    withBackend('max_connections: 5\n    max_connections_per_server: 6'),
    ['9:5 NO_EFFECT'],
  ],
  [
    'a limit of one above that of all',
    withBackend('max_connections: 5').replace('[10.0.0.1:80]', '[{address: a:1, max_connections: 6}]'),
    ['7:30 NO_EFFECT'],
  ],
  ['a queue that nobody gets into', withBackend('queue: {max: 5}'), ['8:5 NO_EFFECT']],
  [
    'the same beside a limit that is wrong',
    withBackend('queue: {max: 5}\n    max_connections: many'),
    ['9:22 BAD_VALUE'],
  ],
  [
    'a queue for the limit of the defaults',
    withBackend('queue: {max: 5}\ndefaults: {max_connections_per_server: 3}'),
    [],
  ],
  ['a queue of the defaults', withTop('defaults: {queue: {max: 5}}'), []],
  ['retries that there are none of', withBackend('retries: 0\n    retry: {on: 503}'), ['9:5 NO_EFFECT']],
  ['a budget of nothing', withBackend('retry: {budget: 0%}'), ['8:21 UNWISE_RULE']],
  ['the same in the defaults', withTop('defaults: {retry: {budget: 0}}'), ['8:28 UNWISE_RULE']],
  ['a status that is none of failure', withBackend('retry: {on: [closed, 302]}'), ['8:26 BAD_VALUE']],
  ['a body beyond what is kept', withBackend('retry: {body: 2MiB}'), ['8:19 OUT_OF_RANGE']],
  ['an ejection by nothing', withBackend('ejection: {failures: 0}'), ['8:5 NO_EFFECT']],
  ['a latency below that of the others', withBackend('ejection: {latency: 1}'), ['8:25 OUT_OF_RANGE']],
  ['a minimum for what is not judged', withBackend('ejection: {min_requests: 9}'), ['8:16 NO_EFFECT']],
  ['a breaker that is always open', withBackend('circuit_breaker: {error_ratio: 0%}'), ['8:36 OUT_OF_RANGE']],
  ['a fallback that is not there', withBackend('circuit_breaker: {fallback: ap}'), ['8:33 UNKNOWN_BACKEND']],
  ['a backend that is its own fallback', withBackend('circuit_breaker: {fallback: app}'), ['8:33 BAD_VALUE']],
  [
    'a fallback that leads back',
    withBackend('circuit_breaker: {fallback: b}\n  b: {servers: [b:1], circuit_breaker: {fallback: app}}'),
    ['8:33 BAD_VALUE'],
  ],
  [
    'a fallback of another mode',
    withBackend('circuit_breaker: {fallback: b}\n  b: {mode: tcp, servers: [b:1]}'),
    ['8:33 MODE_CONFLICT'],
  ],
  [
    'a fallback of a backend that nobody uses',
    withBackend('\n  b: {servers: [b:1], circuit_breaker: {fallback: c}}\n  c: {servers: [c:1]}'),
    ['9:3 UNUSED_BACKEND', '10:3 UNUSED_BACKEND'],
  ],
  [
    'a fallback and an answer',
    withBackend('circuit_breaker: {fallback: b, answer: {}}\n  b: {servers: [b:1]}'),
    ['8:36 BAD_VALUE'],
  ],
  ['a fallback in the defaults', withTop('defaults: {circuit_breaker: {fallback: app}}'), ['8:30 UNKNOWN_KEY']],
  ['an answer in tcp mode', tcp(withBackend('circuit_breaker: {answer: {}}')), ['9:23 NO_EFFECT']],
  ['an answer that has no body', withBackend('circuit_breaker: {answer: {status: 204, body: x}}'), ['8:45 NO_EFFECT']],
  ['an answer that is no end', withBackend('circuit_breaker: {answer: {status: 101}}'), ['8:40 OUT_OF_RANGE']],
  [
    'a content type of two lines',
    withBackend('circuit_breaker: {answer: {content_type: "a/b\\nc: d"}}'),
    ['8:46 BAD_VALUE'],
  ],
  [
    'an answer that is a book',
    withBackend(`circuit_breaker: {answer: {body: ${'x'.repeat(16_385)}}}`),
    ['8:38 BAD_VALUE'],
  ],
  [
    'options of requests in a backend of mode tcp',
    tcp(withBackend('timeouts: {request: 1s}\n    retry: {on: 503, methods: all, body: 1KiB, budget: 5%}')),
    ['9:16 NO_EFFECT', '10:13 NO_EFFECT', '10:22 NO_EFFECT', '10:36 NO_EFFECT'],
  ],
]

const ofPersistence: readonly Case[] = [
  ['no way', withBackend('persistence: {strict: true}'), ['8:18 MISSING']],
  ['two ways', withBackend('persistence: {cookie: A, table: client}'), ['8:30 BAD_VALUE']],
  ['a cookie without a name', withBackend('persistence: {cookie: {mode: insert}}'), ['8:19 MISSING']],
  ['a name that no cookie has', withBackend('persistence: {app_cookie: "a;b"}'), ['8:31 BAD_VALUE']],
  ['a table by what there is not', withBackend('persistence: {table: host}'), ['8:26 BAD_VALUE']],
  [
    'an end of memory where there is none',
    withBackend('persistence: {cookie: A, idle: 1h, entries: 99}'),
    ['8:30 NO_EFFECT', '8:40 NO_EFFECT'],
  ],
  [
    'attributes of a cookie that is the servers own',
    withBackend(
      'persistence: {cookie: {name: A, mode: prefix, indirect: false, max_idle: 1h, path: /a, nocache: false}}',
    ),
    ['8:51 NO_EFFECT', '8:68 NO_EFFECT', '8:82 NO_EFFECT'],
  ],
  [
    'a cookie for all sites without TLS',
    withBackend('persistence: {cookie: {name: A, samesite: none}}'),
    ['8:47 BAD_VALUE'],
  ],
  [
    'a path that would end the attribute',
    withBackend('persistence: {cookie: {name: A, path: "/a;b"}}'),
    ['8:43 BAD_VALUE'],
  ],
  ['a domain that is none', withBackend('persistence: {cookie: {name: A, domain: "a b"}}'), ['8:45 BAD_VALUE']],
  [
    'a key that can be guessed',
    withBackend('persistence: {cookie: {name: A, key_file: short.key}}'),
    ['8:47 BAD_VALUE'],
  ],
  [
    'a key that is not there',
    withBackend('persistence: {cookie: {name: A, key_file: none.key}}'),
    ['8:47 UNREADABLE_FILE'],
  ],
  ['the sni of nobody', withBackend('persistence: {table: sni}'), ['8:26 UNWISE_RULE']],
  ['a cookie in tcp mode', tcp(withBackend('persistence: A')), ['9:18 MODE_CONFLICT']],
  ['a cookie of the application in tcp mode', tcp(withBackend('persistence: {app_cookie: A}')), ['9:19 MODE_CONFLICT']],
  ['a header in tcp mode', tcp(withBackend('persistence: {table: [client, header:A]}')), ['9:35 MODE_CONFLICT']],
  ['persistence in the defaults', withTop('defaults: {persistence: A}'), ['8:12 UNKNOWN_KEY']],
]

describe.each([
  ['clients and requests', ofClients],
  ['backends', ofBackends],
  ['persistence', ofPersistence],
] as const)('%s', (_, cases) => {
  test.each(cases)('%s: found where it stands', (_name, text, expected) => {
    expect(check(text, {}, folder)).toEqual(expected)
  })
})

test('a circle of fallbacks is shown once, as a whole', () => {
  const text = withBackend(`circuit_breaker: {fallback: b}
  b: {servers: [b:1], circuit_breaker: {fallback: c}}
  c: {servers: [c:1], circuit_breaker: {fallback: app}}`)
  expect(messages(text)).toEqual(['The fallback b leads back: app -> b -> c -> app'])
})

describe('two backends with one cookie', () => {
  const two = (one: string, other: string, servers = '[a:1]'): string => `frontends:
  web: {bind: :80, routes: [{path: /b, backend: b}], backend: a}
backends:
  a: {servers: [a:1], persistence: ${one}}
  b: {servers: ${servers}, persistence: ${other}}
`
  test('undo each other behind one frontend', () => {
    expect(check(two('S', '{cookie: S}'))).toEqual(['5:36 UNWISE_RULE'])
  })

  test('do not when names or paths differ, when they share a key and servers, or when frontends differ', () => {
    expect(check(two('S', 'T'))).toEqual([])
    expect(check(two('S', '{cookie: {name: S, path: /b}}'))).toEqual([])
    writeFileSync(join(folder, 'shared.key'), '0123456789abcdef')
    const shared = '{cookie: {name: S, key_file: shared.key}}'
    expect(check(two(shared, shared), {}, folder)).toEqual([])
    expect(check(two(shared, shared, '[b:1]'), {}, folder)).toEqual(['5:36 UNWISE_RULE'])
    const apart = two('S', 'S').replace(
      'routes: [{path: /b, backend: b}], backend: a}',
      "backend: a}\n  more: {bind: ':81', backend: b}",
    )
    expect(check(apart)).toEqual([])
  })
})
