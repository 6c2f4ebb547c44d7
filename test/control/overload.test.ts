// Shedding because memory is short: the level on the scoreboard, and what is said of it.
import { totalmem } from 'node:os'
import { expect, test } from 'vitest'
import { setUpBoard, shapeFor } from '../../src/control/board.ts'
import { MemoryWatch, memoryLimit, nextLevel } from '../../src/control/overload.ts'
import { ms } from '../../src/model/units.ts'
import { memoryLog, until } from './health/fixtures.ts'
import { snapshotOf } from './fixtures.ts'

function setUp(memory: number) {
  const snapshot = snapshotOf()
  const board = setUpBoard(snapshot, shapeFor(snapshot, 1))
  const { log, lines } = memoryLog()
  const process = { used: 0 }
  const overload = { loopDelay: ms(0), memory, retryAfter: 1 }
  const watch = new MemoryWatch({ board, overload, log, limit: 1000 * 1024 ** 2, used: () => process.used * 1024 ** 2 })
  return { watch, process, lines, level: () => board.shared.process.shedding[0]! }
}

test('the level goes up in tens to at most 95, is held near the threshold, and goes down in fives', () => {
  expect([0, 40, 90, 95].map((level) => nextLevel(level, 101, 100))).toEqual([10, 50, 95, 95])
  expect([0, 40].map((level) => nextLevel(level, 95, 100))).toEqual([0, 40])
  expect([95, 5, 3, 0].map((level) => nextLevel(level, 89, 100))).toEqual([90, 0, 0, 0])
})

test('the limit is the smaller of the control group and the machine', () => {
  expect(memoryLimit(0, 1000)).toBe(1000)
  expect(memoryLimit(2 ** 64, 1000)).toBe(1000)
  expect(memoryLimit(600, 1000)).toBe(600)
  expect(memoryLimit()).toBeLessThanOrEqual(totalmem())
})

test('load is shed while memory is short, and the log says when that begins and ends, with the figures', () => {
  const s = setUp(80)
  s.process.used = 800
  s.watch.look()
  expect(s.level()).toBe(0)
  s.process.used = 850
  s.watch.look()
  s.watch.look()
  expect(s.level()).toBe(20)
  s.process.used = 700
  for (let i = 0; i < 6; i++) s.watch.look()
  expect(s.level()).toBe(0)
  expect(s.lines).toMatchObject([
    { level: 'warn', message: 'memory is short: 850 MiB of 1000 MiB in use (85 %); load is shed, beginning with 10 %' },
    {
      level: 'info',
      peak: 20,
      message: expect.stringMatching(
        /^memory is no longer short: 700 MiB of 1000 MiB in use \(70 %\); load was shed for [\d.]+ s, up to 20 %$/,
      ),
    },
  ])
})

test('started, it looks by itself until it is closed; with no threshold it never does', async () => {
  const s = setUp(80)
  s.process.used = 900
  s.watch.start()
  await until(() => s.level() > 0)
  s.watch.close()
  s.watch.close()
  const off = setUp(0)
  off.process.used = 900
  off.watch.start()
  off.watch.close()
  expect(off.level()).toBe(0)
})
