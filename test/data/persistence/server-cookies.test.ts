// Cookies of the application that also say who set them: what clients get, what they are brought to with it, and what the
// server sees of it again.
import { describe, expect, test } from 'vitest'
import { ServerCookies } from '../../../src/data/persistence/server-cookies.ts'
import type { CookieSpec } from '../../../src/messages/snapshot.ts'
import { answered, backendWith, byCookie, cookieIn, cookieSpec, edited, openSession } from './requests.ts'

const made = (more: Partial<CookieSpec>) => new ServerCookies(backendWith(byCookie(more)), cookieSpec(more))

describe('rewrite', () => {
  const cookies = made({ mode: 'rewrite' })
  const good = cookieIn(answered(openSession(cookies), 1, ['Set-Cookie: SRV=any']))

  test('what the server sets has our value in place of its own, and the attributes of its own', () => {
    const lines = [
      'A: 1',
      'Set-Cookie: SRV=any; Path=/x; HttpOnly; Expires=Wed, 09 Jun 2100 10:18:14 GMT',
      'Set-Cookie: b=2',
    ]
    expect(answered(openSession(cookies), 1, lines)).toEqual([
      'A: 1',
      'Set-Cookie: b=2',
      `Set-Cookie: ${good}; Path=/x; HttpOnly; Expires=Wed, 09 Jun 2100 10:18:14 GMT`,
      'Cache-Control: private',
    ])
    expect(cookieIn(answered(openSession(cookies), 1, ['set-cookie: SRV = "a b" ;Path=/']))).toBe(
      `SRV = "${good.slice(4)}" `,
    )
    expect(openSession(cookies, [`Cookie: SRV="${good.slice(4)}"`]).slot).toBe(1)
  })

  test('it brings the client to its server, which sees it as it is', () => {
    const lines = [`Cookie: a=1; ${good}`]
    const session = openSession(cookies, lines)
    expect(session.slot).toBe(1)
    expect(edited(session, lines)).toEqual(lines)
  })

  test('a response that does not set it stays as it is', () => {
    const lines = ['Set-Cookie: SRVX=1', 'Set-Cookie: a=SRV', 'Set-Cookie: SRV', 'Set-Cookie:']
    expect(answered(openSession(cookies), 1, lines)).toEqual(lines)
    expect(answered(openSession(cookies, [`Cookie: ${good}`]), 2)).toEqual([])
  })

  test('what is no value of ours leads nowhere', () => {
    for (const value of ['', 'any', `${good.slice(4)}x`, `${good.slice(4)}~app`, 'x'.repeat(8000)]) {
      expect(openSession(cookies, [`Cookie: SRV=${value}`]).slot).toBe(-1)
    }
  })

  test('a server that deletes its cookie deletes it', () => {
    const lines = answered(openSession(cookies), 1, ['Set-Cookie: SRV=; Max-Age=0'])
    expect(lines[0]).toBe(`Set-Cookie: ${good}; Max-Age=0`)
  })
})

describe('prefix', () => {
  const cookies = made({ mode: 'prefix', name: 'SID', nocache: false })
  const good = cookieIn(answered(openSession(cookies), 2, ['Set-Cookie: SID=app~1; Path=/']))
  const tag = good.slice(4, 20)

  test('what the server sets has the server in front', () => {
    expect(good).toBe(`SID=${tag}~app~1`)
    const lines = ['Set-Cookie: SID="a b"; Path=/', 'Set-Cookie: b=1', 'Set-Cookie: SID=; Max-Age=0']
    expect(answered(openSession(cookies), 2, lines)).toEqual([
      'Set-Cookie: b=1',
      `Set-Cookie: SID="${tag}~a b"; Path=/`,
      `Set-Cookie: SID=${tag}~; Max-Age=0`,
    ])
  })

  test('it brings the client to its server, which gets its own value again', () => {
    const cases: [string[], string[]][] = [
      [[`Cookie: ${good}`], ['Cookie: SID=app~1']],
      [[`Cookie: a=1; ${good}; b=2`], ['Cookie: a=1; SID=app~1; b=2']],
      [[`Cookie: SID="${tag}~a b"`], ['Cookie: SID="a b"']],
      [
        [`Cookie: ${good}`, 'A: 1', `Cookie: ${good}; SID=${tag}~2`],
        ['Cookie: SID=app~1', 'A: 1', 'Cookie: SID=app~1; SID=2'],
      ],
      [[`Cookie: SID=${tag}~`], ['Cookie: SID=']],
    ]
    for (const [lines, expected] of cases) {
      const session = openSession(cookies, lines)
      expect(session.slot).toBe(2)
      expect(edited(session, lines)).toEqual(expected)
    }
  })

  test('the tag of a server that is gone is taken off as well', () => {
    const lines = [`Cookie: SID=${'x'.repeat(16)}~app`]
    const session = openSession(cookies, lines)
    expect(session.slot).toBe(-1)
    expect(edited(session, lines)).toEqual(['Cookie: SID=app'])
  })

  test('a value that nobody has prefixed stays as it is', () => {
    for (const value of ['', 'app', 'a~b', `${'x'.repeat(15)}~a`, `${'.'.repeat(16)}~a`, tag, 'x~'.repeat(4000)]) {
      const lines = [`Cookie: SID=${value}`, `Cookie: SIDX=${tag}~1; XSID=${tag}~1`]
      const session = openSession(cookies, lines)
      expect(session.slot).toBe(-1)
      expect(edited(session, lines)).toEqual(lines)
    }
  })

  test('in any number', () => {
    const lines = [`Cookie: ${`${good};`.repeat(300)}`]
    expect(edited(openSession(cookies, lines), lines)).toEqual([`Cookie: ${'SID=app~1;'.repeat(300)}`])
  })
})
