// Who is admitted, and as which source: the rules without sockets.
import { expect, test } from 'vitest'
import { compileClientRules, type ClientRules } from '../../../src/data/clients/client-rules.ts'
import type { WorkerContext } from '../../../src/data/context.ts'
import type { ClientRulesSpec, FrontendSpec } from '../../../src/messages/snapshot.ts'
import { KeyedTable } from '../../../src/scoreboard/keyed-table.ts'
import { createScoreboard } from '../../../src/scoreboard/scoreboard.ts'
import { createSourceTable } from '../../../src/scoreboard/sources.ts'
import { openFrontend } from '../../support/specs.ts'

const workers = 2
const boardOf = () => createScoreboard({ workers, frontends: 2, backends: 1, servers: 1 })

function rulesOf(
  clients: Partial<ClientRulesSpec>,
  { slot = 0, worker = 0, table = createSourceTable(64, workers), board = boardOf(), mode = 'http', trusted = '' } = {},
) {
  const trust = { ...openFrontend.trust, networks: trusted === '' ? [] : [trusted] }
  const frontend = {
    slot,
    mode,
    trust,
    clients: { ...openFrontend.clients, ...clients },
  } as Partial<FrontendSpec> as FrontendSpec
  const context = { worker, row: board.rows[worker]! } as WorkerContext
  return compileClientRules(frontend, new KeyedTable(table), context)!
}

const refused = (rules: ClientRules, address: string, now = 0): string =>
  rules.admit(address, now) === null ? rules.refusal : 'admitted'

test('a frontend without rules has nothing to ask', () => {
  expect(rulesOf({})).toBe(null)
  expect(rulesOf({ requestRate: { perSecond: 1, burst: 1 } }, { mode: 'tcp' })).toBe(null)
  expect(rulesOf({ exempt: ['10.0.0.1'] })).not.toBe(null)
})

test('allow and deny: who is on both lists is denied, and an empty list of the allowed allows nobody', () => {
  const rules = rulesOf({ allow: ['10.0.0.0/8'], deny: ['10.1.0.0/16'], exempt: ['10.1.0.0/16'] })
  expect(refused(rules, '10.2.0.1')).toBe('admitted')
  expect(refused(rules, '10.1.0.1')).toBe('source_denied')
  expect(refused(rules, '192.0.2.1')).toBe('source_denied')
  expect(refused(rules, '')).toBe('source_denied')
  expect(refused(rulesOf({ allow: [] }), '10.2.0.1')).toBe('source_denied')
})

test('connections of one source: so many at a time, and one that ends makes room', () => {
  const rules = rulesOf({ connections: 2 })
  const first = rules.admit('192.0.2.1', 0)!
  expect(rules.admit('192.0.2.1', 0)).not.toBe(null)
  expect(refused(rules, '192.0.2.1')).toBe('source_full')
  expect(refused(rules, '192.0.2.2')).toBe('admitted')
  first.close()
  expect(refused(rules, '192.0.2.1')).toBe('admitted')
})

test.each([
  ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', '2001:db8:1:3::1'],
  ['192.0.2.1', '::ffff:192.0.2.1', '192.0.2.2'],
])('%s and %s are one source, %s is another', (one, same, other) => {
  const rules = rulesOf({ connections: 1 })
  expect([refused(rules, one), refused(rules, same), refused(rules, other)]).toEqual([
    'admitted',
    'source_full',
    'admitted',
  ])
})

test('the prefix says what one source is', () => {
  const rules = rulesOf({ connections: 1, prefix4: 24, prefix6: 48 })
  expect(refused(rules, '192.0.2.1')).toBe('admitted')
  expect(refused(rules, '192.0.2.200')).toBe('source_full')
  expect(refused(rules, '2001:db8:1:2::1')).toBe('admitted')
  expect(refused(rules, '2001:db8:1:3::1')).toBe('source_full')
})

test('each frontend counts for itself, and all workers together', () => {
  const shared = { table: createSourceTable(64, workers), board: boardOf() }
  const [one, two, other] = [
    rulesOf({ connections: 2 }, shared),
    rulesOf({ connections: 2 }, { ...shared, worker: 1 }),
    rulesOf({ connections: 2 }, { ...shared, slot: 1 }),
  ]
  expect([refused(one, '192.0.2.1'), refused(two, '192.0.2.1')]).toEqual(['admitted', 'admitted'])
  expect([refused(one, '192.0.2.1'), refused(two, '192.0.2.1')]).toEqual(['source_full', 'source_full'])
  expect(refused(other, '192.0.2.1')).toBe('admitted')
})

test('the rate of connections, over all workers, and how long to wait', () => {
  const shared = { table: createSourceTable(64, workers), board: boardOf() }
  const rate = { connectionRate: { perSecond: 0.1, burst: 3 } }
  const [one, two] = [rulesOf(rate, shared), rulesOf(rate, { ...shared, worker: 1 })]
  expect([one, two, one, two].map((rules) => refused(rules, '192.0.2.1', 1000))).toEqual([
    'admitted',
    'admitted',
    'admitted',
    'rate_limited',
  ])
  expect(two.retryAfter).toBe(10)
  expect(refused(one, '192.0.2.1', 9000)).toBe('rate_limited')
  expect(one.retryAfter).toBe(2)
  expect(refused(one, '192.0.2.1', 11_001)).toBe('admitted')
})

