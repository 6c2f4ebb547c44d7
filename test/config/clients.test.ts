// What a frontend asks of its clients and their requests: short forms are their long forms, and layers over the defaults.
import { describe, expect, test } from 'vitest'
import type { FrontendConfig } from '../../src/config/config.ts'
import { around, messages, valid } from './support.ts'

const frontend = (text: string, top = ''): FrontendConfig => valid(around({ frontend: text, top })).frontends[0]!
const clients = (text: string, top = '') => frontend(`clients: ${text}`, top).clients

describe('clients', () => {
  test('one network is a list of one, and all are in one spelling', () => {
    expect(clients('{deny: 10.0.0.0/8}')).toEqual(clients('{deny: [10.0.0.0/8]}'))
    expect(clients('{allow: ["2001:DB8:0::/32", 192.0.2.7/32], exempt: "::1"}')).toMatchObject({
      allow: ['2001:db8::/32', '192.0.2.7'],
      exempt: ['::1'],
    })
  })

  test('a rate is a text, or a map with a burst of its own', () => {
    expect(clients('{request_rate: 10/s}')).toEqual(clients('{request_rate: {rate: 10/s}}'))
    expect(clients('{request_rate: {rate: 30/m, burst: 9}, connection_rate: 5/s}')).toMatchObject({
      requestRate: { perSecond: 0.5, burst: 9 },
      connectionRate: { perSecond: 5, burst: 5 },
    })
    expect(clients('{request_rate: off}').requestRate).toBeNull()
  })

  test('options come from the defaults one by one, rates and lists as a whole', () => {
    const top =
      'defaults: {clients: {exempt: [10.0.0.0/8], request_rate: {rate: 5/s, burst: 50}, connections: 7, prefix6: 56}}'
    expect(clients('{request_rate: 9/s, deny: 192.0.2.0/24}', top)).toMatchObject({
      exempt: ['10.0.0.0/8'],
      deny: ['192.0.2.0/24'],
      requestRate: { perSecond: 9, burst: 9 },
      connections: 7,
      prefix6: 56,
    })
    expect(clients('{request_rate: off, exempt: "::1"}', top)).toMatchObject({ requestRate: null, exempt: ['::1'] })
    expect(frontend('', top).clients.requestRate).toEqual({ perSecond: 5, burst: 50 })
  })

  test('a network that is not one is told which it may be, unless it came from the environment', () => {
    expect(messages(around({ frontend: 'clients: {deny: 10.1.2.3/8}' }))).toEqual([
      'Cannot read deny: expected a network, of which all but the first 8 bits are zero, got "10.1.2.3/8"; did you mean "10.0.0.0/8"?',
    ])
    expect(messages(around({ frontend: 'clients: {deny: [10.0.0.0/255.0.0.0, "::1"]}' }))).toEqual([
      expect.stringMatching(
        /^Cannot read item 1 of deny: expected an address or a network .*did you mean "10\.0\.0\.0\/8"\?$/,
      ),
    ])
    const [hidden] = messages(around({ frontend: 'clients: {deny: "${N}"}' }), { N: '10.1.2.3/8' })
    expect(hidden).toContain('(from the environment)')
    expect(hidden).not.toContain('10.')
  })
})

describe('requests', () => {
  test('methods, paths that are never shed and priority', () => {
    expect(frontend('methods: GET').requests.methods).toEqual(['GET'])
    expect(frontend('methods: [GET, M-SEARCH, GET]').requests.methods).toEqual(['GET', 'M-SEARCH'])
    expect(frontend('methods: any', 'defaults: {methods: [GET]}').requests.methods).toBeNull()
    expect(frontend('never_shed: /healthz').requests.neverShed).toEqual(['/healthz'])
    expect(frontend('priority: high, routes: [{path: /a, backend: app, priority: normal}]')).toMatchObject({
      priority: 'high',
      routes: [{ priority: 'normal' }],
    })
    expect(frontend('', 'defaults: {priority: high, methods: [PUT], never_shed: [/a, /b]}')).toMatchObject({
      priority: 'high',
      requests: { methods: ['PUT'], neverShed: ['/a', '/b'] },
    })
  })

  test('normalize_path is off, on with its defaults, or a map', () => {
    const normalized = (text: string, top = '') => frontend(text, top).requests.normalizePath
    const on = { dotSegments: true, mergeSlashes: true, encodedSeparators: 'keep' }
    expect(normalized('')).toBeNull()
    for (const form of ['on', 'true', '{}', '{dot_segments: true}']) {
      expect(normalized(`normalize_path: ${form}`), form).toEqual(on)
    }
    const top = 'defaults: {normalize_path: {encoded_separators: refuse}}'
    expect(normalized('', top)).toEqual({ ...on, encodedSeparators: 'refuse' })
    expect(normalized('normalize_path: {merge_slashes: false}', top)).toEqual({
      ...on,
      mergeSlashes: false,
      encodedSeparators: 'refuse',
    })
    for (const form of ['off', 'false']) expect(normalized(`normalize_path: ${form}`, top), form).toBeNull()
  })

  test('limits of bodies', () => {
    expect(frontend('limits: {body: 1TiB, body_rate: 0B}').limits).toMatchObject({ body: 2 ** 40, bodyRate: 0 })
    expect(frontend('', 'defaults: {limits: {body: 1KiB}}').limits).toMatchObject({ body: 1024, bodyRate: 500 })
  })

  test('CONNECT is told why not', () => {
    expect(messages(around({ frontend: 'methods: [GET, CONNECT]' }))).toEqual([
      expect.stringContaining('a method other than CONNECT, which is always refused'),
    ])
    expect(messages(around({ frontend: 'methods: get' }))).toEqual([expect.stringContaining('a method in capitals')])
  })
})

test('the process: overload and the table of sources', () => {
  const { global } = valid(around({ top: 'global: {overload: {loop_delay: 0s, memory: 75.5%}, sources: 1024}' }))
  expect(global).toMatchObject({ overload: { loopDelay: 0, memory: 75.5, retryAfter: 2 }, sources: 1024 })
})
