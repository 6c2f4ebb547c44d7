// The path that is routed and passed on: against a model in strings, and against what other servers would make of it.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { writeRequestHead } from '../../../src/data/http1/forward.ts'
import { normalizePath } from '../../../src/data/http1/normalize-path.ts'
import { RequestHead, parseRequestHead } from '../../../src/data/http1/request-head.ts'
import type { NormalizePathSpec } from '../../../src/messages/snapshot.ts'

const all: NormalizePathSpec = { dotSegments: true, mergeSlashes: true, encodedSeparators: 'decode' }
const limits = { head: 16_384, fields: 100, target: 8192 }
const forwarding = { drops: 0, appends: false, forwarded: '', forwardedWithId: '', via: null, defaultHost: 'none' }

interface Sent {
  readonly target: string
  readonly host: string
}

/** What a server would get of `GET target`, with other bytes around it that must stay as they are; null: refused. */
function sent(target: string, spec: NormalizePathSpec, method = 'GET'): Sent | null {
  const before = 'x'.repeat(target.length)
  const text = `${method} ${target} HTTP/1.1\r\nHost: field.test\r\nX-A: b\r\n\r\n`
  const buffer = Buffer.from(`${before}${text}behind `, 'latin1')
  const head = new RequestHead()
  const end = parseRequestHead(head, buffer, before.length, before.length + text.length, limits)
  expect(end).toBe(before.length + text.length)
  if (!normalizePath(head, buffer, spec)) return null
  expect(buffer.latin1Slice(0, before.length)).toBe(before)
  expect(buffer.latin1Slice(head.targetEnd, end)).toBe(text.slice(text.indexOf(' HTTP/1.1')))
  expect(buffer.latin1Slice(head.start, head.methodEnd)).toBe(method)
  const out = Buffer.alloc(text.length + 512)
  const n = writeRequestHead(out, head, buffer, end, forwarding, false, false)
  const [, seen, host, rest] = /^\S+ (\S+) HTTP\/1\.1\r\nHost: (.*)\r\n(.*)\r\n$/.exec(out.latin1Slice(0, n))!
  expect(rest).toBe('X-A: b')
  const hostSeen = buffer.latin1Slice(head.hostStart, head.hostEnd)
  expect(hostSeen).toBe(host)
  return { target: seen!, host: hostSeen }
}

const to = (target: string, spec = all): string | null => sent(target, spec)?.target ?? null

describe('dot segments', () => {
  test.each([
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/a/./b', '/a/b'],
    ['/a/b/..', '/a/'],
    ['/a/b/.', '/a/b/'],
    ['/public/../admin', '/admin'],
    ['/a/b/c/./../../g', '/a/g'], // RFC 3986, section 5.2.4
    ['/.', '/'],
    ['/a/..', '/'],
    ['/a/%2e%2E/b', '/b'],
    ['/a/.%2e/b', '/b'],
    ['/a/%2e/b', '/a/b'],
    ['/a/..;x=1/b', '/b'],
    ['/a/.;/b', '/a/b'],
    ['/a/...', '/a/...'],
    ['/a/..b/.c/d..', '/a/..b/.c/d..'],
    ['/a/%2e%2e%2e', '/a/%2e%2e%2e'],
    ['/a/%2', '/a/%2'],
    ['/a/..?x=/../y', '/?x=/../y'],
    ['/?/../..', '/?/../..'],
  ])('%s becomes %s', (target, path) => expect(to(target)).toBe(path))

  test.each(['/..', '/../a', '/a/../..', '/a/../../b', '/%2e%2e/a', '/..;/a', '//..', '/./..'])(
    '%s leads above the root: refused',
    (target) => expect(to(target)).toBe(null),
  )

  test('are left alone when that is not asked for', () => {
    expect(to('/a/../b//c', { ...all, dotSegments: false })).toBe('/a/../b/c')
    expect(to('/a/../b//c', { ...all, mergeSlashes: false })).toBe('/b//c')
  })

  test('an empty segment counts as one where slashes are not merged', () => {
    const spec = { ...all, mergeSlashes: false }
    expect(to('/a//../b', spec)).toBe('/a/b')
    expect(to('//..', spec)).toBe('/')
  })
})

