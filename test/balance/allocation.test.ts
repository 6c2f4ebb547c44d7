// A pick makes no garbage, and neither does what the board counts and learns around it. Measured by the bench in a process of its own, since here the test runner allocates too.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { balancers } from '../../src/balance/balancers.ts'

test('neither an algorithm nor the board grows the heap by more than 2 bytes a request, in pools of 2 to 64 servers', () => {
  const bench = join(import.meta.dirname, '../../bench/pick.ts')
  const output = execFileSync(process.execPath, [bench, '--json', '--picks', '200000', '--sizes', '2,8,64'])
  const costs = JSON.parse(output.toString()) as { algorithm: string; servers: number; bytes: number }[]
  expect(costs).toHaveLength(3 * (Object.keys(balancers).length + 1))
  expect(costs.filter((cost) => cost.bytes > 2)).toEqual([])
})
