// Keys of recorded requests are those that the data plane makes of the same requests.
import { expect, test } from 'vitest'
import { createDice } from '../../src/balance/dice.ts'
import { parseRequestHead, RequestHead } from '../../src/data/http1/request-head.ts'
import { compileRequestKey } from '../../src/data/http1/request-key.ts'
import type { KeyedClient } from '../../src/data/key/origin.ts'
import { defaultBalanceOptions } from '../../src/model/balancers.ts'
import { isLogged, recordedKey } from '../../src/simulate/recorded-key.ts'
import { limits } from '../data/http1/readers.ts'
import { keyPart } from '../support/key-parts.ts'
import { balanceSpec } from '../support/specs.ts'

const keys = [
  [keyPart('client')],
  [keyPart('client', { prefix4: 24, prefix6: 48 })],
  [keyPart('uri')],
  [keyPart('path')],
  [keyPart('path', { depth: 1 })],
  [keyPart('uri', { depth: 2 })],
  [keyPart('uri', { length: 3 })],
  [keyPart('query', { name: 'id' })],
  [keyPart('header', { name: 'host' })],
  [keyPart('path'), keyPart('client')],
]
const targets = [
  '/',
  '/a/b/c?id=7&x=1',
  '/a/b?x=1',
  '/?id=',
  '/a/?id=%41&id=2',
  'http://other.test/a/b?id=9',
  'http://other.test?id=3',
  '//a',
]
const clients = ['192.0.2.7', '198.51.100.200', '2001:db8::1:2']
const head = new RequestHead()

test.each([
  ['maglev', keys],
  ['ring', keys],
] as const)('of a %s', (table, all) => {
  for (const key of all) {
    const spec = balanceSpec('hash', { key, options: { ...defaultBalanceOptions, table } })
    const live = compileRequestKey(spec, createDice(1))!
    const recorded = recordedKey(key, table === 'ring')
    for (const target of targets) {
      if (key[0]!.source === 'query' && !/id=[^&]/.test(target)) continue // no key: left to chance
      for (const client of clients) {
        const text = Buffer.from(`GET ${target} HTTP/1.1\r\nHost: weir.test\r\n\r\n\0`, 'latin1')
        expect(parseRequestHead(head, text, 0, text.length - 1, limits)).toBe(text.length - 1)
        const from = { address: client, socket: {}, origin: null } as unknown as KeyedClient
        const name = `${key.map(({ source }) => source).join('+')} ${target} ${client}`
        expect(recorded({ client, host: 'weir.test', target }), name).toBe(live(text, head, from))
      }
    }
  }
})

test('requests without a key are spread', () => {
  const keyOf = recordedKey([keyPart('query', { name: 'id' })], false)
  const all = Array.from({ length: 100 }, () => keyOf({ client: '192.0.2.7', host: '', target: '/' }))
  expect(new Set(all).size).toBe(100)
})

test('what the log does not have is known', () => {
  const logged = [
    keyPart('client'),
    keyPart('uri'),
    keyPart('path'),
    keyPart('query', { name: 'x' }),
    keyPart('header', { name: 'host' }),
  ]
  expect(logged.filter(isLogged)).toEqual(logged)
  const others = [keyPart('cookie', { name: 'x' }), keyPart('sni'), keyPart('header', { name: 'x-user' })]
  expect(others.filter(isLogged)).toEqual([])
})
