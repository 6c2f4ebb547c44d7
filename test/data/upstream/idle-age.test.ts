// What is concluded from the idle ages at which a server closed connections: when it is believed, and what is not.
import { expect, test } from 'vitest'
import { IdleAge, SURELY_OPEN } from '../../../src/data/upstream/idle-age.ts'

/** The ages were seen one after the other, far enough apart to be events of their own. @returns when the last was seen */
function see(idle: IdleAge, ages: readonly number[], from = 0): number {
  let now = from
  for (const age of ages) idle.closed(age, (now += 1100))
  return now
}

test('while nothing is known, all is used, but what can not be repeated only for a second', () => {
  const idle = new IdleAge()
  expect([idle.limit, idle.sure]).toEqual([Infinity, SURELY_OPEN])
})

test('one close is a suspicion, two at about the same age are believed', () => {
  const idle = new IdleAge()
  see(idle, [800])
  expect([idle.limit, idle.sure]).toEqual([Infinity, 400])
  const other = new IdleAge()
  see(other, [5000])
  expect([other.limit, other.sure]).toEqual([Infinity, SURELY_OPEN])
  see(other, [5040], 2000)
  expect([other.limit, other.sure]).toEqual([4500, 4500])
})

test('the margin is a tenth, a quarter of a second, or half of the age', () => {
  const limitAt = (age: number): number => {
    const idle = new IdleAge()
    see(idle, [age, age])
    return idle.limit
  }
  expect([60_000, 5000, 1000, 300, 2].map(limitAt)).toEqual([54_000, 4500, 750, 150, 1])
})

test('a restart closes connections of all ages: one event, which says what the oldest says', () => {
  const idle = new IdleAge()
  see(idle, [5000, 5001])
  const ages = [4000, 30, 900, 31, 2200, 905]
  for (const [i, age] of ages.entries()) idle.closed(age, 10_000 + i)
  expect(idle.limit).toBe(4000 - 400)
})

test('after a restart that only young connections saw, the limit stays, and only what can not be repeated is careful', () => {
  const idle = new IdleAge()
  const now = see(idle, [5000, 5001])
  for (let i = 0; i < 20; i++) idle.closed(10 * i, now + 2000 + i)
  expect([idle.limit, idle.sure]).toEqual([4500, 95])
  see(idle, [5002, 5001, 5000, 5003, 5001, 5000, 5002, 5001], now + 3000)
  expect([idle.limit, idle.sure]).toEqual([4500, 4500])
})

test('closes that come without a pause for longer than any restart are more than one event', () => {
  const idle = new IdleAge()
  for (let now = 0; now < 3000; now += 10) idle.closed(5000, now)
  expect(idle.limit).toBe(4500)
})

test('a server that closes sooner than before is followed at once', () => {
  const idle = new IdleAge()
  const now = see(idle, [5000, 5001, 5002, 5000])
  see(idle, [1000, 1001], now)
  expect([idle.limit, idle.sure]).toEqual([750, 750])
})

test('a server that waits longer than before is followed when the old closes are outnumbered or long ago', () => {
  const idle = new IdleAge()
  const now = see(idle, [1000, 1000, 1000])
  see(idle, [9000, 9001, 9000, 9002, 9000, 9001, 9000], now)
  expect(idle.limit).toBe(8100)

  const quiet = new IdleAge()
  const last = see(quiet, [1000, 1000])
  quiet.fade(last + 590_000)
  expect(quiet.limit).toBe(750)
  quiet.fade(last + 610_000)
  expect([quiet.limit, quiet.sure]).toEqual([Infinity, SURELY_OPEN])
})

test('connections that outlast what was believed outnumber it as well', () => {
  const idle = new IdleAge()
  const now = see(idle, [1000, 1000])
  for (let i = 1; i <= 7; i++) idle.lasted(30_000, now + i * 30_000)
  expect(idle.limit).toBe(27_000)
})

test('ages all over the place: the lowest that was seen more than once or so', () => {
  const idle = new IdleAge()
  see(idle, [3000, 700, 1500, 640, 200, 2100])
  expect(idle.limit).toBe(640 - 250)
  expect(idle.sure).toBe(100)
})
