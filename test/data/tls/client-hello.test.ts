// What is read from the first bytes of a TLS client: names and protocols, however the bytes are cut; and nothing from bytes
// that are not what they should be, whatever these are.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_CLIENT_HELLO, parseClientHello, type ClientHelloResult } from '../../../src/data/tls/client-hello.ts'
import {
  block,
  extension,
  handshake,
  hello,
  helloBody,
  helloOfNode,
  helloOfOpenssl,
  number16,
  protocolNames,
  records,
  serverName,
} from './hellos.ts'

/** The result for the whole; that of every beginning must be `incomplete` up to some byte, and then the same for good. */
function parseGrowing(bytes: Buffer, step = 1): ClientHelloResult {
  const whole = parseClientHello(bytes)
  let settled = false
  for (let n = 0; n < bytes.length; n += step) {
    const result = parseClientHello(bytes.subarray(0, n))
    if (settled || result !== 'incomplete') expect(result, `the first ${n} bytes`).toEqual(whole)
    settled ||= result !== 'incomplete'
  }
  return whole
}

test('the hello of Node, with name and protocols, with neither, and of TLS 1.2', async () => {
  const both = await helloOfNode({ servername: 'App.Weir.test', ALPNProtocols: ['h2', 'http/1.1'] })
  expect(parseGrowing(both)).toEqual({ serverName: 'app.weir.test', protocols: ['h2', 'http/1.1'] })
  expect(parseGrowing(await helloOfNode({}))).toEqual({ serverName: '', protocols: [] })
  const old = await helloOfNode({ servername: 'old.test', maxVersion: 'TLSv1.2' })
  expect(parseGrowing(old)).toEqual({ serverName: 'old.test', protocols: [] })
})

test('the hello of openssl s_client', async () => {
  const both = await helloOfOpenssl('-servername', 'app.test', '-alpn', 'http/1.1')
  expect(parseGrowing(both)).toEqual({ serverName: 'app.test', protocols: ['http/1.1'] })
  expect(parseGrowing(await helloOfOpenssl('-noservername'))).toEqual({ serverName: '', protocols: [] })
})

test('a message cut into any records and read in any pieces is the same', () => {
  const message = handshake(helloBody([extension(51, Buffer.alloc(1200)), serverName('a.test'), protocolNames('h2')]))
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 700 })), fc.integer({ min: 1, max: 97 }), (sizes, step) => {
      expect(parseGrowing(records(message, sizes), step)).toEqual({ serverName: 'a.test', protocols: ['h2'] })
    }),
    { numRuns: 60 },
  )
})

test('a message in records of one byte each, and one with more behind it', () => {
  const message = handshake(helloBody([serverName('a.test')]))
  const single = records(
    message,
    Array.from({ length: message.length }, () => 1),
  )
  expect(parseGrowing(single)).toEqual({ serverName: 'a.test', protocols: [] })
  const more = Buffer.concat([records(message), Buffer.from('early data')])
  expect(parseGrowing(more)).toEqual({ serverName: 'a.test', protocols: [] })
})

describe('well-formed', () => {
  const longest = 'a'.repeat(255)
  const cases: Record<string, readonly [bytes: Buffer, serverName: string, protocols: readonly string[]]> = {
    'no extensions': [hello(), '', []],
    'not even a list of extensions': [records(handshake(helloBody(null))), '', []],
    'a name in upper case': [hello(serverName('A.TEST')), 'a.test', []],
    'the longest name': [hello(serverName(longest)), longest, []],
    'a name of another type alone': [hello(extension(0, block(2, Buffer.of(7), block(2, 'xyz')))), '', []],
    'a name of another type first': [
      hello(extension(0, block(2, Buffer.of(7), block(2, 'xyz'), Buffer.of(0), block(2, 'a.test')))),
      'a.test',
      [],
    ],
    'other extensions around it': [
      hello(extension(0x2a2a, Buffer.alloc(0)), serverName('a.test'), extension(43, Buffer.of(2, 3, 4))),
      'a.test',
      [],
    ],
    'protocols of any bytes': [hello(protocolNames('\xfa\xfa', 'h2')), '', ['\xfa\xfa', 'h2']],
  }
  test.each(Object.entries(cases))('%s', (_, [bytes, name, protocols]) => {
    expect(parseGrowing(bytes)).toEqual({ serverName: name, protocols })
  })
})

