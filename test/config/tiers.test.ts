// Proxies before and behind: short forms are their long forms, a bind goes before its frontend, and nobody is trusted silently.
import { describe, expect, test } from 'vitest'
import type { BackendConfig, FrontendConfig, GlobalConfig } from '../../src/config/config.ts'
import { around, check, messages, valid } from './support.ts'

const frontend = (text: string, top = ''): FrontendConfig => valid(around({ frontend: text, top })).frontends[0]!
const backend = (text: string): BackendConfig => valid(around({ backend: text })).backends[0]!
const global = (text: string): GlobalConfig => valid(around({ top: `global: {${text}}` })).global

describe('trust', () => {
  test('one network, a list, or a map with the field', () => {
    const expected = { networks: ['10.0.0.0/8'], field: 'x-forwarded-for' }
    for (const form of ['10.0.0.0/8', '[10.0.0.0/8]', '{networks: 10.0.0.0/8}', '{networks: [10.0.0.0/8, 10.0.0.0/8]}'])
      expect(frontend(`trust: ${form}`).trust, form).toEqual(expected)
    expect(frontend('trust: {networks: ["2001:DB8::/32"], field: forwarded}').trust).toEqual({
      networks: ['2001:db8::/32'],
      field: 'forwarded',
    })
  })

  test('nobody is trusted by default', () => {
    expect(frontend('').trust.networks).toEqual([])
    expect(frontend('behind: elb').trust.networks).toEqual([])
  })
})

describe('proxy_protocol', () => {
  const proxies = (bind: string, more: string) =>
    valid(
      `frontends: {web: {bind: ${bind}, backend: app, ${more}}}\nbackends: {app: {servers: [a:1]}}`,
    ).frontends[0]!.binds.map(({ proxy }) => proxy)
  const trusting = 'trust: 10.0.0.0/8'
  const required = { mode: 'required', from: ['10.0.0.0/8'], timeout: 3000 }

  test('a word is a map with the mode, and the networks are those of trust', () => {
    for (const form of ['required', '{}', '{mode: required}', '{from: 10.0.0.0/8}', '{timeout: 3s}'])
      expect(proxies('":80"', `${trusting}, proxy_protocol: ${form}`), form).toEqual([required])
    expect(proxies('":80"', `${trusting}, proxy_protocol: optional`)).toEqual([{ ...required, mode: 'optional' }])
    expect(proxies('":80"', 'proxy_protocol: {from: "::1", timeout: 500ms}')).toEqual([
      { mode: 'required', from: ['::1'], timeout: 500 },
    ])
    for (const form of ['proxy_protocol: off', '']) expect(proxies('":80"', `${trusting}, ${form}`)).toEqual([null])
  })

  test('a bind goes before its frontend, option by option', () => {
    const binds =
      '[":80", {address: ":81", proxy_protocol: off}, {address: ":82", proxy_protocol: optional}, {address: ":83", proxy_protocol: {from: "::1"}}]'
    const shared = 'proxy_protocol: {mode: required, from: 10.0.0.0/8, timeout: 1s}'
    const all = { ...required, timeout: 1000 }
    expect(proxies(binds, shared)).toEqual([all, null, { ...all, mode: 'optional' }, { ...all, from: ['::1'] }])
    expect(proxies(binds, trusting)).toEqual([
      null,
      null,
      { ...required, mode: 'optional' },
      { ...required, from: ['::1'] },
    ])
  })

  test('a unix socket needs no networks', () => {
    expect(proxies('/run/w.sock', 'proxy_protocol: required')).toEqual([{ ...required, from: [] }])
  })
})

describe('health', () => {
  const routed = 'routes: [{path: /b, backend: b}, {path: /c, backend: app}]'
  const health = (text: string) =>
    valid(around({ frontend: text }).replace('backends: {', 'backends: {b: {servers: [b:1, b:2]}, ')).frontends[0]!
      .health

  test('a path alone is about every backend of the frontend', () => {
    const conditions = [
      { backend: 'b', fewerThan: 1 },
      { backend: 'app', fewerThan: 1 },
    ]
    for (const form of ['/up', '{path: /up}', '{path: /up, fail_when: [{backend: b}, {backend: app, fewer_than: 1}]}'])
      expect(health(`${routed}, health: ${form}`), form).toEqual({ path: '/up', failWhen: conditions, counted: false })
    for (const form of ['health: off, ', '']) expect(health(`${form}${routed}`)).toBeNull()
  })

  test('conditions are one, a list, or none', () => {
    const of = (text: string) => health(`${routed}, health: {path: /up, counted: true, fail_when: ${text}}`)
    expect(of('{backend: b, fewer_than: 2}')).toEqual({
      path: '/up',
      failWhen: [{ backend: 'b', fewerThan: 2 }],
      counted: true,
    })
    expect(of('[]')!.failWhen).toEqual([])
  })

  test('a frontend may be there for checks alone', () => {
    const text = (fail: string) =>
      `frontends: {checks: {bind: ":81", health: {path: /up${fail}}}, web: {bind: ":80", backend: app}}\nbackends: {app: {servers: [a:1]}}`
    expect(valid(text(', fail_when: {backend: app}')).frontends[0]).toMatchObject({ backend: null, routes: [] })
    expect(messages(text(''))).toEqual([
      'health of checks has no "fail_when": there is no backend whose servers it could look at',
    ])
  })
})