test('a connection that comes too fast takes no place in its source', () => {
  const rules = rulesOf({ connections: 2, connectionRate: { perSecond: 0.1, burst: 1 } })
  expect(refused(rules, '192.0.2.1', 0)).toBe('admitted')
  for (let i = 0; i < 5; i++) expect(refused(rules, '192.0.2.1', 0)).toBe('rate_limited')
  expect(refused(rules, '192.0.2.1', 20_000)).toBe('admitted')
  expect(refused(rules, '192.0.2.1', 40_000)).toBe('source_full')
})

test('requests are counted by source, whatever connections and workers they come by', () => {
  const shared = { table: createSourceTable(64, workers), board: boardOf() }
  const rate = { requestRate: { perSecond: 1, burst: 4 } }
  const sources = [0, 1].map((worker) => rulesOf(rate, { ...shared, worker }).admit('192.0.2.1', 0)!)
  const other = rulesOf(rate, shared).admit('192.0.2.2', 0)!
  const asked = [0, 1, 0, 1, 0, 1].map((worker) => sources[worker]!.allowRequest(0))
  expect(asked).toEqual([0, 0, 0, 0, 1, 1])
  expect(other.allowRequest(0)).toBe(0)
  expect(sources[0]!.allowRequest(1001)).toBe(0)
})

test('what a source has asked for is remembered when its connections have ended', () => {
  const rules = rulesOf({ requestRate: { perSecond: 1, burst: 1 } })
  const source = rules.admit('192.0.2.1', 0)!
  expect(source.allowRequest(0)).toBe(0)
  source.close()
  expect(rules.admit('192.0.2.1', 10)!.allowRequest(10)).toBe(1)
})

test('exempt networks and clients of unix sockets are never limited', () => {
  const rules = rulesOf({
    connections: 1,
    connectionRate: { perSecond: 1, burst: 1 },
    exempt: ['192.0.2.0/24'],
    requestRate: { perSecond: 1, burst: 1 },
  })
  for (let i = 0; i < 5; i++) {
    expect(rules.admit('192.0.2.1', 0)).toMatchObject({ exempt: true })
    expect(rules.admit(null, 0)).toMatchObject({ exempt: false })
    expect(rules.admit('192.0.2.1', 0)!.allowRequest(0)).toBe(0)
  }
})

test('when every entry is held, a new source is let in without being limited, and counted as such', () => {
  const board = boardOf()
  const rules = rulesOf(
    { connections: 1, requestRate: { perSecond: 1, burst: 1 } },
    { board, table: createSourceTable(8, workers) },
  )
  for (let i = 1; i <= 8; i++) expect(refused(rules, `192.0.2.${i}`)).toBe('admitted')
  for (let i = 0; i < 3; i++) {
    const source = rules.admit('192.0.2.99', 0)!
    expect([source.allowRequest(0), source.allowRequest(0)]).toEqual([0, 0])
    source.close()
  }
  expect(board.rows[0]!.counters.frontend.untracked[0]).toBe(3)
  expect(refused(rules, '192.0.2.8')).toBe('source_full')
})

test('a trusted proxy comes in by right, and each of its requests is judged by its client', () => {
  const rules = rulesOf(
    { allow: ['192.0.2.0/24'], deny: ['192.0.2.66'], exempt: ['192.0.2.7'] },
    { trusted: '10.0.0.0/8' },
  )
  const source = rules.admit('10.0.0.1', 0)!
  expect(source.speakFor('192.0.2.1')).toBe(null)
  expect(source.exempt).toBe(false)
  expect(source.speakFor('192.0.2.66')).toBe('source_denied')
  expect(source.speakFor('10.0.0.1')).toBe('source_denied')
  expect(source.speakFor('192.0.2.7')).toBe(null)
  expect(source.exempt).toBe(true)
  expect(refused(rules, '11.0.0.1')).toBe('source_denied')
})

test('over tcp a trusted proxy is a client like any other', () => {
  expect(refused(rulesOf({ deny: ['10.0.0.1'] }, { trusted: '10.0.0.0/8', mode: 'tcp' }), '10.0.0.1')).toBe(
    'source_denied',
  )
})

test('requests that proxies bring are counted by client, with those that it sends itself, on all workers', () => {
  const shared = { table: createSourceTable(64, workers), trusted: '10.0.0.0/8' }
  const rate = { requestRate: { perSecond: 1, burst: 3 }, connections: 1 }
  const [one, two] = [0, 1].map((worker) => rulesOf(rate, { ...shared, worker }))
  const direct = one!.admit('192.0.2.1', 0)!
  const proxies = [one!.admit('10.0.0.1', 0)!, two!.admit('10.0.0.2', 0)!]
  for (const proxy of proxies) proxy.speakFor('192.0.2.1')
  const asked = [proxies[0]!, direct, proxies[1]!, proxies[0]!, direct].map((source) => source.allowRequest(0))
  expect(asked).toEqual([0, 0, 0, 1, 1])
  proxies[0]!.speakFor('192.0.2.2')
  expect(proxies[0]!.allowRequest(0)).toBe(0)
  for (const source of [direct, ...proxies]) source.close()
  expect(new KeyedTable(shared.table).pins.every((n) => n === 0)).toBe(true)
})

test('a proxy that is exempt brings clients that are not', () => {
  const rate = { requestRate: { perSecond: 1, burst: 1 }, exempt: ['10.0.0.0/8'], connections: 1 }
  const rules = rulesOf(rate, { trusted: '10.0.0.0/8' })
  const proxies = [rules.admit('10.0.0.1', 0)!, rules.admit('10.0.0.1', 0)!]
  for (const proxy of proxies) proxy.speakFor('192.0.2.1')
  expect(proxies.map((proxy) => proxy.allowRequest(0))).toEqual([0, 1])
})
