// Weir's parser against llhttp, on requests that are valid, nearly valid, and broken by chance, in random pieces. What Weir
// takes, llhttp takes too and reads the same; where only llhttp takes it, the reason is one of docs/strictness.md.
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ReasonCode } from '../../../src/model/reasons.ts'
import { CHUNK_BAD, CHUNK_DATA, CHUNK_END, ChunkedDecoder } from '../../../src/data/http1/chunked.ts'
import { BODY_CHUNKED, Body, CHUNK_OVERHEAD } from '../../../src/data/http1/body.ts'
import { readChunks } from '../../support/raw-http.ts'
import { chunkCases, framingCases } from './bad-framing.ts'
import { fieldCases } from './bad-fields.ts'
import { hostCases, limitCases, lineCases } from './bad-requests.ts'
import { goodRequests } from './good-requests.ts'
import { llhttpMethods, readByLlhttp, readByWeir, type ReadMessage, type Reading } from './readers.ts'

/** Why Weir refuses what llhttp takes: the headings of docs/strictness.md, each with the code that it is refused with. */
const strictness: readonly (readonly [name: string, reason: ReasonCode, applies: (text: string) => boolean])[] = [
  ['Host', 'bad_host', () => true],
  ['Folded field lines', 'bad_field', (text) => /\r\n[ \t]/.test(text)],
  ['Folded field lines', 'bad_framing', (text) => /^(content-length|transfer-encoding):[ \t]*\r\n[ \t]/im.test(text)],
  ['Bare LF and CR', 'bad_field', (text) => /(^|[^\r])\n|\r(?!\n)/.test(text)],
  ['Bare LF and CR', 'bad_request_line', (text) => /(^|[^\r])\n|\r(?!\n)/.test(text)],
  ['Bare LF and CR', 'bad_chunk', (text) => /(^|[^\r])\n|\r(?!\n)/.test(text)],
  ['Empty lines', 'bad_request_line', (text) => /^(\r\n){5}/.test(text)],
  ['Spaces in the request line', 'bad_request_line', (text) => /^(\S+  +|\S+ \S+  +)/m.test(text)],
  ['Spaces in the request line', 'bad_target', (text) => /^\S+  +/m.test(text)],
  ['Transfer-Encoding', 'bad_framing', (text) => /^transfer-encoding:/im.test(text)],
  ['Content-Length', 'bad_framing', (text) => /^content-length:[ \t]*(\d{16,}|[\d]*[^\d\r][^\r]*|)\r/im.test(text)],
  ['Content of TRACE', 'bad_framing', (text) => /^TRACE /m.test(text)],
  ['Request target', 'bad_target', () => true],
  ['Versions', 'bad_version', () => true],
  ['Versions', 'bad_request_line', (text) => / (RTSP|ICE)\/\d\.\d\r/.test(text)],
  ['CONNECT', 'connect_method', () => true],
  ['Expect', 'bad_expectation', () => true],
  ['Limits', 'uri_too_long', () => true],
  ['Limits', 'head_too_large', () => true],
  ['Limits', 'too_many_fields', () => true],
  ['Chunk sizes and extensions', 'bad_chunk', (text) => /\r\n[\da-f]{14,}|\r\n[\da-f]+[ \t]*;/i.test(text)],
  ['Trailer fields', 'bad_chunk', (text) => /\r\n0+(;[^\r]*)?\r\n[^\r]/.test(text)],
]

/** What llhttp does not take though RFC 9112 does: Weir may. */
const llhttpIsStricter = (message: ReadMessage, text: string): boolean =>
  !llhttpMethods.has(message.method) || // it knows methods by name
  /\r\n[\da-f]+([ \t]+;|;[^\r]*[ \t\x80-\xff])/i.test(text) || // bad white space and obs-text in chunk extensions (RFC 9112, section 7.1.1)
  /^transfer-encoding:[^\r]*\t\r/im.test(text) || // a tab behind the value
  /^proxy-connection:/im.test(text) || // which it takes for Connection
  /\r\n0+(;[^\r]*)?\r\n(\S+:[^\r]*\r\n)*(content-length|transfer-encoding|connection)/i.test(text) // trailer fields that it takes for header fields

