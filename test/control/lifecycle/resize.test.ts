// How many workers there are, by words of the configuration: which are added and removed, and what becomes of it when one can't be.
import { expect, test } from 'vitest'
import { Resizer, type Resizable } from '../../../src/control/lifecycle/resize.ts'
import { ms } from '../../../src/model/units.ts'
import { memoryLog } from '../health/fixtures.ts'

/** @param room more than so many cannot be started */
function setUp(count: number, room = 10) {
  const numbers = Array.from({ length: count }, (_, i) => i)
  const workers: Resizable = {
    get status() {
      return numbers.map((worker) => ({ worker, state: 'listening' as const, since: 0, restarts: 0 }))
    },
    async add() {
      await Promise.resolve()
      if (numbers.length >= room) throw new Error('cannot start one more')
      return numbers.push(numbers.length) - 1
    },
    async remove(worker) {
      await Promise.resolve()
      numbers.splice(numbers.indexOf(worker), 1)
    },
  }
  const { log, lines } = memoryLog()
  const resizer = new Resizer({ workers, deadline: () => ms(100), exclusively: (task) => task(), log })
  return { resizer, numbers, lines }
}

test('added behind the others, removed from the end, so that the first one stays', async () => {
  const { resizer, numbers } = setUp(2)
  expect(await resizer.resize(4)).toBeNull()
  expect(numbers).toEqual([0, 1, 2, 3])
  expect(await resizer.resize(1)).toBeNull()
  expect(numbers).toEqual([0])
})

test('when one cannot be started there are as many as before, and it is said why', async () => {
  const { resizer, numbers } = setUp(2, 3)
  expect(await resizer.resize(5)).toBe('cannot start one more')
  expect(numbers).toEqual([0, 1])
})

test('the number of now is no change, and nothing is said of it', async () => {
  const { resizer, lines } = setUp(2)
  expect(await resizer.resize(2)).toBeNull()
  expect(lines).toEqual([])
  await resizer.resize(3)
  expect(lines.map(({ message }) => message)).toEqual(['3 workers in place of 2'])
})
