// The conformance suite itself: every built-in algorithm passes it, with any seed, and each of the balancers in ../faulty,
// which make one mistake each, fails the check for that mistake and no other. The heap is looked at by the command, in a
// process of its own.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { balancers } from '../../../src/balance/balancers.ts'
import { checks, conformance, type Result } from '../../../src/balance/conformance/suite.ts'
import { run } from '../../support/programs.ts'

const weir = fileURLToPath(new URL('../../../bin/weir', import.meta.url))
const faulty = join(import.meta.dirname, '..', 'faulty')

const failed = (results: Iterable<Result>): string[] =>
  [...results].filter(({ status }) => status === 'fail').map(({ name, why }) => `${name}: ${why}`)

async function command(subject: string): Promise<Result[]> {
  const { stdout, stderr } = await run(weir, ['balancer', 'test', subject, '--json'], '', 60_000)
  expect(stderr).toBe('')
  return (JSON.parse(stdout) as { checks: Result[] }).checks
}

describe.each(Object.entries(balancers))('%s', (name, algorithm) => {
  test('passes, with all that is measured', async () => {
    const results = await command(name)
    expect(results.map((result) => result.name)).toEqual(checks.map((check) => check.name))
    expect(failed(results)).toEqual([])
    const skipped = results.filter(({ status }) => status === 'skip').map((result) => result.name)
    const followsKey = ['hash', 'affinity', 'source'].includes(name)
    expect(skipped).toEqual([...Object.keys(algorithm.exempt ?? {}), ...(followsKey ? [] : ['keys'])])
  }, 60_000)

  test('passes with other seeds', () => {
    for (const seed of algorithm.table ? [2] : [2, 3]) {
      expect(failed(conformance(algorithm, seed, null)), `seed ${seed}`).toEqual([])
    }
  }, 60_000)
})

describe('a balancer with one mistake fails the check for it alone', () => {
  const files = readdirSync(faulty).filter((name) => name.endsWith('.ts'))

  test('there is one for every check but that of the time a pick takes', () => {
    const meant = files.map(meantFor).toSorted()
    expect(new Set(meant)).toEqual(new Set(checks.map(({ name }) => name).filter((name) => name !== 'cost')))
  })

  test.each(files)(
    '%s',
    async (file) => {
      expect(failed(await command(join(faulty, file))).map((line) => line.split(':')[0])).toEqual([meantFor(file)])
    },
    60_000,
  )
})

/** Each says in its first lines what it fails. */
function meantFor(file: string): string {
  return /Fails "(\w+)"/.exec(readFileSync(join(faulty, file), 'utf8'))![1]!
}
