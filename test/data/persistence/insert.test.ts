// A cookie of Weir's own: when it is believed, when it is set, what servers and caches see of it, and when it ends.
import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { InsertedCookies } from '../../../src/data/persistence/insert.ts'
import type { CookieSpec } from '../../../src/messages/snapshot.ts'
import { ms } from '../../../src/model/units.ts'
import { answered, backendWith, byCookie, cookieIn, cookieSpec, edited, openSession } from './requests.ts'

function cookies(more: Partial<CookieSpec> = {}, wallClock?: () => number) {
  const backend = backendWith(byCookie(more))
  return new InsertedCookies(backend, cookieSpec(more), wallClock)
}

/** `name=value` for the client that the server at `slot` has answered. */
const cookieFor = (made: InsertedCookies, slot: number): string => cookieIn(answered(openSession(made), slot))

test('a client without it gets it, and is brought to the same server with it', () => {
  const made = cookies()
  const first = openSession(made)
  expect(first.slot).toBe(-1)
  const lines = answered(first, 1, ['Content-Length: 0'])
  expect(lines).toEqual([
    'Content-Length: 0',
    `Set-Cookie: ${cookieIn(lines)}; Path=/; HttpOnly`,
    'Cache-Control: private',
  ])
  const second = openSession(made, [`Cookie: ${cookieIn(lines)}`])
  expect(second.slot).toBe(1)
  expect(answered(second, 1, ['Content-Length: 0'])).toEqual(['Content-Length: 0'])
})

test('the value is a keyed hash of backend and server: it says nothing, and is the same everywhere', () => {
  const { key } = cookieSpec()
  const expected = createHmac('sha256', key).update('app\0s2').digest('base64url').slice(0, 16)
  expect(cookieFor(cookies(), 1)).toBe(`SRV=${expected}`)
  const elsewhere = cookies() // another worker, another machine
  expect(openSession(elsewhere, [`Cookie: SRV=${expected}`]).slot).toBe(1)
  const otherKey = cookies({ key: Buffer.from('another key of as many bytes....') })
  expect(openSession(otherKey, [`Cookie: SRV=${expected}`]).slot).toBe(-1)
})

test('all attributes', () => {
  const made = cookies({
    path: '/shop',
    domain: 'weir.test',
    httpOnly: false,
    secure: true,
    sameSite: 'Lax',
    nocache: false,
  })
  const lines = answered(openSession(made), 0)
  expect(lines).toEqual([`Set-Cookie: ${cookieIn(lines)}; Path=/shop; Domain=weir.test; Secure; SameSite=Lax`])
})

test('what is no cookie of ours is none, and a good one takes its place', () => {
  const made = cookies()
  const good = cookieFor(made, 2)
  for (const line of [
    'Cookie:',
    'Cookie: SRV',
    'Cookie: SRV=',
    'Cookie: SRV=0',
    `Cookie: SRV=${'x'.repeat(8000)}`,
    `Cookie: ${good}x`,
    `Cookie: ${good.slice(0, -1)}`,
    `Cookie: ${good.toLowerCase().replace('srv', 'SRV')}`,
    `Cookie: ${good.replace('SRV', 'srv')}`,
    `Cookie: X${good}`,
    `Cookie: a=${good}`,
    `Cookie: SRV =${good.slice(4)}`,
    `Cookies: ${good}`,
    `Cookie: "${good}"`,
    'Cookie: SRV="',
    `Cookie: SRV=; ${good}`, // the first of a name counts
  ]) {
    const session = openSession(made, [line])
    expect(session.slot, line).toBe(-1)
    expect(cookieIn(answered(session, 2))).toBe(good)
  }
})

test('it is found among others, in quotes, and on any of several lines', () => {
  const made = cookies()
  const good = cookieFor(made, 2)
  const other = cookieFor(made, 0)
  for (const lines of [
    [`Cookie: a=1; ${good}; b=2`],
    [`cookie: a=1;${good}`],
    [`Cookie:\t${good} ;a`],
    [`Cookie: ;; ; ${good}`],
    [`Cookie: SRV="${good.slice(4)}"`],
    [`Cookie: ${good}; ${other}`],
    ['Cookie: a=1', 'X: y', `Cookie: ${good}`, `Cookie: ${other}`],
    [`Cookie: ${'a=1;'.repeat(4000)}${good}`],
  ]) {
    expect(openSession(made, lines).slot, String(lines)).toBe(2)
  }
})

