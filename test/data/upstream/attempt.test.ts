// An attempt counts itself once, whatever happens to it in whatever order, and tells the balancer of it.
import { expect, test } from 'vitest'
import { createBoard } from '../../../src/balance/board.ts'
import { createColumns } from '../../../src/balance/columns.ts'
import { OUTCOME_FAILED, OUTCOME_OK, OUTCOME_TIMEOUT } from '../../../src/balance/outcome.ts'
import type { Balancer } from '../../../src/balance/types.ts'
import { Attempt, outcomeOfStatus } from '../../../src/data/upstream/attempt.ts'
import type { Server } from '../../../src/data/upstream/server.ts'

function setUp(hooks: Partial<Balancer> = {}) {
  const columns = createColumns(2)
  const counters = {
    connectErrors: new Float64Array(2),
    responseErrors: new Float64Array(2),
    retries: new Float64Array(2),
  }
  const server = {
    slot: 1,
    queue: null,
    counts: createBoard(columns),
    balancer: { name: 'none', pick: () => 1, ...hooks },
    counters,
  } as unknown as Server
  const counts = () => [columns.server.inflight[1], columns.server.waiting[1], columns.backend.inflight[0]]
  return { columns, counters, server, counts, attempt: new Attempt() }
}

test('begun, answered, ended: in flight until the end, waited for until the answer', () => {
  const { attempt, server, counts, columns } = setUp()
  attempt.begin(server, 1000)
  expect(counts()).toEqual([1, 1, 1])
  attempt.answer(OUTCOME_OK, 1002.5)
  expect(counts()).toEqual([1, 0, 1])
  attempt.end()
  expect(counts()).toEqual([0, 0, 0])
  expect(columns.server.latency[1]).toBe(2500)
})

test('only the first answer counts, and the end comes once', () => {
  const { attempt, server, counts, columns, counters } = setUp()
  attempt.begin(server, 1000)
  attempt.answer(OUTCOME_OK, 1001)
  attempt.fail('responseErrors', OUTCOME_TIMEOUT)
  attempt.end()
  attempt.end()
  expect(counts()).toEqual([0, 0, 0])
  expect(columns.server.failing[1]).toBe(0)
  expect(counters.responseErrors[1]).toBe(1)
})

test('without an answer nothing is learnt', () => {
  const { attempt, server, counts, columns } = setUp()
  attempt.begin(server, 1000)
  attempt.end()
  expect(counts()).toEqual([0, 0, 0])
  attempt.answer(OUTCOME_FAILED, 1001)
  expect([columns.server.latency[1], columns.server.failing[1], columns.server.consecutive[1]]).toEqual([0, 0, 0])
})

test('an attempt object is good for the next one', () => {
  const { attempt, server, counts, columns } = setUp()
  for (let i = 0; i < 3; i++) {
    attempt.begin(server, 1000 * i)
    if (i !== 1) attempt.answer(OUTCOME_OK, 1000 * i + 4)
    attempt.end()
  }
  expect(counts()).toEqual([0, 0, 0])
  expect(columns.server.latency[1]).toBe(4000)
})

test('the balancer hears of starts and of answers, of answers with what was learnt', () => {
  const heard: unknown[] = []
  const { attempt, server } = setUp({
    onStart: (slot) => heard.push(['start', slot]),
    onEnd: (slot, _now, latency, outcome) => heard.push(['end', slot, latency, outcome]),
  })
  attempt.begin(server, 10)
  attempt.answer(OUTCOME_TIMEOUT, 15)
  attempt.end()
  attempt.begin(server, 20)
  attempt.end()
  expect(heard).toEqual([
    ['start', 1],
    ['end', 1, 5000, OUTCOME_TIMEOUT],
    ['start', 1],
  ])
})

test('the statuses that a server fails with are 500, 502, 503 and 504', () => {
  const failed = [...Array(600).keys()].filter((status) => outcomeOfStatus(status) === OUTCOME_FAILED)
  expect(failed).toEqual([500, 502, 503, 504])
})
