// `balance` and what is around it: its forms come to the same, keys, layers over the defaults, and what is unwise.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BackendConfig } from '../../src/config/config.ts'
import { readers } from '../../src/config/schema-balance.ts'
import { balancerNames, keyedBalancers, keySources, type KeyPart } from '../../src/model/balancers.ts'
import { makeCertificate } from '../support/certificates.ts'
import { around, check, messages, valid } from './support.ts'

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weir-balance-'))
  const { cert, key } = await makeCertificate({ names: ['a.test'] })
  writeFileSync(join(folder, 'site.pem'), cert + key)
  writeFileSync(join(folder, 'mine.ts'), 'export default {}')
})
afterAll(() => rmSync(folder, { recursive: true }))

const backend = (text: string, top = ''): BackendConfig =>
  valid(around({ backend: text, top }), {}, folder).backends[0]!
const balance = (text: string) => backend(`balance: ${text}`).balance
const key = (text: string) => balance(`{algorithm: hash, key: ${text}}`).key
const codes = (parts: Parameters<typeof around>[0]): string[] =>
  check(around(parts), {}, folder).map((each) => each.split(' ')[1]!)

const clientPart: KeyPart = { source: 'client', name: '', prefix4: 32, prefix6: 64, depth: 0, length: 0 }

describe('forms', () => {
  test.each(balancerNames)('%s alone is the map with nothing but its name, and passes without a word', (name) => {
    expect(balance(name)).toEqual(balance(`{algorithm: ${name}}`))
    expect(balance(name).algorithm).toBe(name)
    expect(codes({ backend: `balance: ${name}` })).toEqual([])
  })

  test('an algorithm has a key exactly when it follows one', () => {
    for (const name of balancerNames) {
      expect(balance(name).key, name).toEqual(keyedBalancers.has(name) ? [clientPart] : [])
    }
  })

  test('every option is read by an algorithm that there is', () => {
    for (const names of Object.values(readers)) {
      expect([...names].filter((name) => !(balancerNames as readonly string[]).includes(name))).toEqual([])
    }
  })

  test('options have their defaults one by one', () => {
    expect(balance('{algorithm: peak-ewma, decay: 1m}').options).toEqual({
      choices: 2,
      table: 'maglev',
      bound: 1.25,
      limit: 100,
      decay: 60_000,
    })
  })

  test('a file is a path from the folder of the configuration, and may have all options', () => {
    const own = balance('{file: ./mine.ts, choices: 4, table: ring, bound: 2, limit: 5, decay: 1s, key: path}')
    expect(own).toMatchObject({ algorithm: 'mine.ts', file: join(folder, 'mine.ts'), key: [{ source: 'path' }] })
    expect(own.options).toEqual({ choices: 4, table: 'ring', bound: 2, limit: 5, decay: 1000 })
    expect(codes({ backend: 'balance: {file: mine.ts, choices: 4}' })).toEqual([])
    expect(balance('{file: mine.ts}').key).toEqual([clientPart])
  })
})

describe('keys', () => {
  test.each([
    ['client', '{source: client}'],
    ['client', '[client]'],
    ['client', '{source: client, prefix4: 32, prefix6: 64}'],
    ['header:X-User', '{source: header, name: x-user}'],
    ['cookie:sid', '[{source: cookie, name: sid}]'],
    ['"query:user[id]"', '{source: query, name: "user[id]"}'],
    ['[path, header:A]', '[{source: path, depth: 0, length: 0}, {source: header, name: A}]'],
  ])('%s is %s', (short, long) => {
    expect(key(short)).toEqual(key(long))
  })

  test('any key in short form is the same key in its long form', () => {
    const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,12}$/)
    const part = fc
      .record({ source: fc.constantFrom(...keySources.filter((each) => each !== 'sni')), name })
      .map(({ source, name: word }) =>
        ['header', 'cookie', 'query'].includes(source)
          ? { short: `${source}:${word}`, long: { source, name: word } }
          : { short: source, long: { source } },
      )
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
        const short = key(JSON.stringify(parts.map((each) => each.short)))
        expect(short).toEqual(key(JSON.stringify(parts.map((each) => each.long))))
        expect(short.map(({ source }) => source)).toEqual(parts.map(({ long }) => long.source))
      }),
      { numRuns: 50 },
    )
  })

  test('names of header fields are in lower case, others as they are', () => {
    expect(key('[header:X-User, cookie:Sid, query:Id]').map(({ name }) => name)).toEqual(['x-user', 'Sid', 'Id'])
  })

  test('source takes prefixes of the client address', () => {
    expect(balance('{algorithm: source, key: {source: client, prefix4: 24, prefix6: 56}}').key).toEqual([
      { ...clientPart, prefix4: 24, prefix6: 56 },
    ])
  })

  test('a slip of the fingers is told the right form', () => {
    const told = (text: string) => messages(around({ backend: `balance: {algorithm: hash, key: ${text}}` }))
    expect(told('heder:X-User')).toEqual([expect.stringContaining('(did you mean "header:NAME"?)')])
    expect(told('client:24')).toEqual([expect.stringContaining('expected "client" alone')])
    expect(told('"query:a&b"')).toEqual([expect.stringContaining('the name of a parameter')])
  })
})

