// Keys of requests, from heads as they are received: what each part is, what counts as missing, and that no two ways of
// cutting a key into parts agree.
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { createDice } from '../../../src/balance/dice.ts'
import { hashAddress, hashNetwork, hashString } from '../../../src/balance/hash.ts'
import { RequestHead, parseRequestHead } from '../../../src/data/http1/request-head.ts'
import { compileRequestKey } from '../../../src/data/http1/request-key.ts'
import type { KeyedClient } from '../../../src/data/key/origin.ts'
import type { BalanceSpec } from '../../../src/messages/snapshot.ts'
import { balancerNames, defaultBalanceOptions, keyedBalancers, type KeyPart } from '../../../src/model/balancers.ts'
import { keyPart } from '../../support/key-parts.ts'
import { balanceSpec } from '../../support/specs.ts'
import { limits } from './readers.ts'

const head = new RequestHead()
const ring = { options: { ...defaultBalanceOptions, table: 'ring' } } as const

const clientAt = (address: string, servername?: string | false): KeyedClient =>
  ({ address, socket: { servername }, origin: null }) as unknown as KeyedClient

/** Asks for keys of one configuration. */
function keyOf(key: readonly KeyPart[], more: Partial<BalanceSpec> = {}) {
  const make = compileRequestKey(balanceSpec('hash', { key, ...more }), createDice(7))!
  return (request: readonly string[] | string, client = clientAt('192.0.2.1')): number => {
    const lines = typeof request === 'string' ? [request] : request
    const start = lines[0]!.includes(' ') ? lines[0]! : `GET ${lines[0]}`
    const text = [`${start} HTTP/1.1`, 'Host: weir.test', ...lines.slice(1), '', ''].join('\r\n')
    const before = 'of an earlier request' // heads do not always stand at the start of a buffer
    const buffer = Buffer.from(`${before}${text}\0`, 'latin1')
    expect(parseRequestHead(head, buffer, before.length, buffer.length - 1, limits)).toBe(buffer.length - 1)
    return make(buffer, head, client)
  }
}

/** Cases in which the key is that of a text. */
function expectText(part: KeyPart, cases: readonly (readonly [request: readonly string[] | string, text: string])[]) {
  const ask = keyOf([part])
  const askForRing = keyOf([part], ring)
  for (const [request, text] of cases) {
    expect(ask(request), `${String(request)}: ${text}`).toBe(hashString(text))
    expect(askForRing(request)).toBe(createHash('md5').update(text, 'latin1').digest().readInt32LE(0))
  }
}

/** Requests that have no key: each is given another. */
function expectChance(part: KeyPart, requests: readonly (readonly string[] | string)[]) {
  for (const options of [{}, ring]) {
    const ask = keyOf([part], options)
    for (const request of requests) {
      const keys = Array.from({ length: 64 }, () => ask(request))
      expect(new Set(keys).size, String(request)).toBe(64)
      expect(keys.some((key) => key < 0) && keys.some((key) => key > 0)).toBe(true)
    }
  }
}

test('uri: the target as received, without the authority of an absolute form', () => {
  expectText(keyPart('uri'), [
    ['/', '/'],
    ['/a/b?x=1&y=%41', '/a/b?x=1&y=%41'],
    ['/A?', '/A?'],
    ['http://other.test:80/a?b', '/a?b'],
    ['https://other.test?b', '/?b'],
    ['http://other.test', '/'],
    ['OPTIONS *', '*'],
    ['OPTIONS http://other.test', '*'],
    ['OPTIONS http://other.test?x', '/?x'],
  ])
})

test('uri: leading segments, leading bytes, and both', () => {
  expectText(keyPart('uri', { depth: 2 }), [
    ['/a/b/c?x', '/a/b'],
    ['/a/b/', '/a/b'],
    ['/a/b?x=/y/z', '/a/b?x=/y/z'],
    ['/a', '/a'],
    ['/', '/'],
    ['//a/b', '//a'],
  ])
  expectText(keyPart('uri', { length: 4 }), [
    ['/abcdef', '/abc'],
    ['/a?bcd', '/a?b'],
    ['/a', '/a'],
    ['http://other.test?bcd', '/?bc'],
  ])
  expectText(keyPart('uri', { length: 1 }), [['http://other.test?bcd', '/']])
  expectText(keyPart('uri', { depth: 1, length: 3 }), [
    ['/abc/d', '/ab'],
    ['/a/b/c', '/a'],
  ])
})