test('a client that was sent to another server belongs to that one from now on', () => {
  const made = cookies()
  const session = openSession(made, [`Cookie: ${cookieFor(made, 0)}`])
  expect(session.slot).toBe(0)
  const next = cookieIn(answered(session, 1))
  expect(openSession(made, [`Cookie: ${next}`]).slot).toBe(1)
})

test('a server that is gone is nobody', () => {
  const made = cookies()
  const old = cookieFor(made, 2)
  const backend = backendWith(byCookie())
  const smaller = new InsertedCookies({ ...backend, servers: backend.servers.slice(0, 2) }, cookieSpec())
  expect(openSession(smaller, [`Cookie: ${old}`]).slot).toBe(-1)
})

describe('what the server sees', () => {
  test('indirect: nothing of it, wherever it stands', () => {
    const made = cookies()
    const cases: [string[], string[]][] = [
      [['Cookie: SRV=1'], []],
      [['Cookie: SRV=1; a=1'], ['Cookie: a=1']],
      [['Cookie: a=1; SRV=1'], ['Cookie: a=1']],
      [['Cookie: a=1; SRV=1; b=2'], ['Cookie: a=1; b=2']],
      [['Cookie: a=1;SRV=1;b=2'], ['Cookie: a=1;b=2']],
      [['Cookie: SRV=1; SRV=2; a=1; SRV=3; SRV=4; b; SRV=5'], ['Cookie: a=1; b']],
      [['Cookie: SRV="1"; srv=2; SRVX=3; XSRV=4'], ['Cookie: srv=2; SRVX=3; XSRV=4']],
      [
        ['A: 1', 'cookie:SRV=1', 'B: 2'],
        ['A: 1', 'B: 2'],
      ],
      [
        ['Cookie: a=1', 'Cookie: SRV=1', 'Cookie: b=2; SRV=2'],
        ['Cookie: a=1', 'Cookie: b=2'],
      ],
      [['Cookie: ; ;SRV=1; ;'], []],
      [['Cookie: ;SRV=1; a=1;;'], ['Cookie: ;a=1;;']],
      [
        ['Cookie: SRV=1 ', 'Cookies: SRV=1', 'Set-Cookie: SRV=1'],
        ['Cookies: SRV=1', 'Set-Cookie: SRV=1'],
      ],
      [['Cookie: a=1; SRV', 'Cookie: SRV='], ['Cookie: a=1; SRV']],
      [[`Cookie: ${'SRV=1;'.repeat(2000)}a=1`], ['Cookie: a=1']],
    ]
    for (const [lines, expected] of cases) {
      expect(edited(openSession(made, lines), lines), lines.join('\n')).toEqual(expected)
      expect(edited(openSession(made, lines), lines, ''), lines.join('\n')).toEqual(expected)
    }
  })

  test('a request without it stays as it is', () => {
    const made = cookies()
    const lines = ['Cookie: a=1; SRV', 'Cookie: ;;', 'Cookie:']
    expect(edited(openSession(made, lines), lines)).toEqual(lines)
  })

  test('without indirect: all of it', () => {
    const made = cookies({ indirect: false })
    const lines = [`Cookie: a=1; ${cookieFor(made, 0)}; b=2`]
    const session = openSession(made, lines)
    expect(session.slot).toBe(0)
    expect(edited(session, lines)).toEqual(lines)
    expect(answered(session, 0)).toEqual([])
  })
})

describe('what the client sees', () => {
  test('a cookie of the same name that the server sets goes no further', () => {
    const made = cookies({ nocache: false })
    const good = cookieFor(made, 1)
    const lines = ['Set-Cookie: SRV=mine; Path=/', 'Set-Cookie: a=1', 'set-cookie: SRV =2', 'Set-Cookie: SRVX=3']
    const kept = ['Set-Cookie: a=1', 'Set-Cookie: SRVX=3']
    expect(answered(openSession(made, [`Cookie: ${good}`]), 1, lines)).toEqual(kept)
    expect(answered(openSession(made), 1, lines)).toEqual([...kept, `Set-Cookie: ${good}; Path=/; HttpOnly`])
  })

  test('nocache: a response that sets it is private, unless it says so itself', () => {
    const made = cookies()
    const controlOf = (...lines: string[]) =>
      answered(openSession(made), 0, lines).filter((line) => line.toLowerCase().startsWith('cache-control'))
    expect(controlOf()).toEqual(['Cache-Control: private'])
    expect(controlOf('Cache-Control: max-age=60')).toEqual(['Cache-Control: max-age=60', 'Cache-Control: private'])
    expect(controlOf('Cache-Control: private="X"')).toEqual(['Cache-Control: private="X"', 'Cache-Control: private'])
    for (const line of ['cache-control: no-store', 'Cache-Control: max-age=60, Private']) {
      expect(controlOf(line)).toEqual([line])
    }
    const known = openSession(made, [`Cookie: ${cookieFor(made, 0)}`])
    expect(answered(known, 0, ['Cache-Control: max-age=60'])).toEqual(['Cache-Control: max-age=60'])
  })
})