function compare(text: string, weir: Reading): void {
  const other = readByLlhttp(Buffer.from(text, 'latin1'))
  for (const [i, message] of weir.messages.entries()) {
    const theirs = other.messages[i]
    if (theirs === undefined && llhttpIsStricter(message, text)) return
    expect(theirs, `llhttp refuses it: ${other.refused}`).toBeDefined()
    expect(theirs).toEqual(message)
  }
  if (weir.closed || other.messages.length <= weir.messages.length) return
  // llhttp took one more than Weir did.
  expect(weir.refused, 'Weir waits where llhttp has a message').not.toBe(null)
  const named = strictness.filter(([, reason, applies]) => reason === weir.refused && applies(weir.rest))
  expect(named, `no name for ${weir.refused}`).not.toEqual([])
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')
function cut(text: string, at: readonly number[]): Buffer[] {
  const bounds = [0, ...at.map((n) => n % (text.length + 1)).toSorted((a, b) => a - b), text.length]
  return bounds.slice(1).map((end, i) => latin1(text.slice(bounds[i], end)))
}

const oneOf = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values)
const mostly = <T>(usual: T, ...others: T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: oneOf(...others) })
const eol = mostly('\r\n', '\n', '\r', '\r\r\n', '\n\r', '\r\n\r\n', '\r\n ', '')
const space = mostly(' ', '', '  ', '\t', '\x0b')
const line = fc
  .tuple(
    oneOf('', '', '', '\r\n', '\n', ' ', '\r\n\r\n\r\n\r\n\r\n'),
    oneOf('GET', 'POST', 'HEAD', 'PUT', 'OPTIONS', 'TRACE', 'CONNECT', 'get', 'FOO', 'PRI', 'G(T', 'SOURCE', 'valueOf'),
    space,
    oneOf(
      '/',
      '/a?b',
      '*',
      'http://b/c',
      'HTTP://b',
      'https://b',
      'ftp://b/',
      'a:80',
      '/#x',
      '/\xe9',
      '//',
      'http://u@b/',
      '',
      '/a b',
      '?',
    ),
    space,
    mostly(
      'HTTP/1.1',
      'HTTP/1.0',
      'HTTP/1.2',
      'HTTP/2.0',
      'HTTP/0.9',
      'http/1.1',
      'HTTP/1',
      'RTSP/1.0',
      'ICE/1.0',
      'HTTP/1.1 ',
      '',
    ),
    eol,
  )
  .map((parts) => parts.join(''))
const name = oneOf(
  'Host',
  'Host',
  'Content-Length',
  'Content-Length',
  'Transfer-Encoding',
  'Transfer-Encoding',
  'Connection',
  'X',
  'x-y',
  'Expect',
  'TE',
  'Trailer',
  'X(',
  '',
  'Content_Length',
  'Keep-Alive',
  'X\x80',
  'Proxy-Connection',
)
const value = oneOf(
  'a',
  'b:80',
  '5',
  '5',
  '0',
  '05',
  '+5',
  '-1',
  '5, 5',
  '0x5',
  '6',
  '99999999999999999999',
  'chunked',
  'chunked',
  'CHUNKED',
  'gzip, chunked',
  'chunked, gzip',
  'identity',
  'chunked;q=1',
  '',
  'close',
  'keep-alive',
  'x',
  'a b',
  '\xe9',
  'a\0b',
  'a\x7f',
  '100-continue',
  'a@b',
  '"x"',
  'xchunked',
  '18446744073709551615',
  '1e1',
)
const field = fc
  .tuple(
    mostly('', ' ', '\t'),
    name,
    mostly('', ' ', '\t'),
    mostly(':', '', '=', '::'),
    mostly(' ', '', '\t', '\x0b', '\r\n '),
    value,
    mostly('', ' ', '\t', '\x0b'),
    eol,
  )
  .map((parts) => parts.join(''))