describe('separators', () => {
  test.each([
    ['//', '/'],
    ['/a//b///c/', '/a/b/c/'],
    ['/a//', '/a/'],
    ['/a%2fb', '/a/b'],
    ['/a%2F%2fb', '/a/b'],
    ['/public/..%2fadmin', '/admin'],
    ['/public%2f%2e%2e%2fadmin', '/admin'],
    ['/a%5cb', '/a\\b'],
    ['/a%252fb', '/a%252fb'],
    ['/a%2%2ff', '/a%2/f'],
    ['/a%2f', '/a/'],
    ['/a?b=%2f//', '/a?b=%2f//'],
  ])('%s becomes %s', (target, path) => expect(to(target)).toBe(path))

  test('are kept, or refused', () => {
    expect(to('/a%2Fb%5Cc', { ...all, encodedSeparators: 'keep' })).toBe('/a%2Fb%5Cc')
    expect(to('/a%2Fb', { ...all, encodedSeparators: 'refuse' })).toBe(null)
    expect(to('/a%5cb', { ...all, encodedSeparators: 'refuse' })).toBe(null)
    expect(to('/a?b=%2f', { ...all, encodedSeparators: 'refuse' })).toBe('/a?b=%2f')
  })
})

test('absolute form: the authority stays what it is, and an empty path too', () => {
  expect(sent('http://other.test:81/a/../b//c?x', all)).toEqual({ target: '/b/c?x', host: 'other.test:81' })
  expect(sent('http://other.test?a/../b', all)).toEqual({ target: '/?a/../b', host: 'other.test' })
  expect(sent('http://other.test', all)).toEqual({ target: '/', host: 'other.test' })
  expect(sent('http://other.test/a/../..', all)).toBe(null)
})

test('the asterisk of OPTIONS is no path', () => {
  expect(sent('*', all, 'OPTIONS')).toEqual({ target: '*', host: 'field.test' })
})

// The model: the same in three steps over strings.

function model(path: string, spec: NormalizePathSpec): string | null {
  if (spec.encodedSeparators === 'refuse' && /%2f|%5c/i.test(path)) return null
  let text = path
  if (spec.encodedSeparators === 'decode') {
    text = text.replace(/%2f|%5c/gi, (code) => (code.toLowerCase() === '%2f' ? '/' : '\\'))
  }
  if (spec.mergeSlashes) text = text.replace(/\/+/g, '/')
  if (!spec.dotSegments) return text
  const kept: string[] = []
  const segments = text.slice(1).split('/')
  for (const [i, segment] of segments.entries()) {
    const plain = segment.split(';')[0]!.replace(/%2e/gi, '.')
    if (plain !== '.' && plain !== '..') {
      kept.push(segment)
      continue
    }
    if (plain === '..' && kept.length === 0) return null
    if (plain === '..') kept.pop()
    if (i === segments.length - 1) kept.push('')
  }
  return `/${kept.join('/')}`
}

const pieces = [
  '/',
  '/',
  '.',
  '..',
  'a',
  'bc',
  ';',
  '%2e',
  '%2E',
  '%2f',
  '%2F',
  '%5c',
  '%5C',
  '\\',
  '%',
  '%2',
  '2f',
  '2e',
]
const paths = fc.array(fc.constantFrom(...pieces), { maxLength: 14 }).map((found) => `/${found.join('')}`)
const specs = fc.record({
  dotSegments: fc.boolean(),
  mergeSlashes: fc.boolean(),
  encodedSeparators: fc.constantFrom('keep' as const, 'decode' as const, 'refuse' as const),
})

test('any path, by any rules, is what the model makes of it', () => {
  fc.assert(
    fc.property(paths, specs, fc.constantFrom('', '?q=/../x'), fc.boolean(), (path, spec, query, absolute) => {
      const wanted = model(path, spec)
      const got = sent(`${absolute ? 'http://other.test' : ''}${path}${query}`, spec)
      expect(got?.target ?? null).toBe(wanted === null ? null : wanted + query)
      if (got !== null) expect(got.host).toBe(absolute ? 'other.test' : 'field.test')
    }),
    { numRuns: 3000 },
  )
})

test('a server that cleans up paths itself finds nothing to do any more', () => {
  fc.assert(
    fc.property(paths, (path) => {
      const once = to(path)
      if (once === null) return
      expect(to(once)).toBe(once)
      expect(once).not.toMatch(/\/\/|%2f|%5c|\/(\.|%2e){1,2}(;[^/]*)?(\/|$)/i)
    }),
    { numRuns: 3000 },
  )
})