describe('malformed', () => {
  const withExtension = (type: number, body: Buffer): Buffer => hello(extension(type, body))
  const cases: Record<string, Buffer> = {
    'another protocol': Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    'the hello of SSL 2': Buffer.from('802e0100020015000000100700c0', 'hex'),
    'another version': Buffer.concat([Buffer.of(22, 2), hello().subarray(2)]),
    'another kind of record': Buffer.concat([Buffer.of(23), hello().subarray(1)]),
    'another handshake message': records(handshake(helloBody([]), 2)),
    'an empty record': Buffer.concat([Buffer.of(22, 3, 1, 0, 0), hello()]),
    'an empty record in the middle': Buffer.concat([
      records(handshake(helloBody([])).subarray(0, 9)),
      Buffer.of(22, 3, 3, 0, 0),
      Buffer.alloc(400),
    ]),
    'another record in the middle': Buffer.concat([
      records(handshake(helloBody([])).subarray(0, 9)),
      Buffer.of(21, 3, 3, 0, 2, 1, 0),
    ]),
    'a record that is too large': Buffer.of(22, 3, 1, 0x40, 0x01),
    'a message that is too long': Buffer.concat([Buffer.of(22, 3, 1, 0x40, 0, 1, 0, 0x40, 0)]),
    'an empty message': records(handshake(Buffer.alloc(0))),
    'a message that ends in the random': records(handshake(helloBody([]).subarray(0, 20))),
    'a session id beyond the end': records(handshake(Buffer.concat([helloBody([]).subarray(0, 34), Buffer.of(255)]))),
    'bytes behind the extensions': records(handshake(helloBody([], Buffer.of(0)))),
    'half an extension': records(handshake(helloBody([Buffer.of(0, 0, 0)]))),
    'an extension beyond the end': records(handshake(helloBody([Buffer.of(0, 0, 0, 9, 1)]))),
    'extensions beyond the end': records(handshake(helloBody(null, Buffer.of(0, 9)))),
    'an empty extension of names': withExtension(0, Buffer.alloc(0)),
    'an empty list of names': withExtension(0, number16(0)),
    'bytes behind the list of names': withExtension(
      0,
      Buffer.concat([block(2, Buffer.of(0), block(2, 'a')), number16(0)]),
    ),
    'an empty name': hello(serverName('')),
    'a name that is too long': hello(serverName('a'.repeat(256))),
    'a name with a NUL': hello(serverName('a.test\0.example')),
    'a name with a space': hello(serverName('a test')),
    'a name beyond ASCII': hello(serverName('\xe4.test')),
    'a name beyond its list': withExtension(0, Buffer.of(0, 4, 0, 0, 9, 97)),
    'two names': hello(serverName('a.test', 'b.test')),
    'two extensions of names': hello(serverName('a.test'), serverName('a.test')),
    'an empty list of protocols': withExtension(16, number16(0)),
    'an empty protocol': hello(protocolNames('h2', '')),
    'two extensions of protocols': hello(protocolNames('h2'), protocolNames('h2')),
  }
  test.each(Object.entries(cases))('%s', (_, bytes) => {
    expect(parseGrowing(bytes)).toBe('none')
  })
})

test('a hello may be as long as the limit and no longer, in however many records', () => {
  const around = handshake(helloBody([serverName('a.test'), extension(21, Buffer.alloc(0))])).length
  const padded = (length: number) =>
    handshake(helloBody([serverName('a.test'), extension(21, Buffer.alloc(length - around))]))
  const found = { serverName: 'a.test', protocols: [] }
  expect(parseGrowing(records(padded(MAX_CLIENT_HELLO - 5)), 501)).toEqual(found)
  expect(parseGrowing(records(padded(MAX_CLIENT_HELLO - 4)), 501)).toBe('none')
  expect(parseGrowing(records(padded(MAX_CLIENT_HELLO - 10), [9]), 501)).toEqual(found)
  expect(parseGrowing(records(padded(MAX_CLIENT_HELLO - 9), [9]), 501)).toBe('none')
})

test('no bytes make it throw, or find a name that is not there', () => {
  const real = hello(serverName('a.test'), protocolNames('h2', 'http/1.1'))
  const check = (bytes: Buffer): void => {
    const result = parseGrowing(bytes, 7)
    if (typeof result === 'string') return
    expect(bytes.toString('latin1').toLowerCase()).toContain(result.serverName)
    for (const protocol of result.protocols) expect(bytes.toString('latin1')).toContain(protocol)
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      check(Buffer.from(bytes))
      check(Buffer.concat([Buffer.of(22, 3, 1), block(2, handshake(Buffer.from(bytes)))])) // so that it gets further
    }),
    { numRuns: 500 },
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(real.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = Buffer.from(real)
      for (const [at, byte] of changes) bytes[at] = byte
      check(bytes)
    }),
    { numRuns: 2000 },
  )
})