test('x_forwarded is a mode, or true and false for two of them', () => {
  const mode = (text: string, top = '') => frontend(`forward: {${text}}`, top).forward.xForwarded
  expect([mode(''), mode('x_forwarded: true'), mode('x_forwarded: append')]).toEqual(['append', 'append', 'append'])
  expect([mode('x_forwarded: false'), mode('x_forwarded: preserve')]).toEqual(['preserve', 'preserve'])
  expect(mode('x_forwarded: replace', 'defaults: {forward: {x_forwarded: remove}}')).toBe('replace')
  expect(mode('', 'defaults: {forward: {x_forwarded: remove}}')).toBe('remove')
  expect(messages(around({ frontend: 'forward: {x_forwarded: apend}' })).join()).toContain('did you mean "append"?')
})

test('send_proxy: a word is a map with the version', () => {
  expect(backend('').sendProxy).toBeNull()
  expect(backend('send_proxy: off').sendProxy).toBeNull()
  expect(backend('send_proxy: v1').sendProxy).toEqual({ version: 1, tlvs: [] })
  expect(backend('send_proxy: {version: 1}').sendProxy).toEqual({ version: 1, tlvs: [] })
  for (const form of ['v2', '{}', '{version: 2}', '{tlvs: []}'])
    expect(backend(`send_proxy: ${form}`).sendProxy, form).toEqual({ version: 2, tlvs: [] })
  expect(backend('send_proxy: {tlvs: [unique_id, sni, sni]}').sendProxy!.tlvs).toEqual(['sni', 'unique_id'])
})

describe('behind an ELB', () => {
  const quiet = 'global: {lame_duck: 0s}'
  const elb = (text: string, top = '') =>
    frontend(`behind: elb, trust: 10.0.0.0/8${text && `, ${text}`}`, `${quiet}\n${top}`)

  test('presets go before the defaults, and what the frontend says goes before them', () => {
    const top = 'defaults: {timeouts: {keep_alive: 5s}, forward: {x_forwarded: remove}}'
    for (const each of [elb(''), elb('', top)]) {
      expect(each.timeouts.keepAlive).toBe(75_000)
      expect(each.forward.xForwarded).toBe('append')
      expect(each.health).toEqual({ path: '/healthz', failWhen: [{ backend: 'app', fewerThan: 1 }], counted: false })
    }
    expect(elb('', 'defaults: {timeouts: {keep_alive: 2m}}').timeouts.keepAlive).toBe(120_000)
    expect(elb('timeouts: {keep_alive: 61s}, health: off, forward: {x_forwarded: replace}')).toMatchObject({
      timeouts: { keepAlive: 61_000 },
      health: null,
      forward: { xForwarded: 'replace' },
    })
    expect(elb('health: /up').health!.path).toBe('/up')
  })

  test('in tcp mode there is nothing to preset', () => {
    const text = around({ frontend: 'behind: elb, mode: tcp', backend: 'timeouts: {tunnel: 350s}', top: quiet })
    expect(valid(text).frontends[0]).toMatchObject({ health: null, timeouts: { keepAlive: 75_000 } })
  })
})

test('the process: lame duck, sockets and the watch', () => {
  expect(global('')).toMatchObject({ lameDuck: 0, controlGroup: null, haproxySocket: null, watch: false })
  expect(global('lame_duck: 20s, control_group: adm, haproxy_socket: h.sock, watch: true')).toMatchObject({
    lameDuck: 20_000,
    controlGroup: 'adm',
    haproxySocket: '/nowhere/h.sock',
    watch: true,
  })
  for (const form of ['1000', '"1000"']) expect(global(`control_group: ${form}`).controlGroup).toBe(1000)
  expect(global('haproxy_socket: "unix:/run/h.sock"').haproxySocket).toBe('/run/h.sock')
})

