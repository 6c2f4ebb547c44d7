// What is said when the file descriptors run out, and how often.
import { expect, test } from 'vitest'
import { DescriptorWatch, type Shortage } from '../../src/control/descriptors.ts'
import { memoryLog } from './health/fixtures.ts'

function setUp() {
  const { log, lines } = memoryLog()
  const state: { shortage: Shortage | null } = { shortage: null }
  const watch = new DescriptorWatch({ connections: () => 42, log, probe: () => state.shortage })
  return { state, lines, watch }
}

test('while there are descriptors, nothing is said', () => {
  const { watch, lines } = setUp()
  for (let now = 0; now < 60_000; now += 250) watch.look(now)
  expect(lines).toEqual([])
})

test('a shortage is said at once, then every ten seconds with counts, and so is its end', () => {
  const { watch, lines, state } = setUp()
  state.shortage = 'EMFILE'
  for (let now = 250; now <= 15_000; now += 250) watch.look(now)
  state.shortage = null
  for (let now = 15_250; now <= 40_000; now += 250) watch.look(now)
  expect(lines).toHaveLength(3)
  expect(lines[0]).toMatchObject({ level: 'warn', code: 'EMFILE', connections: 42, times: 1, since: 0 })
  expect(lines[1]).toMatchObject({ level: 'warn', times: 40, since: 10_000 })
  expect(lines[2]).toMatchObject({ level: 'info', span: 14_750, times: 19 })
})

test('one that comes and goes does not flood the log', () => {
  const { watch, lines, state } = setUp()
  for (let now = 0; now < 60_000; now += 250) {
    state.shortage = (now / 250) % 2 === 0 ? 'ENFILE' : null
    watch.look(now)
  }
  expect(lines.length).toBeLessThanOrEqual(6)
  expect(String(lines[0]!.message)).toContain('the limit of the system')
})