test('path: the same without the query', () => {
  expectText(keyPart('path'), [
    ['/a/b?x=1', '/a/b'],
    ['/a/b', '/a/b'],
    ['http://other.test/a?b', '/a'],
    ['http://other.test?b', '/'],
  ])
  expectText(keyPart('path', { depth: 1 }), [
    ['/a/b?x', '/a'],
    ['/a?x', '/a'],
  ])
  expectText(keyPart('path', { length: 3 }), [['/abc?x', '/ab']])
})

test('header: the value without the space around it, several lines as one list', () => {
  expectText(keyPart('header', { name: 'x-user' }), [
    [['/', 'X-User: ann'], 'ann'],
    [['/', 'x-uSER: \t ann \t'], 'ann'],
    [['/', 'X-User: a', 'Other: 1', 'x-user: b'], 'a, b'],
    [['/', 'X-User: a, b'], 'a, b'],
    [['/', 'X-User:', 'X-User: b', 'X-User:'], 'b'],
    [['/', 'X-User: \xe9'], '\xe9'],
  ])
  expectText(keyPart('header', { name: 'host' }), [['/', 'weir.test']])
  expectChance(keyPart('header', { name: 'x-user' }), ['/', ['/', 'X-User:'], ['/', 'X-Users: a', 'X-Use: b']])
})

test('cookie: the first of that very name, wherever it stands', () => {
  expectText(keyPart('cookie', { name: 'sid' }), [
    [['/', 'Cookie: sid=1'], '1'],
    [['/', 'Cookie: a=2; sid=1; b=3'], '1'],
    [['/', 'cookie: a=2;sid=1'], '1'],
    [['/', 'Cookie: a=2;\tsid=1 ;b=3'], '1'],
    [['/', 'Cookie: a=sid=2; sid=a=b='], 'a=b='],
    [['/', 'Cookie: SID=2; xsid=3; sidx=4; sid=1; sid=5'], '1'],
    [['/', 'Cookie: a=1', 'Cookie: sid=1'], '1'],
    [['/', 'Cookie: sid="1 2"'], '"1 2"'],
    [['/', 'Cookie: ; ;sid=1'], '1'],
  ])
  expectChance(keyPart('cookie', { name: 'sid' }), [
    '/?sid=1',
    ['/', 'Cookie: a=1; sid'],
    ['/', 'Cookie: sid=; b=1'],
    ['/', 'Cookie:'],
    ['/', 'Cookies: sid=1'],
    ['/', 'Cookie: si', 'Cookie: d=1'],
  ])
})

test('query: the first parameter of that very name, as received', () => {
  expectText(keyPart('query', { name: 'id' }), [
    ['/?id=1', '1'],
    ['/?a=2&id=1&b=3', '1'],
    ['/?id=1&id=2', '1'],
    ['/a?ID=2&xid=3&id=%31+2', '%31+2'],
    ['/?&&id=a=b', 'a=b'],
    ['/?a?id=0&id=1', '1'],
    ['http://other.test?id=1', '1'],
  ])
  expectText(keyPart('query', { name: 'i%64' }), [['/?id=2&i%64=1', '1']])
  expectChance(keyPart('query', { name: 'id' }), ['/', '/?', '/?id', '/?id=', '/?id=&id=1', '/id=1', '/?ids=1&di=1'])
})

