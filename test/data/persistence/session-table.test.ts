// Tables of sessions: by parts of a request, by the cookie of an application, by the address of a connection. Where a session
// belongs, when it ends, who else can see it, and what happens when the table is full.
import { describe, expect, test } from 'vitest'
import { AppSessions } from '../../../src/data/persistence/app-sessions.ts'
import { KeyedSessions } from '../../../src/data/persistence/keyed-sessions.ts'
import { createSessionMemory } from '../../../src/data/persistence/session-table.ts'
import { connectionSessionsOf, createSessions } from '../../../src/data/persistence/sessions.ts'
import type { SessionTableSpec } from '../../../src/messages/snapshot.ts'
import { ms } from '../../../src/model/units.ts'
import { keyPart } from '../../support/key-parts.ts'
import { answered, backendWith, byTable, clientAt, edited, openSession, tableSpec } from './requests.ts'

const byUser = { by: [keyPart('header', { name: 'x-user' })] }

function keyed(more: Partial<SessionTableSpec>, memory = createSessionMemory(tableSpec(more))) {
  return new KeyedSessions(backendWith(byTable(more)), tableSpec(more), memory)
}

describe('by what requests have in common', () => {
  test('a session belongs to the server that has answered first, and changes nothing on the way', () => {
    const sessions = keyed(byUser)
    const lines = ['X-User: ann']
    const first = openSession(sessions, lines)
    expect(first.slot).toBe(-1)
    expect(openSession(sessions, lines).slot).toBe(-1) // nobody has answered yet
    expect(edited(first, lines)).toEqual(lines)
    expect(answered(first, 2, ['A: 1'])).toEqual(['A: 1'])
    expect(openSession(sessions, lines).slot).toBe(2)
    expect(openSession(sessions, ['X-User: bob']).slot).toBe(-1)
  })

  test('one that was sent to another server stays there', () => {
    const sessions = keyed(byUser)
    for (const slot of [0, 1, 0, 2]) {
      answered(openSession(sessions, ['X-User: ann']), slot)
      expect(openSession(sessions, ['X-User: ann']).slot).toBe(slot)
    }
  })

  test('client, query, cookie, several parts: as the keys of balancers', () => {
    const address = keyed({ by: [keyPart('client', { prefix4: 24 })] })
    answered(openSession(address, [], { client: clientAt('192.0.2.1') }), 1)
    expect(openSession(address, [], { client: clientAt('192.0.2.99') }).slot).toBe(1)
    expect(openSession(address, [], { client: clientAt('192.0.3.1') }).slot).toBe(-1)

    const query = keyed({ by: [keyPart('query', { name: 'sid' })] })
    answered(openSession(query, [], { target: '/a?sid=7' }), 1)
    expect(openSession(query, [], { target: '/b?x&sid=7' }).slot).toBe(1)

    const both = keyed({ by: [keyPart('header', { name: 'a' }), keyPart('cookie', { name: 'b' })] })
    answered(openSession(both, ['A: 1', 'Cookie: b=23']), 1)
    expect(openSession(both, ['A: 1', 'Cookie: b=23']).slot).toBe(1)
    expect(openSession(both, ['A: 12', 'Cookie: b=3']).slot).toBe(-1)
  })

  test('a request that has nothing of it has no session', () => {
    const sessions = keyed(byUser)
    answered(openSession(sessions), 1)
    expect(openSession(sessions).slot).toBe(-1)
    answered(openSession(sessions, ['X-User:']), 1)
    expect(openSession(sessions, ['X-User:']).slot).toBe(-1)
  })

  test('it ends when it was not seen for so long; being used keeps it', () => {
    const sessions = keyed({ ...byUser, idle: ms(60_000) })
    const begin = performance.now()
    const at = (now: number) => openSession(sessions, ['X-User: ann'], { now })
    answered(at(begin), 1, [], begin)
    for (let i = 1; i <= 10; i++) expect(at(begin + i * 59_000).slot).toBe(1)
    const last = begin + 590_000
    expect(at(last + 58_900).slot).toBe(1)
    expect(at(last + 58_900 + 61_000).slot).toBe(-1)
    const end = last + 200_000
    answered(at(end), 0, [], end)
    expect(at(end + 1000).slot).toBe(0)
  })

  test('the end is not missed when the clock comes round', () => {
    const day = 86_400_000
    const sessions = keyed({ ...byUser, idle: ms(24 * day) })
    const begin = performance.now()
    const at = (now: number) => openSession(sessions, ['X-User: ann'], { now }).slot
    answered(openSession(sessions, ['X-User: ann'], { now: begin }), 1, [], begin)
    for (const days of [25, 30, 40, 49]) expect(at(begin + days * day), `${days} days`).toBe(-1)
    expect(at(begin - 5)).toBe(1) // another worker's reading, taken a moment before
    expect(at(begin + 23 * day)).toBe(1)
  })

  test('all workers share it, and it outlives the one that wrote it', () => {
    const memory = createSessionMemory(tableSpec(byUser))
    answered(openSession(keyed(byUser, memory), ['X-User: ann']), 2)
    expect(openSession(keyed(byUser, memory), ['X-User: ann']).slot).toBe(2)
    expect(openSession(keyed(byUser), ['X-User: ann']).slot).toBe(-1)
  })

  test('a session of a server that is gone is none', () => {
    const memory = createSessionMemory(tableSpec(byUser))
    answered(openSession(keyed(byUser, memory), ['X-User: ann']), 2)
    const backend = backendWith(byTable(byUser))
    const smaller = new KeyedSessions({ ...backend, servers: backend.servers.slice(0, 2) }, tableSpec(byUser), memory)
    const session = openSession(smaller, ['X-User: ann'])
    expect(session.slot).toBe(-1)
    answered(session, 1)
    expect(openSession(smaller, ['X-User: ann']).slot).toBe(1)
  })

  test('full: those not seen for longest give way, and nobody gets the server of another', () => {
    const sessions = keyed({ ...byUser, entries: 64 })
    const begin = performance.now()
    const users = Array.from({ length: 1000 }, (_, i) => [`X-User: user ${i}`])
    const slotOf = (i: number) => i % 3
    for (const [i, lines] of users.entries()) {
      const now = begin + i
      answered(openSession(sessions, lines, { now }), slotOf(i), [], now)
      expect(openSession(sessions, lines, { now }).slot).toBe(slotOf(i))
    }
    const found = users.map((lines) => openSession(sessions, lines, { now: begin + 1000 }).slot)
    const kept = found.filter((slot) => slot >= 0).length
    expect(kept).toBeGreaterThan(40)
    expect(kept).toBeLessThanOrEqual(64)
    for (const [i, slot] of found.entries()) if (slot >= 0) expect(slot).toBe(slotOf(i))
    expect(found.slice(0, 500).every((slot) => slot < 0)).toBe(true)
  })
})