describe('layers', () => {
  test('what a backend says of balance replaces what the defaults say', () => {
    const top = 'defaults: {balance: {algorithm: p2c, choices: 5}}'
    expect(backend('', top).balance).toMatchObject({ algorithm: 'p2c', options: { choices: 5 } })
    expect(backend('balance: {algorithm: p2c}', top).balance.options.choices).toBe(2)
  })

  test('the rules around it come from the defaults one by one', () => {
    const top = 'defaults: {min_healthy: 3, panic: 50%, slow_start: 1m, subset: 20}'
    expect(backend('panic: 12.5, slow_start: 0s', top)).toMatchObject({
      pool: { minHealthy: 3, panic: 12.5, subset: 20 },
      slowStart: 0,
    })
  })

  test('what is wrong in the defaults is said once, whoever uses it', () => {
    const text = `defaults: {balance: {algorithm: hash, choices: 3, key: {source: path, name: x}}}
frontends: {web: {bind: ":80", backend: a, routes: [{path: /b, backend: b}]}}
backends: {a: {servers: [a:1]}, b: {servers: [b:1]}, c: {servers: [c:1], balance: p2c}}`
    expect(check(text)).toEqual(['1:39 NO_EFFECT', '1:71 NO_EFFECT', '3:54 UNUSED_BACKEND'])
    const unused = text.replace('[a:1]', '[a:1], balance: p2c').replace('[b:1]', '[b:1], balance: p2c')
    expect(check(unused).slice(0, 2)).toEqual(['1:39 NO_EFFECT', '1:71 NO_EFFECT'])
  })
})

describe('servers', () => {
  const servers = (text: string, top = '') => valid(around({ servers: text, top })).backends[0]!.servers
  test('backup is tier 1, and may stand beside any tier that is one', () => {
    const text =
      '[a:1, {address: b:1, backup: true}, {address: c:1, tier: 2}, {address: d:1, backup: true, tier: 3}, {address: e:1, backup: false, tier: 0}]'
    expect(servers(text).map(({ tier }) => tier)).toEqual([0, 1, 2, 3, 0])
  })

  test('zones may be names or numbers, and come from the environment', () => {
    const text = around({ servers: '[{address: a:1, zone: 1}, b:1]', top: 'global:\n  zone: ${AZ}\n' })
    const { global, backends } = valid(text, { AZ: '2' })
    expect(global.zone).toBe('2')
    expect(backends[0]!.servers.map(({ zone }) => zone)).toEqual(['1', null])
  })
})

describe('what is unwise', () => {
  const many = (n: number): string =>
    `[${Array.from({ length: n }, (_, i) => `10.0.${i >> 8}.${i & 255}:80`).join(', ')}]`

  test('a key that requests have, where there are no requests', () => {
    for (const part of ['uri', 'path', 'header:a', 'cookie:a', 'query:a']) {
      expect(codes({ frontend: 'mode: tcp', backend: `balance: {algorithm: hash, key: [client, ${part}]}` })).toEqual([
        'MODE_CONFLICT',
      ])
    }
  })

  test('hash and affinity without a key in tcp mode', () => {
    for (const name of ['hash', 'affinity']) {
      expect(codes({ frontend: 'mode: tcp', backend: `balance: ${name}` })).toEqual(['UNWISE_BALANCE'])
      expect(codes({ frontend: 'mode: tcp', backend: `balance: {algorithm: ${name}, key: client}` })).toEqual([])
    }
    expect(codes({ frontend: 'mode: tcp', backend: 'balance: source' })).toEqual([])
  })

  test('sni where no frontend terminates TLS, except in tcp mode, which reads it on the way', () => {
    const sni = 'balance: {algorithm: hash, key: sni}'
    expect(codes({ backend: sni })).toEqual(['UNWISE_BALANCE'])
    expect(codes({ backend: sni, frontend: 'tls: site.pem' })).toEqual([])
    expect(codes({ backend: sni, frontend: 'mode: tcp' })).toEqual([])
  })

  test('leastconn over very many servers', () => {
    const [told] = messages(around({ servers: many(257), backend: 'balance: leastconn' }))
    expect(told).toContain('adaptive or p2c')
    expect(codes({ servers: many(256), backend: 'balance: leastconn' })).toEqual([])
    expect(codes({ servers: many(257), backend: 'balance: leastconn, subset: 200' })).toEqual([])
    expect(codes({ servers: many(257), backend: 'balance: p2c' })).toEqual([])
  })

  test('a ring over very many servers', () => {
    expect(codes({ servers: many(1001), backend: 'balance: {algorithm: hash, table: ring}' })).toEqual([
      'UNWISE_BALANCE',
    ])
    expect(codes({ servers: many(1001), backend: 'balance: hash' })).toEqual([])
  })

  test('what the defaults say is remarked at the backend that it is unwise for', () => {
    const text = around({ servers: many(257), top: 'defaults: {balance: leastconn}' })
    expect(check(text)).toEqual(['2:12 UNWISE_BALANCE'])
  })
})
