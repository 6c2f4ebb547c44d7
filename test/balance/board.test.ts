import { expect, test } from 'vitest'
import { createBoard } from '../../src/balance/board.ts'
import { createColumns } from '../../src/balance/columns.ts'
import { OUTCOME_FAILED, OUTCOME_OK, OUTCOME_TIMEOUT } from '../../src/balance/outcome.ts'

test('a request waits until it is answered and is in flight until it ends', () => {
  const columns = createColumns(3)
  const { server, backend } = columns
  const board = createBoard(columns)
  const counts = () => [server.inflight[1], server.waiting[1], backend.inflight[0]]
  board.start(1, 100)
  board.start(1, 200)
  expect(counts()).toEqual([2, 2, 2])
  board.answer(1, 300, 200, OUTCOME_OK)
  expect(counts()).toEqual([2, 1, 2])
  board.end(1)
  board.abandon(1)
  board.end(1)
  expect(counts()).toEqual([0, 0, 0])
})

test('boards of two workers count together', () => {
  const columns = createColumns(1)
  const [one, other] = [createBoard(columns), createBoard(columns)]
  one.start(0, 1)
  other.start(0, 2)
  expect(columns.server.inflight[0]).toBe(2)
  one.end(0)
  expect(columns.server.inflight[0]).toBe(1)
})

test('silence is counted from the first request that waits, or from the last answer', () => {
  const columns = createColumns(1)
  const { progress } = columns.server
  const board = createBoard(columns)
  board.start(0, 1000)
  board.start(0, 2000)
  expect(progress[0]).toBe(1000)
  board.answer(0, 3000, 2000, OUTCOME_OK)
  board.start(0, 4000)
  expect(progress[0]).toBe(3000)
  board.answer(0, 5000, 300, OUTCOME_FAILED)
  board.answer(0, 6000, 4000, OUTCOME_TIMEOUT)
  expect(progress[0]).toBe(3000) // a failure is no sign of life
  board.start(0, 9000) // the others are in flight, but nobody waits
  expect(progress[0]).toBe(9000)
})

test('a client that leaves teaches nothing', () => {
  const columns = createColumns(1)
  const board = createBoard(columns)
  board.start(0, 1000)
  board.abandon(0)
  board.end(0)
  const { latency, failing, consecutive, factor } = columns.server
  expect([latency[0], failing[0], consecutive[0], factor[0]]).toEqual([0, 0, 0, 1])
})