describe('by the cookie of the application', () => {
  const spec = tableSpec({ cookie: 'JSESSIONID' })
  const made = (memory = createSessionMemory(spec)) =>
    new AppSessions(backendWith(byTable({ cookie: 'JSESSIONID' })), spec, 'JSESSIONID', memory)
  const learn = (sessions: AppSessions, slot: number, value: string, lines: string[] = []) =>
    answered(openSession(sessions, lines), slot, [`Set-Cookie: JSESSIONID=${value}; Path=/; HttpOnly`])
  const slotOf = (sessions: AppSessions, value: string, target = '/') =>
    openSession(sessions, value === '' ? [] : [`Cookie: a=1; JSESSIONID=${value}`], { target }).slot

  test('a value leads to the server that has set it, and nothing is changed on the way', () => {
    const sessions = made()
    expect(learn(sessions, 1, 'abc')).toEqual(['Set-Cookie: JSESSIONID=abc; Path=/; HttpOnly'])
    expect(slotOf(sessions, 'abc')).toBe(1)
    expect(slotOf(sessions, '"abc"')).toBe(1)
    expect(slotOf(sessions, 'abd')).toBe(-1)
    const lines = ['Cookie: JSESSIONID=abc']
    expect(edited(openSession(sessions, lines), lines)).toEqual(lines)
  })

  test('as a parameter of the path, when there is no cookie', () => {
    const sessions = made()
    learn(sessions, 1, 'abc')
    learn(sessions, 2, 'def')
    for (const target of [
      '/cart;jsessionid=abc',
      '/cart;JSESSIONID=abc?x=1',
      '/cart;v=1;jsessionid=abc;w=2/next',
      'http://weir.test/;jsessionid=abc',
    ]) {
      expect(slotOf(sessions, '', target), target).toBe(1)
    }
    expect(slotOf(sessions, 'def', '/cart;jsessionid=abc')).toBe(2)
    for (const target of ['/jsessionid=abc', '/?;jsessionid=abc', '/;jsessionid', '/;jsessionid=', '/;xjsessionid=abc'])
      expect(slotOf(sessions, '', target), target).toBe(-1)
    expect(slotOf(sessions, '', `/${';'.repeat(8000)}`)).toBe(-1)
  })

  test('a new value after login belongs to the server that set it; the old one stays', () => {
    const sessions = made()
    learn(sessions, 1, 'before')
    learn(sessions, 1, 'after', ['Cookie: JSESSIONID=before'])
    expect(slotOf(sessions, 'before')).toBe(1)
    expect(slotOf(sessions, 'after')).toBe(1)
  })

  test('values that no server has set are not remembered', () => {
    const sessions = made()
    for (let i = 0; i < 3; i++) answered(openSession(sessions, ['Cookie: JSESSIONID=made-up']), 1)
    expect(slotOf(sessions, 'made-up')).toBe(-1)
    learn(sessions, 1, '')
    learn(sessions, 1, '""')
    expect(openSession(sessions, ['Cookie: JSESSIONID=']).slot).toBe(-1)
    expect(openSession(sessions, ['Cookie: JSESSIONID=""']).slot).toBe(-1)
  })

  test('a session whose server is gone stays with the one that answers in its place', () => {
    const sessions = made()
    learn(sessions, 1, 'abc')
    answered(openSession(sessions, ['Cookie: JSESSIONID=abc']), 2)
    expect(slotOf(sessions, 'abc')).toBe(2)
  })

  test('all workers know it', () => {
    const memory = createSessionMemory(spec)
    learn(made(memory), 1, 'abc')
    expect(slotOf(made(memory), 'abc')).toBe(1)
  })
})