test('client: the network of the address, hashed once per connection', () => {
  const whole = keyOf([keyPart('client')])
  expect(whole('/', clientAt('192.0.2.7'))).toBe(hashAddress('192.0.2.7'))
  expect(whole('/', clientAt('2001:db8::7'))).toBe(hashAddress('2001:db8::7'))
  const network = keyOf([keyPart('client', { prefix4: 24, prefix6: 64 })])
  const client = clientAt('192.0.2.7')
  for (let i = 0; i < 3; i++) expect(network('/', client)).toBe(hashNetwork('192.0.2.1', 24, 64))
  expect(whole('/', client)).toBe(hashAddress('192.0.2.7')) // another backend, another idea of what counts
  expect(network('/', client)).toBe(hashAddress('192.0.2.0'))
  expect(network('/', clientAt('::ffff:192.0.2.9'))).toBe(hashAddress('192.0.2.0'))
  const text = keyOf([keyPart('client', { prefix4: 24 })], ring)
  expect(text('/', client)).toBe(createHash('md5').update('192.0.2.0').digest().readInt32LE(0))
})

test('client: one of a unix socket has no address', () => {
  for (const options of [{}, ring]) {
    const ask = keyOf([keyPart('client')], options)
    expect(new Set(Array.from({ length: 64 }, () => ask('/', clientAt('unknown')))).size).toBe(64)
  }
})

test('sni: the server name of the connection, in lower case', () => {
  const ask = keyOf([keyPart('sni')])
  expect(ask('/', clientAt('192.0.2.1', 'WWW.Weir.test'))).toBe(hashString('www.weir.test'))
  for (const none of [undefined, false] as const) {
    expect(new Set(Array.from({ length: 64 }, () => ask('/', clientAt('192.0.2.1', none)))).size).toBe(64)
  }
})

test('parts are told apart, and one that is missing among others is empty', () => {
  const ask = keyOf([keyPart('header', { name: 'a' }), keyPart('header', { name: 'b' })])
  const of = (a: string, b: string) => ask(['/', ...(a ? [`A: ${a}`] : []), ...(b ? [`B: ${b}`] : [])])
  const keys = [of('a', 'bc'), of('ab', 'c'), of('abc', ''), of('', 'abc'), of('a, bc', '')]
  expect(new Set(keys).size).toBe(keys.length)
  expect(of('abc', '')).toBe(of('abc', ''))
  expect(of('', '')).not.toBe(of('', ''))
  expect(of('a', 'bc')).toBe(hashString('a\0bc'))
})

test('all kinds of parts together', () => {
  const key = [
    keyPart('client', { prefix4: 8 }),
    keyPart('path', { depth: 1 }),
    keyPart('cookie', { name: 'sid' }),
    keyPart('query', { name: 'id' }),
    keyPart('sni'),
    keyPart('header', { name: 'x' }),
  ]
  const text = '192.0.0.0\0/a\0s\0i\0app.test\0v'
  const request = ['/a/b?id=i', 'Cookie: sid=s', 'X: v']
  const client = clientAt('192.0.2.1', 'app.test')
  expect(keyOf(key)(request, client)).toBe(hashString(text))
  expect(keyOf(key, ring)(request, client)).toBe(createHash('md5').update(text).digest().readInt32LE(0))
})

test('a ring has the key of other Ketama clients, whatever its length', () => {
  const ask = keyOf([keyPart('uri')], ring)
  const path = `/${'x'.repeat(5000)}`
  expect(ask('/short')).toBe(createHash('md5').update('/short').digest().readInt32LE(0))
  expect(ask(path)).toBe(createHash('md5').update(path).digest().readInt32LE(0))
  expect(ask('/short')).toBe(createHash('md5').update('/short').digest().readInt32LE(0))
})

test('only algorithms that follow a key have one made', () => {
  for (const name of balancerNames) {
    const made = compileRequestKey(balanceSpec(name), createDice(1))
    expect(made !== null, name).toBe(keyedBalancers.has(name))
  }
  const own = { file: '/etc/weir/own.ts' }
  expect(compileRequestKey(balanceSpec('own', { ...own, key: [] }), createDice(1))).toBe(null)
  expect(compileRequestKey(balanceSpec('own', { ...own, key: [keyPart('path')] }), createDice(1))).not.toBe(null)
  const likeRing = keyOf([keyPart('path')], { ...own, ...ring }) // whatever the options of other algorithms say
  expect(likeRing('/a')).toBe(hashString('/a'))
})
