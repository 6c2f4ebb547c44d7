// A certificate on trial: how it ends, by the counters of the scoreboard.
import { expect, onTestFinished, test, vi } from 'vitest'
import { setUpBoard, shapeFor } from '../../../src/control/board.ts'
import { CanaryJudge } from '../../../src/control/certificates/canary.ts'
import type { HeldCertificate } from '../../../src/control/certificates/types.ts'
import { ms } from '../../../src/model/units.ts'
import { frontendSpec, snapshotOf } from '../fixtures.ts'
import { memoryLog } from '../health/fixtures.ts'

type Counted = 'handshakes' | 'resumed' | 'certificateRefusals' | 'canaryHandshakes' | 'canaryRefusals'

function setUp() {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const snapshot = snapshotOf({ frontends: [frontendSpec(), frontendSpec({ slot: 1, name: 'api' })] })
  const board = setUpBoard(snapshot, shapeFor(snapshot, 2))
  const { log, lines } = memoryLog()
  const serving = { slots: [0] }
  const judge = new CanaryJudge({ board, frontends: () => serving.slots, log })
  onTestFinished(() => judge.close())
  const ends: string[] = []
  return {
    judge,
    lines,
    ends,
    serving,
    add(counts: Partial<Record<Counted, number>>, slot = 0, worker = 1) {
      for (const [column, n] of Object.entries(counts)) {
        board.rows[worker]!.counters.frontend[column as Counted][slot]! += n
      }
    },
    reset: (slot: number) => {
      for (const { counters } of board.rows) for (const column of Object.values(counters.frontend)) column[slot] = 0
    },
    begin: (name = 'www', span = ms(60_000)) =>
      judge.begin({
        name,
        certificate: {} as HeldCertificate,
        share: 0.05,
        span,
        onPromoted: () => ends.push('promoted'),
        onWithdrawn: (why) => ends.push(why),
      }),
  }
}

test('one that clients refuse is withdrawn within a second of the numbers that say so', () => {
  const s = setUp()
  s.add({ handshakes: 5000, certificateRefusals: 4000 }) // long before: of no account
  s.begin()
  s.add({ handshakes: 410, canaryHandshakes: 10, certificateRefusals: 1 }, 0, 0)
  s.add({ canaryRefusals: 9 })
  vi.advanceTimersByTime(1000)
  expect(s.ends).toEqual([])
  s.add({ canaryRefusals: 3 })
  vi.advanceTimersByTime(1000)
  expect(s.ends).toEqual(['clients refused 12 of 22 handshakes, and 1 of 401 handshakes with the other one'])
  s.add({ canaryRefusals: 50 })
  vi.advanceTimersByTime(100_000)
  expect(s.ends).toHaveLength(1)
  expect(s.judge.state).toBeNull()
})

test('one that does well for its time is promoted, and not before', () => {
  const s = setUp()
  s.begin()
  s.add({ handshakes: 1000, resumed: 300, canaryHandshakes: 40, canaryRefusals: 1, certificateRefusals: 14 })
  vi.advanceTimersByTime(59_000)
  expect(s.ends).toEqual([])
  expect(s.judge.state).toEqual({
    name: 'www',
    trial: { accepted: 40, refused: 1 },
    other: { accepted: 660, refused: 14 },
  })
  vi.advanceTimersByTime(1000)
  expect(s.ends).toEqual(['promoted'])
})

test('one that too few have met stays on trial past its time, and that is said once', () => {
  const s = setUp()
  s.begin()
  s.add({ handshakes: 300, canaryHandshakes: 19 })
  vi.advanceTimersByTime(90_000)
  expect(s.ends).toEqual([])
  expect(s.lines.map(({ level }) => level)).toEqual(['info', 'warn'])
  expect(s.lines[1]!['message']).toContain('19 handshakes are too few')
  s.add({ handshakes: 1, canaryHandshakes: 1 })
  vi.advanceTimersByTime(1000)
  expect(s.ends).toEqual(['promoted'])
})

test('a reload on the way loses nothing: slots come, go, and begin anew', () => {
  const s = setUp()
  s.begin()
  s.add({ handshakes: 100, canaryHandshakes: 10 })
  vi.advanceTimersByTime(1000)
  s.add({ handshakes: 9000, certificateRefusals: 9000 }, 1) // what another frontend has counted before
  s.serving.slots = [0, 1]
  vi.advanceTimersByTime(1000)
  s.add({ handshakes: 50, canaryHandshakes: 5 }, 1)
  vi.advanceTimersByTime(1000)
  s.reset(0)
  vi.advanceTimersByTime(1000)
  s.add({ handshakes: 20, canaryHandshakes: 2 })
  vi.advanceTimersByTime(1000)
  expect(s.judge.state).toMatchObject({ trial: { accepted: 17, refused: 0 }, other: { accepted: 153, refused: 0 } })
})

test('one at a time; a trial that is ended says nothing any more', () => {
  const s = setUp()
  s.begin()
  expect(() => s.begin('other')).toThrow('www is on trial; one at a time')
  s.judge.end('other')
  expect(s.judge.state?.name).toBe('www')
  s.judge.end('www')
  s.add({ handshakes: 500, canaryRefusals: 100 })
  vi.advanceTimersByTime(100_000)
  expect(s.ends).toEqual([])
  s.begin('other')
  expect(s.judge.state).toMatchObject({ name: 'other', trial: { accepted: 0, refused: 0 } })
})