describe('limits', () => {
  const hour = 3_600_000
  const at = (more: Partial<CookieSpec>) => {
    const clock = { now: 1_800_000_000 }
    return { clock, made: cookies(more, () => clock.now) }
  }
  const ask = (made: InsertedCookies, cookie: string) => openSession(made, [`Cookie: ${cookie}`])

  test('max_idle: it ends when it was not seen for so long, and is renewed once in a tenth of that', () => {
    const { clock, made } = at({ maxIdle: ms(hour) })
    let cookie = cookieFor(made, 1)
    clock.now += 300
    expect(answered(ask(made, cookie), 1)).toEqual([])
    for (let i = 0; i < 20; i++) {
      clock.now += 3200
      const session = ask(made, cookie)
      expect(session.slot).toBe(1)
      const renewed = cookieIn(answered(session, 1))
      expect(renewed).not.toBe(cookie)
      cookie = renewed
    }
    clock.now += 3601
    const late = ask(made, cookie)
    expect(late.slot).toBe(-1)
    expect(cookieIn(answered(late, 2))).not.toBe(cookie)
  })

  test('max_life: it ends so long after it was first set, however often it is seen', () => {
    const { clock, made } = at({ maxIdle: ms(hour), maxLife: ms(3 * hour) })
    let cookie = cookieFor(made, 1)
    for (let i = 0; i < 5; i++) {
      clock.now += 2000
      const session = ask(made, cookie)
      expect(session.slot).toBe(1)
      cookie = cookieIn(answered(session, 1))
    }
    clock.now += 801
    expect(ask(made, cookie).slot).toBe(-1)
    const alone = at({ maxLife: ms(hour) })
    const lasting = cookieFor(alone.made, 0)
    alone.clock.now += 3600
    expect(ask(alone.made, lasting).slot).toBe(0)
    expect(answered(ask(alone.made, lasting), 0)).toEqual([])
    alone.clock.now += 1
    expect(ask(alone.made, lasting).slot).toBe(-1)
  })

  test('a move to another server begins a new life', () => {
    const { clock, made } = at({ maxLife: ms(hour) })
    const session = ask(made, cookieFor(made, 1))
    clock.now += 3000
    const moved = cookieIn(answered(session, 2))
    clock.now += 3000
    expect(ask(made, moved).slot).toBe(2)
  })

  test('it is the same on another machine, whose clock may be behind', () => {
    const { clock, made } = at({ maxIdle: ms(hour), maxLife: ms(hour) })
    const cookie = cookieFor(made, 1)
    const elsewhere = cookies({ maxIdle: ms(hour), maxLife: ms(hour) }, () => clock.now - 30)
    expect(ask(elsewhere, cookie).slot).toBe(1)
  })

  test('nobody makes it younger, or another server of it: every change is seen', () => {
    const { clock, made } = at({ maxIdle: ms(hour) })
    const cookie = cookieFor(made, 1)
    expect(cookie).toHaveLength('SRV='.length + 16 + 1 + 16)
    expect(ask(made, cookie).slot).toBe(1)
    for (let i = 'SRV='.length; i < cookie.length; i++) {
      const changed = cookie.slice(0, i) + (cookie[i] === 'A' ? 'B' : 'A') + cookie.slice(i + 1)
      expect(ask(made, changed).slot, changed).toBe(-1)
    }
    const stamp = cookie.slice(-17)
    const other = cookieFor(made, 2)
    for (const made2 of [
      other.slice(0, -17) + stamp,
      cookie.slice(0, -17),
      `${cookie}A`,
      cookie.slice(0, -1),
      `${cookie}=`,
    ]) {
      expect(ask(made, made2).slot, made2).toBe(-1)
    }
    clock.now += 3601
    expect(ask(made, cookie).slot).toBe(-1) // known to be genuine, and still at its end
  })

  test('a backend that has given up its limits takes cookies that have a stamp', () => {
    const stamped = cookieFor(at({ maxIdle: ms(hour) }).made, 1)
    const made = cookies()
    expect(ask(made, stamped).slot).toBe(1)
  })
})