const chunk = fc
  .tuple(
    oneOf('5', '5', '05', '005', '0x5', '-5', ' 5', '5 ', '6', '4', '', 'ffffffffffffffffff', '00000000000000005', 'g'),
    mostly('', ';', ';a', ';a=b', ';a="b"', ' ;a', ';a=', ';a=b c', ';a="', ';a\n', ';\x01', ';a="\\""', '; a'),
    eol,
    mostly('hello', '', 'hell', 'hello!', 'GET / HTTP/1.1\r\n'),
    eol,
  )
  .map((parts) => parts.join(''))
const trailer = oneOf(
  '',
  '',
  '',
  'X: y\r\n',
  'X : y\r\n',
  ' X: y\r\n',
  'X: y\n',
  'Content-Length: 5\r\n',
  'X\r\n',
  'X: \0\r\n',
)
const chunks = fc
  .tuple(fc.array(chunk, { maxLength: 3 }), mostly('0', '00', '0;a', '0 ', '', '-0'), eol, trailer, eol)
  .map(([list, last, end, fields, empty]) => list.join('') + last + end + fields + empty)
const body = fc.oneof(fc.constant(''), fc.constant('hello'), chunks, fc.constant('5\r\nhello\r\n0\r\n\r\n'))
/** Nothing of it is certain to be right. */
const wild = fc
  .tuple(line, fc.array(field, { maxLength: 5 }), eol, body)
  .map(([first, fields, end, rest]) => first + fields.join('') + end + rest)
/** Right but for one thing. */
const tame = fc
  .tuple(
    oneOf('GET', 'POST', 'PUT'),
    fc.array(field, { maxLength: 2 }),
    oneOf('', 'Content-Length: 5\r\n', 'Transfer-Encoding: chunked\r\n'),
    body,
  )
  .map(
    ([method, fields, framing, rest]) => `${method} / HTTP/1.1\r\nHost: a\r\n${framing}${fields.join('')}\r\n${rest}`,
  )
const known = oneOf(
  ...goodRequests
    .map(({ bytes }) => bytes)
    .filter((bytes) => bytes.length < 500 && !/^upgrade:/im.test(bytes)) /* llhttp stops there */,
  ...[framingCases, fieldCases, hostCases, lineCases, limitCases, chunkCases]
    .flat()
    .map(([, bytes]) => bytes)
    .filter((bytes) => bytes.length < 500),
)
const bytes = oneOf(
  '\r',
  '\n',
  '\r\n',
  ' ',
  '\t',
  '\0',
  ':',
  ',',
  ';',
  '0',
  '5',
  'a',
  '\x0b',
  '\x7f',
  '\x80',
  '"',
  '=',
  '\r\n ',
  '\r\n\r\n',
  'chunked',
  'Host: b\r\n',
)
interface Mutation {
  readonly at: number
  readonly drop: number
  readonly add: string
}
const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(500),
  drop: oneOf(0, 0, 1, 1, 2),
  add: fc.oneof(fc.constant(''), bytes),
})
const mutated = fc.tuple(known, fc.array(mutation, { minLength: 1, maxLength: 2 })).map(([text, list]) =>
  list.reduce((before, { at, drop, add }) => {
    const place = at % (before.length + 1)
    return before.slice(0, place) + add + before.slice(place + drop)
  }, text),
)
const stream = fc
  .array(fc.oneof(wild, tame, tame, mutated, mutated, known), { minLength: 1, maxLength: 3 })
  .map((list) => list.join(''))

test('what Weir takes, llhttp takes and reads the same; what only llhttp takes has a name', () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(2000), { maxLength: 4 }), (text, at) => {
      const whole = readByWeir([latin1(text)])
      compare(text, whole)
      expect({ ...readByWeir(cut(text, at)), rest: '' }, 'the same in pieces').toEqual({ ...whole, rest: '' })
    }),
    { numRuns: 15_000 },
  )
})

test('a message reads the same whole and byte by byte', () => {
  fc.assert(
    fc.property(stream, (text) => {
      expect({ ...readByWeir(text.split('').map(latin1)), rest: '' }).toEqual({
        ...readByWeir([latin1(text)]),
        rest: '',
      })
    }),
    { numRuns: 1000 },
  )
})

