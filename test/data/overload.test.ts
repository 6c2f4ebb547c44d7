// Load shedding by the delay of the event loop, on a clock of the test's own.
import { expect, test } from 'vitest'
import { createDice } from '../../src/balance/dice.ts'
import { Overload } from '../../src/data/overload.ts'
import type { OverloadSpec } from '../../src/messages/snapshot.ts'
import { ms } from '../../src/model/units.ts'
import { createScoreboard } from '../../src/scoreboard/scoreboard.ts'
import { noOverload } from '../support/specs.ts'

interface Line {
  readonly level: string
  readonly fields: Record<string, unknown>
}

function start(spec: Partial<OverloadSpec>) {
  const board = createScoreboard({ workers: 1, frontends: 1, backends: 1, servers: 1 })
  const row = board.rows[0]!
  const lines: Line[] = []
  const overload = new Overload({ ...noOverload, ...spec }, board, row, createDice(1), (level, _message, fields) =>
    lines.push({ level, fields }),
  )
  let now = 1000
  overload.tick(now)
  return {
    overload,
    lines,
    marks: row.marks.process,
    setProcess: (level: number) => Atomics.store(board.shared.process.shedding, 0, level),
    /** Ticks, each late by so many ms. */
    ticks: (count: number, late: number): void => {
      for (let i = 0; i < count; i++) overload.tick((now += 100 + late))
    },
    /** How many of a thousand requests are shed. */
    shedOf1000: (exempt = false) => Array.from({ length: 1000 }, () => overload.sheds(exempt)).filter(Boolean).length,
  }
}

test('without limits nothing is shed, and the delay is told all the same', () => {
  const { overload, ticks, marks, lines, setProcess, shedOf1000 } = start({})
  setProcess(100)
  ticks(20, 500)
  expect(overload.enabled).toBe(false)
  expect(shedOf1000()).toBe(0)
  expect(marks.loopDelay[0]).toBe(500_000)
  expect(lines).toEqual([])
})

test('one late tick sheds nothing; from the second in a row on, ever more', () => {
  const { overload, ticks, marks, shedOf1000 } = start({ loopDelay: ms(50) })
  ticks(1, 5000)
  expect(overload.level).toBe(0)
  ticks(1, 0)
  ticks(1, 60)
  expect(overload.level).toBe(0)
  ticks(1, 60)
  expect(overload.level).toBe(10)
  ticks(4, 60)
  expect(overload.level).toBe(50)
  expect(marks.shedding[0]).toBe(50)
  expect(shedOf1000()).toBeGreaterThan(400)
  expect(shedOf1000()).toBeLessThan(600)
  ticks(20, 60)
  expect(overload.level).toBe(100)
  expect(shedOf1000()).toBe(1000)
})

test('the level stays while the delay is near the limit, and falls when it is well below', () => {
  const { overload, ticks, marks } = start({ loopDelay: ms(50) })
  ticks(6, 60)
  expect(overload.level).toBe(50)
  ticks(30, 40)
  expect(overload.level).toBe(50)
  ticks(8, 1)
  expect(overload.level).toBeLessThan(50)
  ticks(40, 1)
  expect(overload.level).toBe(0)
  expect(marks.loopDelay[0]).toBeLessThan(10_000)
})

test('exempt sources are never shed', () => {
  const { ticks, shedOf1000 } = start({ loopDelay: ms(50) })
  ticks(20, 60)
  expect(shedOf1000(true)).toBe(0)
})

test('the level of the process counts where it is the higher one', () => {
  const { overload, setProcess, shedOf1000 } = start({ memory: 90 })
  expect(shedOf1000()).toBe(0)
  setProcess(100)
  expect(overload.level).toBe(100)
  expect(shedOf1000()).toBe(1000)
  setProcess(0)
  expect(shedOf1000()).toBe(0)
})

test('two lines in the log: when it begins, and when it has been over for ten seconds', () => {
  const { ticks, lines, shedOf1000 } = start({ loopDelay: ms(50) })
  ticks(12, 60)
  expect(lines).toEqual([{ level: 'warn', fields: { percent: 10, cause: 'loop_delay', loopDelayMs: 60 } }])
  let shed = shedOf1000()
  ticks(60, 0)
  ticks(5, 80) // once more, before the end has been said
  shed += shedOf1000()
  ticks(90, 0)
  expect(lines.length).toBe(1)
  ticks(60, 0)
  expect(lines.length).toBe(2)
  expect(lines[1]!.level).toBe('info')
  expect(lines[1]!.fields).toMatchObject({ shed, highestPercent: 100, highestLoopDelayMs: 80 })
  ticks(500, 0)
  expect(lines.length).toBe(2)
  ticks(3, 60)
  expect(lines.length).toBe(3)
})

test('memory as the cause is said', () => {
  const { ticks, lines, setProcess } = start({ memory: 90, loopDelay: ms(50) })
  setProcess(30)
  ticks(1, 0)
  expect(lines).toEqual([{ level: 'warn', fields: { percent: 30, cause: 'memory', loopDelayMs: 0 } }])
})
