// Deadlines on the wheel: never early, at most two ticks late, however often they are moved; and ticks that are late.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Clock, TICK_MS, type Timed } from '../../../src/data/io/clock.ts'
import { ms } from '../../../src/model/units.ts'

class Deadline implements Timed {
  due = 0
  wheelTick = 0
  wheelNext: Timed | null = null
  wheelPrevious: Timed | null = null
  /** When it should fire at the earliest; null: not at all. */
  wanted: number | null = null
  readonly world: { now: number }
  constructor(world: { now: number }) {
    this.world = world
  }
  onDeadline(): void {
    expect(this.wanted).not.toBe(null)
    expect(this.world.now).toBeGreaterThanOrEqual(this.wanted!)
    this.wanted = null
  }
}

const step = fc.oneof(
  fc.record({
    what: fc.constant('arm' as const),
    which: fc.nat(4),
    span: fc.oneof(fc.integer({ min: 1, max: 700 }), fc.integer({ min: 1, max: 300_000 })),
  }),
  fc.record({ what: fc.constant('disarm' as const), which: fc.nat(4), span: fc.constant(0) }),
  fc.record({
    what: fc.constant('wait' as const),
    which: fc.constant(0),
    span: fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 200_000 })),
  }),
)

test('a deadline fires once, in its time, unless it is moved or taken back', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const world = { now: 5 }
      const clock = new Clock(world.now)
      const deadlines = Array.from({ length: 5 }, () => new Deadline(world))
      for (const { what, which, span } of steps) {
        const deadline = deadlines[which]!
        if (what === 'arm') {
          clock.arm(deadline, ms(span))
          deadline.wanted = world.now + span
        } else if (what === 'disarm') {
          clock.disarm(deadline)
          deadline.wanted = null
        } else {
          const until = world.now + span
          for (world.now += TICK_MS; world.now < until; world.now += TICK_MS) clock.advance(world.now)
          world.now = until
          clock.advance(world.now)
        }
        for (const { wanted } of deadlines) if (wanted !== null) expect(wanted + 3 * TICK_MS).toBeGreaterThan(world.now)
      }
    }),
    { numRuns: 200 },
  )
})

test('what time is left of a deadline is known', () => {
  const clock = new Clock(0)
  const timed = new Deadline({ now: 0 })
  clock.arm(timed, ms(5000))
  for (let now = 0; now <= 3000; now += 100) clock.advance(now)
  expect(clock.timeLeft(timed)).toBeGreaterThanOrEqual(2000)
  expect(clock.timeLeft(timed)).toBeLessThanOrEqual(2000 + 2 * TICK_MS)
  clock.disarm(timed)
  expect(clock.timeLeft(timed)).toBe(0)
})

test('deadlines of one tick may take each other back', () => {
  const clock = new Clock(0)
  const fired: string[] = []
  const make = (name: string, other: () => Timed): Timed => ({
    due: 0,
    wheelTick: 0,
    wheelNext: null,
    wheelPrevious: null,
    onDeadline: () => {
      fired.push(name)
      clock.disarm(other())
    },
  })
  const a: Timed = make('a', () => b)
  const b: Timed = make('b', () => a)
  clock.arm(a, ms(300))
  clock.arm(b, ms(300))
  for (let now = 0; now < 2000; now += TICK_MS) clock.advance(now)
  expect(fired.length).toBe(1)
})

const noting = (onDeadline: () => void): Timed => ({
  due: 0,
  wheelTick: 0,
  wheelNext: null,
  wheelPrevious: null,
  onDeadline,
})

test('a tick that is a little late makes up for the one that was lost', () => {
  const clock = new Clock(0)
  const fired: number[] = []
  let now = 0
  clock.arm(
    noting(() => fired.push(now)),
    ms(5000),
  )
  for (now = 190; now < 6000; now += 190) clock.advance(now)
  expect(fired).toHaveLength(1)
  expect(fired[0]).toBeGreaterThanOrEqual(5000)
  expect(fired[0]).toBeLessThan(5300)
})

test('the time in which the loop is held up counts for nobody, whenever he was armed', () => {
  const clock = new Clock(0)
  const fired: string[] = []
  clock.arm(
    noting(() => fired.push('before')),
    ms(1000),
  )
  clock.advance(500)
  const held = 60_000
  clock.arm(
    noting(() => fired.push('meanwhile')),
    ms(500),
  )
  clock.advance(held)
  expect(fired).toEqual([])
  for (let now = held; now < held + 2000; now += TICK_MS) {
    clock.advance(now)
    if (now < held + 400) expect(fired).toEqual([])
  }
  expect(fired.toSorted()).toEqual(['before', 'meanwhile'])
  for (let now = held + 2000; now < held + 3000; now += TICK_MS) clock.advance(now)
  expect(clock.time).toBeLessThan(5000)
})