test('every name of a difference is explained in docs/strictness.md', () => {
  const manual = readFileSync(new URL('../../../docs/strictness.md', import.meta.url), 'utf8')
  for (const name of new Set(strictness.map(([name]) => name))) expect(manual).toContain(`## ${name}\n`)
})

/** RFC 9112, section 7.1, as one expression per line; whole bodies only. @returns null when it is not one, or not yet */
function modelChunks(text: string): { data: string; end: number } | null {
  const token = "[!#$%&'*+.^_`|~\\w-]+"
  const quoted = '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t \\x21-\\x7e\\x80-\\xff])*"'
  const sizeLine = new RegExp(
    `([\\da-fA-F]+)(?:[ \\t]*;[ \\t]*${token}(?:[ \\t]*=[ \\t]*(?:${token}|${quoted}))?)*\\r\\n`,
    'y',
  )
  const trailers = new RegExp(`(?:${token}:[\\t\\x20-\\x7e\\x80-\\xff]*\\r\\n)*\\r\\n`, 'y')
  let data = ''
  for (let at = 0; ;) {
    sizeLine.lastIndex = at
    const found = sizeLine.exec(text)
    if (found === null) return null
    const size = parseInt(found[1]!, 16)
    at = sizeLine.lastIndex
    if (size === 0) {
      trailers.lastIndex = at
      return trailers.test(text) ? { data, end: trailers.lastIndex } : null
    }
    if (text.slice(at + size, at + size + 2) !== '\r\n') return null
    data += text.slice(at, at + size)
    at += size + 2
  }
}

test('the decoder of chunks agrees with a model that is one expression per line', () => {
  const decoder = new ChunkedDecoder()
  const broken = fc
    .tuple(chunks, fc.array(mutation, { maxLength: 2 }))
    .map(([text, list]) =>
      list.reduce(
        (before, { at, drop, add }) =>
          before.slice(0, at % (before.length + 1)) + add + before.slice((at % (before.length + 1)) + drop),
        text,
      ),
    )
  fc.assert(
    fc.property(fc.oneof(chunks, broken), fc.array(fc.nat(200), { maxLength: 4 }), (text, at) => {
      decoder.reset()
      let data = ''
      let end = -1
      let before = 0
      let bad = false
      for (const piece of cut(text, at)) {
        decoder.position = 0
        let result: number
        while ((result = decoder.next(piece, piece.length)) === CHUNK_DATA)
          data += piece.toString('latin1', decoder.from, decoder.to)
        if (result === CHUNK_END) end = before + decoder.position
        bad = result === CHUNK_BAD
        if (bad || end >= 0) break
        before += piece.length
      }
      const model = modelChunks(text)
      if (model === null) expect(end).toBe(-1)
      else expect({ data, end, bad }).toEqual({ ...model, bad: false })
    }),
    { numRuns: 10_000 },
  )
})

test('a body of chunks is written anew without loss, in any pieces, within the room that it asks for', () => {
  const data = fc.array(
    fc.uint8Array({ minLength: 1, maxLength: 40 }).map((list) => Buffer.from(list)),
    { maxLength: 8 },
  )
  fc.assert(
    fc.property(data, fc.array(fc.nat(1000), { maxLength: 6 }), fc.boolean(), (list, at, undone) => {
      const text = [
        ...list.map((piece) => `${piece.length.toString(16)};a=b\r\n${piece.toString('latin1')}\r\n`),
        '0\r\nX: y\r\n\r\n',
      ].join('')
      const body = new Body()
      body.start(BODY_CHUNKED, 0, undone)
      const out: Buffer[] = []
      for (const piece of cut(`${text}NEXT`, at)) {
        if (body.done) break
        const room = Buffer.alloc(piece.length + CHUNK_OVERHEAD)
        expect(body.copy(piece, 0, piece.length, room, 0)).toBeGreaterThanOrEqual(0)
        expect(body.written).toBeLessThanOrEqual(room.length)
        out.push(room.subarray(0, body.written))
      }
      expect(body.done).toBe(true)
      const all = Buffer.concat(out)
      const got = undone ? all : (readChunks(all, 0) as { body: Buffer }).body
      expect(got.equals(Buffer.concat(list))).toBe(true)
    }),
    { numRuns: 3000 },
  )
})