describe('of tcp connections', () => {
  const made = (more: Partial<SessionTableSpec>) =>
    connectionSessionsOf(backendWith(byTable(more), { mode: 'tcp' }), null)!

  test('by the network of the client', () => {
    const sessions = made({ by: [keyPart('client', { prefix4: 24, prefix6: 64 })] })
    const now = performance.now()
    expect(sessions.usesServerName).toBe(false)
    expect(sessions.find('192.0.2.1', '', now)).toBe(-1)
    sessions.remember('192.0.2.1', '', 1, now)
    sessions.remember('2001:db8::1', '', 2, now)
    expect(sessions.find('192.0.2.200', 'a.test', now)).toBe(1)
    expect(sessions.find('192.0.3.1', '', now)).toBe(-1)
    expect(sessions.find('2001:db8::ffff', '', now)).toBe(2)
    expect(sessions.find('192.0.2.1', '', now + 61_000)).toBe(-1)
  })

  test('by the server name that it asks for', () => {
    const sessions = made({ by: [keyPart('sni')] })
    const now = performance.now()
    expect(sessions.usesServerName).toBe(true)
    sessions.remember('192.0.2.1', 'A.test', 1, now)
    expect(sessions.find('192.0.2.2', 'a.test', now)).toBe(1)
    expect(sessions.find('192.0.2.1', 'b.test', now)).toBe(-1)
    sessions.remember('192.0.2.1', '', 1, now) // says none: belongs nowhere
    expect(sessions.find('192.0.2.1', '', now)).toBe(-1)
  })

  test('clients of a unix socket have no address', () => {
    const sessions = made({ by: [keyPart('client')] })
    sessions.remember('unknown', '', 1, 0)
    expect(sessions.find('unknown', '', 0)).toBe(-1)
  })
})

test('what a backend does not keep, it does not look for', () => {
  const backend = backendWith(byTable(byUser))
  expect(createSessions({ ...backend, persistence: null }, null)).toBe(null)
  expect(connectionSessionsOf(backend, null)).toBe(null)
  expect(createSessions({ ...backend, mode: 'tcp' }, null)).toBe(null)
  expect(createSessions(backend, null)).toBeInstanceOf(KeyedSessions)
})