describe('problems', () => {
  const base = `frontends:
  web:
    bind: :8080
    backend: app
backends:
  app:
    servers: [10.0.0.1:80]
`
  const withFrontend = (lines: string): string => base.replace('    backend: app\n', `    backend: app\n${lines}\n`)
  const withGlobal = (text: string): string => `${base}global: {${text}}\n`
  const tcp = (text: string): string => text.replace('  web:\n', '  web:\n    mode: tcp\n')
  const elb = (lines: string): string => `${withFrontend(lines)}global: {lame_duck: 1s}\n`
  const tunnel = '    timeouts: {tunnel: 350s}\n'

  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    ['a PROXY header from anybody', withFrontend('    proxy_protocol: required'), ['5:5 MISSING']],
    ['the same on a bind', base.replace(':8080', '{address: ":80", proxy_protocol: optional}'), ['3:28 MISSING']],
    ['everybody, said so', withFrontend('    proxy_protocol: {from: [0.0.0.0/0]}'), ['5:22 UNWISE_RULE']],
    ['trust in everybody', withFrontend('    trust: "::/0"'), ['5:5 UNWISE_RULE']],
    [
      'networks that are wrong, and no more',
      withFrontend('    proxy_protocol: {from: [10.0.0.1/8]}'),
      ['5:29 BAD_NETWORK'],
    ],
    ['the same in trust', withFrontend('    proxy_protocol: required\n    trust: 10.0.0.1/8'), ['6:12 BAD_NETWORK']],
    ['trust without networks', withFrontend('    trust: {field: forwarded}'), ['5:5 MISSING']],
    ['a word that there is not', withFrontend('    proxy_protocol: on'), ['5:21 BAD_VALUE']],
    ['a version that there is not', tcp(`${base}    send_proxy: {version: 3}\n`), ['9:27 OUT_OF_RANGE']],
    ['more than version 1 can say', tcp(`${base}    send_proxy: {version: 1, tlvs: [sni]}\n`), ['9:30 NO_EFFECT']],
    ['a TLV that there is not', tcp(`${base}    send_proxy: {tlvs: [sni, sn]}\n`), ['9:30 BAD_VALUE']],
    ['headers to servers of requests', `${base}    send_proxy: v2\n`, ['8:5 UNWISE_RULE']],
    ['trust in tcp mode', tcp(withFrontend('    trust: 10.0.0.0/8')), ['6:5 NO_EFFECT']],
    [
      'a field in tcp mode',
      tcp(withFrontend('    trust: {networks: 10.0.0.0/8, field: forwarded}\n    proxy_protocol: required')),
      ['6:35 NO_EFFECT'],
    ],
    ['a health endpoint in tcp mode', tcp(withFrontend('    health: /up')), ['6:5 MODE_CONFLICT']],
    ['one that is off in tcp mode', tcp(withFrontend('    health: off')), []],
    ['a health path with a query', withFrontend('    health: /up?x'), ['5:13 BAD_VALUE']],
    [
      'conditions on what is not there',
      withFrontend(
        '    health: {path: /up, fail_when: [{backend: ap}, {fewer_than: 1}, {backend: app, fewer_than: 2}]}',
      ),
      ['5:47 UNKNOWN_BACKEND', '5:52 MISSING', '5:96 UNWISE_RULE'],
    ],
    [
      'a condition of nothing',
      withFrontend('    health: {path: /up, fail_when: {backend: app, fewer_than: 0}}'),
      ['5:63 OUT_OF_RANGE'],
    ],
    ['an ELB without trust and lame duck', withFrontend('    behind: elb'), ['5:13 ELB_MISMATCH', '5:13 ELB_MISMATCH']],
    ['an ELB that tells by PROXY headers', elb('    behind: elb\n    proxy_protocol: {from: 10.0.0.0/8}'), []],
    [
      'keep-alive below that of an ELB',
      elb('    behind: elb\n    trust: 10.0.0.0/8\n    timeouts: {keep_alive: 60s}'),
      ['7:28 ELB_MISMATCH'],
    ],
    [
      'an NLB without PROXY headers',
      tcp(elb('    behind: elb').replace('global', `${tunnel}global`)),
      ['6:13 ELB_MISMATCH'],
    ],
    [
      'the same, said so',
      tcp(elb('    behind: elb\n    proxy_protocol: off').replace('global', `${tunnel}global`)),
      [],
    ],
    [
      'a tunnel beyond the memory of an NLB',
      tcp(elb('    behind: elb\n    proxy_protocol: off')),
      ['6:13 ELB_MISMATCH'],
    ],
    [
      'the same where it is written',
      tcp(`${elb('    behind: elb\n    proxy_protocol: off')}defaults: {timeouts: {tunnel: 6m}}\n`),
      ['12:31 ELB_MISMATCH'],
    ],
    ['a lame duck beyond its bounds', withGlobal('lame_duck: 2h'), ['8:21 OUT_OF_RANGE']],
    ['a group that is none', withGlobal('control_group: "a b"'), ['8:25 BAD_VALUE']],
    ['a group of no socket', withGlobal('control_group: adm, control_socket: off'), ['8:10 NO_EFFECT']],
    ['one socket for two languages', withGlobal('control_socket: /a, haproxy_socket: /a'), ['8:46 BIND_CONFLICT']],
    [
      'a socket that a frontend has',
      `${base.replace(':8080', '/run/a')}global: {haproxy_socket: /run/a}\n`,
      ['3:11 BIND_CONFLICT'],
    ],
  ]

  test.each(cases)('%s: found where it stands', (_, text, expected) => {
    expect(check(text)).toEqual(expected)
  })
})
