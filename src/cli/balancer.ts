// `weir balancer test`: the conformance suite (balance/conformance) on a balancer of one's own, or on a built-in one. The
// clock and the look at the heap that the suite wants are here; nothing is listened on and nothing is sent.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { styleText } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { balancers } from '../balance/balancers.ts'
import type { Instruments, Status } from '../balance/conformance/check.ts'
import { checks, conformance, type Result } from '../balance/conformance/suite.ts'
import type { Algorithm } from '../balance/types.ts'
import { suggestion } from '../config/nearest.ts'
import { loadAlgorithm } from '../control/balance/load-algorithm.ts'
import type { BalancerName } from '../model/balancers.ts'
import { readArguments, UsageError, withUsage } from './usage.ts'

const width = Math.max(...checks.map(({ name }) => name.length))

export const balancerUsage = `Usage: weir balancer test FILE [--seed N] [--json]

Checks a balancer of your own (a .ts or .js file; see docs/balancers.md), or a built-in one by its name:

${checks.map(({ name, asks }) => `  ${name.padEnd(width)}  ${asks}`).join('\n')}

      --seed N   what all random choices follow from; default 1
      --json     one document on stdout
  -h, --help     this text

Exit codes: 0 all checks passed (there may be warnings), 1 one failed or the file is no balancer, 2 wrong usage.
`

const options = {
  seed: { type: 'string', default: '1' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h' },
} as const

/** @param argv what follows the word `balancer` @returns the exit code */
export function balancer(argv: string[]): Promise<number> {
  return withUsage('balancer', balancerUsage, async () => {
    const { values, positionals } = readArguments({ args: argv, options, allowPositionals: true })
    if (values.help) {
      process.stdout.write(balancerUsage)
      return 0
    }
    const [action, file, ...more] = positionals
    if (action !== 'test') throw new UsageError(action === undefined ? 'say test' : `there is no "${action}": say test`)
    if (file === undefined) throw new UsageError('name a file')
    if (more.length > 0) throw new UsageError('name one file')
    const seed = Number(values.seed)
    if (!/^\d+$/.test(values.seed) || seed > 0x7fffffff)
      throw new UsageError(`--seed is a whole number below 2^31, not "${values.seed}"`)
    const algorithm = await find(file)
    if (algorithm instanceof Error) {
      process.stderr.write(`weir balancer: cannot use ${file}: ${algorithm.message}\n`)
      return 1
    }
    return values.json ? reportJson(file, algorithm, seed) : report(file, algorithm, seed)
  })
}

/** A path, or the name of a built-in algorithm where there is no such file. */
async function find(file: string): Promise<Algorithm | Error> {
  if (existsSync(file)) return loadAlgorithm(resolve(file)).catch((error: Error) => error)
  if (Object.hasOwn(balancers, file)) return balancers[file as BalancerName]
  return new Error(`there is no such file${suggestion(file, Object.keys(balancers))}`)
}

/** Each line as soon as it is known. */
function report(file: string, algorithm: Algorithm, seed: number): number {
  const counts: Record<Status, number> = { pass: 0, fail: 0, warn: 0, skip: 0 }
  process.stdout.write(`${file}, seed ${seed}\n\n`)
  for (const { status, name, why } of conformance(algorithm, seed, instruments())) {
    counts[status]++
    process.stdout.write(`  ${mark(status)}  ${name.padEnd(width)}  ${why}\n`)
  }
  const told = [`${counts.pass} passed`, `${counts.fail} failed`]
  if (counts.warn > 0) told.push(`${counts.warn} to look at`)
  if (counts.skip > 0) told.push(`${counts.skip} skipped`)
  process.stdout.write(`\n${told.join(', ')}\n`)
  return counts.fail > 0 ? 1 : 0
}

const marks = {
  pass: ['pass', 'green'],
  fail: ['FAIL', 'red'],
  warn: ['look', 'yellow'],
  skip: ['skip', 'dim'],
} as const satisfies Record<Status, readonly [string, string]>

/** In colour on a terminal that shows colours; NO_COLOR is heard. */
const mark = (status: Status): string => styleText(marks[status][1], marks[status][0], { stream: process.stdout })

function reportJson(file: string, algorithm: Algorithm, seed: number): number {
  const results: Result[] = [...conformance(algorithm, seed, instruments())]
  const passed = results.every(({ status }) => status !== 'fail')
  process.stdout.write(`${JSON.stringify({ file, seed, passed, checks: results }, null, 2)}\n`)
  return passed ? 0 : 1
}

function instruments(): Instruments {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  return {
    cpu: () => {
      const { user, system } = process.cpuUsage()
      return (user + system) * 1000
    },
    heap: () => process.memoryUsage().heapUsed,
    collectGarbage,
  }
}
