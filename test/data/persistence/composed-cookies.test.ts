// Cookies taken out of heads as the data path composes them: whatever stands around them, all of ours and nothing else is
// gone, and what follows the head is where it belongs. Held against a plain reading of the same lines.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HEAD_OVERHEAD, writeRequestHead } from '../../../src/data/http1/forward.ts'
import { RequestHead, parseRequestHead } from '../../../src/data/http1/request-head.ts'
import { InsertedCookies } from '../../../src/data/persistence/insert.ts'
import { limits } from '../http1/readers.ts'
import { backendWith, byCookie, cookieSpec } from './requests.ts'

const sessions = new InsertedCookies(backendWith(byCookie()), cookieSpec())
const forwarding = { drops: 0, appends: false, forwarded: '', forwardedWithId: '', via: null, defaultHost: 'weir.test' }
const head = new RequestHead()

/** The lines that a server gets, less those that end here anyway, and less our cookies. */
function onTheWay(lines: readonly string[], body: string): { lines: string[]; rest: string } {
  const text = ['GET /a HTTP/1.1', ...lines, '', ''].join('\r\n')
  const buffer = Buffer.from(`earlier${text}\0`, 'latin1')
  const end = parseRequestHead(head, buffer, 'earlier'.length, buffer.length - 1, limits)
  expect(end).toBe(buffer.length - 1)
  const session = sessions.open(head, buffer)
  const out = Buffer.alloc(buffer.length + HEAD_OVERHEAD + body.length, 'Cookie: SRV=old\r\n')
  let headLength = writeRequestHead(out, head, buffer, end, forwarding, false, false)
  headLength += out.latin1Write('\r\n', headLength)
  const length = headLength + out.latin1Write(body, headLength)
  const gone = session.editRequest(out, headLength, length)
  const result = out.latin1Slice(0, length - gone)
  const split = headLength - gone
  expect(result.slice(split - 4, split)).toBe('\r\n\r\n')
  return {
    lines: result
      .slice(0, split - 4)
      .split('\r\n')
      .slice(1),
    rest: result.slice(split),
  }
}

const isOurs = (pair: string): boolean => pair.trim().startsWith('SRV=')

/** The same by splitting. White space between pairs is not looked at. */
function plainly(lines: readonly string[]): string[] {
  const nominated = lines.includes('Connection: y')
  return lines
    .filter((line) => !/^connection:/i.test(line) && !(nominated && line.startsWith('Y:')))
    .flatMap((line) => {
      const [, name, value] = /^(cookie):(.*)$/i.exec(line) ?? []
      if (name === undefined || !value!.split(';').some(isOurs)) return [line]
      const kept = value!.split(';').filter((pair) => pair.trim() !== '' && !isOurs(pair))
      return kept.length === 0 ? [] : [`${name}: ${kept.map((pair) => pair.trim()).join('; ')}`]
    })
}

/** Lines of cookies in the form that plainly() gives to those that it has changed. */
const tidy = (lines: readonly string[]): string[] =>
  lines.map((line) => {
    const [, name, value] = /^(cookie):(.*)$/i.exec(line) ?? []
    if (name === undefined) return line
    const pairs = value!.split(';').map((pair) => pair.trim())
    return `${name}: ${pairs.filter((pair) => pair !== '').join('; ')}`
  })

const pair = fc.constantFrom(
  'SRV=1',
  'SRV=',
  'SRV="a b"',
  'a=1',
  'srv=2',
  'SRVX=3',
  'XSRV=4',
  'SRV',
  '',
  '=',
  'b="SRV=1"',
  ' ',
)
const separator = fc.constantFrom(';', '; ', ' ;', ';\t', ';;')
const cookieLine = fc
  .tuple(
    fc.constantFrom('Cookie:', 'cookie: ', 'COOKIE:\t '),
    fc.array(fc.tuple(pair, separator), { maxLength: 6 }),
    pair,
  )
  .map(([name, pairs, last]) => name + pairs.flat().join('') + last)
const otherLine = fc.constantFrom(
  'Connection: keep-alive',
  'Accept: */*',
  'Y: 1',
  'Cookies: SRV=1',
  'X: Cookie: SRV=1',
  'Connection: y',
)

test('of any request, all of ours and nothing else', () => {
  const property = fc.property(
    fc.array(fc.oneof(cookieLine, otherLine), { maxLength: 6 }),
    fc.constantFrom('', 'body', 'Cookie: SRV=1\r\n'),
    (lines, body) => {
      const given = ['Host: weir.test', ...lines]
      const result = onTheWay(given, body)
      expect(tidy(result.lines)).toEqual(tidy(plainly(given)))
      expect(result.rest).toBe(body)
    },
  )
  fc.assert(property, { numRuns: 3000 })
})

test('in absolute form, which moves everything', () => {
  const text = 'GET http://other.test/a HTTP/1.1\r\nHost: weir.test\r\nCookie: a=1; SRV=1\r\nA: 1\r\n\r\n'
  const buffer = Buffer.from(`${text}\0`, 'latin1')
  const end = parseRequestHead(head, buffer, 0, text.length, limits)
  const session = sessions.open(head, buffer)
  const out = Buffer.alloc(1000)
  const length = writeRequestHead(out, head, buffer, end, forwarding, false, false)
  const gone = session.editRequest(out, length, length)
  expect(out.latin1Slice(0, length - gone)).toBe('GET /a HTTP/1.1\r\nHost: other.test\r\nCookie: a=1\r\nA: 1\r\n')
})
