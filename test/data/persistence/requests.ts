// Requests and responses for tests of sessions: heads as text, parsed as the data path parses them, and what becomes of them
// on the way through a session.
import { expect } from 'vitest'
import { HEAD_OVERHEAD, SAY_NOTHING, writeResponseHead } from '../../../src/data/http1/forward.ts'
import { RequestHead, parseRequestHead } from '../../../src/data/http1/request-head.ts'
import { ResponseHead, parseResponseHead } from '../../../src/data/http1/response-head.ts'
import type { KeyedClient } from '../../../src/data/key/origin.ts'
import type { Session, Sessions } from '../../../src/data/http1/session.ts'
import type { BackendSpec, CookieSpec, PersistenceSpec, SessionTableSpec } from '../../../src/messages/snapshot.ts'
import { ms } from '../../../src/model/units.ts'
import { millisOf } from '../../../src/scoreboard/clock.ts'
import { snapshotOf } from '../../support/data-plane.ts'
import { limits } from '../http1/readers.ts'

const key = Buffer.from('a key of at least so many bytes.')

export const cookieSpec = (more: Partial<CookieSpec> = {}): CookieSpec => ({
  name: 'SRV',
  mode: 'insert',
  indirect: true,
  nocache: true,
  httpOnly: true,
  secure: false,
  sameSite: null,
  domain: null,
  path: '/',
  maxIdle: ms(0),
  maxLife: ms(0),
  key,
  ...more,
})

export const tableSpec = (more: Partial<SessionTableSpec> = {}): SessionTableSpec => ({
  by: [],
  cookie: null,
  entries: 64,
  idle: ms(60_000),
  ...more,
})

export const byCookie = (more: Partial<CookieSpec> = {}): PersistenceSpec => ({
  strict: false,
  cookie: cookieSpec(more),
  table: null,
})

export const byTable = (more: Partial<SessionTableSpec> = {}): PersistenceSpec => ({
  strict: false,
  cookie: null,
  table: tableSpec(more),
})

/** Backend `app` with servers s1, s2 and s3 at slots 0 to 2. */
export const backendWith = (
  persistence: PersistenceSpec,
  more: Partial<Omit<BackendSpec, 'servers'>> = {},
): BackendSpec => snapshotOf({ backends: [{ servers: [1, 2, 3], persistence, ...more }] }).backends[0]!

export const clientAt = (address: string): KeyedClient =>
  ({ address, socket: {}, origin: null }) as unknown as KeyedClient

const requestHead = new RequestHead()
const responseHead = new ResponseHead()
const before = 'left by an earlier one' // heads do not always stand at the start of a buffer

export interface Ask {
  readonly client?: KeyedClient
  /** performance.now() */
  readonly now?: number
  readonly target?: string
}

/** The session of a request with these field lines. */
export function openSession(sessions: Sessions, lines: readonly string[] = [], ask: Ask = {}): Session {
  const text = [`GET ${ask.target ?? '/'} HTTP/1.1`, 'Host: weir.test', ...lines, '', ''].join('\r\n')
  const buffer = Buffer.from(`${before}${text}\0`, 'latin1')
  const result = parseRequestHead(requestHead, buffer, before.length, buffer.length - 1, { ...limits, head: 65_536 })
  expect(result).toBe(buffer.length - 1)
  return sessions.open(requestHead, buffer, ask.client ?? clientAt('192.0.2.1'), ask.now ?? performance.now())
}

/** The field lines that the server gets, of a request with these; a body that is there already stays behind them. */
export function edited(session: Session, lines: readonly string[], body = 'body'): string[] {
  const head = ['GET / HTTP/1.1', 'Host: weir.test', ...lines, '', ''].join('\r\n')
  const out = Buffer.from(`${head}${body}and what an earlier request has left`, 'latin1')
  const gone = session.editRequest(out, head.length, head.length + body.length)
  const [first, host, ...rest] = out.latin1Slice(0, head.length + body.length - gone).split('\r\n')
  expect([first, host, rest.pop(), rest.pop()]).toEqual(['GET / HTTP/1.1', 'Host: weir.test', body, ''])
  return rest
}

/** The field lines that the client gets, of a response of the server at `slot` with these. */
export function answered(
  session: Session,
  slot: number,
  lines: readonly string[] = [],
  now = performance.now(),
): string[] {
  const text = ['HTTP/1.1 200 OK', ...lines, '', ''].join('\r\n')
  const buffer = Buffer.from(`${before}${text}\0`, 'latin1')
  const end = parseResponseHead(responseHead, buffer, before.length, buffer.length - 1)
  expect(end).toBe(buffer.length - 1)
  const added = session.onResponse(slot, responseHead, buffer, millisOf(now))
  const out = Buffer.alloc(text.length + added.length + HEAD_OVERHEAD)
  const length = writeResponseHead(out, 0, responseHead, buffer, end, SAY_NOTHING, false, end, added)
  return out.latin1Slice(0, length).split('\r\n').slice(1, -2)
}

/** `name=value` of the one cookie that these lines set. */
export function cookieIn(lines: readonly string[]): string {
  const set = lines.filter((line) => /^set-cookie:/i.test(line))
  expect(set).toHaveLength(1)
  return /^set-cookie: ([^;]*)/i.exec(set[0]!)![1]!
}
