// A configuration on trial: when it goes by itself, and why.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Trial, complaint, type Vitals } from '../../../src/control/reload/trial.ts'
import { ms } from '../../../src/model/units.ts'

const vitals = (requests: number, failures: number, up = [1, 2, 3], servers = [1, 2, 3]): Vitals => ({
  requests,
  failures,
  servers: new Set(servers),
  up: new Set(up),
})

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('a server that was up and is not is a complaint; one that was removed, or has come, is none', () => {
  expect(complaint(vitals(0, 0), vitals(0, 0, [1, 2]))).toBe('1 of 3 servers that were up are not any more')
  expect(complaint(vitals(0, 0), vitals(0, 0, [1, 2], [1, 2]))).toBe(null)
  expect(complaint(vitals(0, 0), vitals(0, 0, [1, 2, 3], [1, 2, 3, 4]))).toBe(null)
})

test('failures are held against what was usual, and few requests say nothing', () => {
  const before = vitals(1000, 50)
  expect(complaint(before, vitals(1010, 60))).toBe(null)
  expect(complaint(before, vitals(1100, 60))).toBe(null)
  expect(complaint(before, vitals(1100, 70))).toBe('20 of 100 requests failed, 5.0 % did before')
})

test('not confirmed in time, the old one returns; confirmed, nothing happens', () => {
  const failures: string[] = []
  const start = () =>
    new Trial({
      span: ms(60_000),
      before: vitals(0, 0),
      vitals: () => vitals(0, 0),
      onFailure: (why) => failures.push(why),
    })
  const confirmed = start()
  vi.advanceTimersByTime(59_000)
  confirmed.end()
  vi.advanceTimersByTime(10_000)
  expect(failures).toEqual([])
  start()
  vi.advanceTimersByTime(61_000)
  expect(failures).toEqual(['it was not confirmed in time'])
})

test('when things go worse the old one returns at once, and only once', () => {
  const failures: string[] = []
  let now = vitals(100, 0)
  const options = { span: ms(60_000), before: vitals(100, 0), vitals: () => now }
  const trial = new Trial({ ...options, onFailure: (why) => failures.push(why) })
  vi.advanceTimersByTime(1000)
  expect(failures).toEqual([])
  now = vitals(200, 40)
  vi.advanceTimersByTime(120_000)
  trial.end()
  expect(failures).toEqual(['40 of 100 requests failed, 0.0 % did before'])
})
