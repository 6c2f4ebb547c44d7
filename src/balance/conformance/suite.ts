// The conformance suite: what every balancer owes, whatever its idea. `weir balancer test` runs it on a file, and the tests
// on the built-in algorithms. docs/balancers.md explains each check.
import type { Algorithm } from '../types.ts'
import { avoided, empty, members, pools, single } from './answers.ts'
import { fail, skip, type Check, type Instruments, type Subject, type Verdict } from './check.ts'
import { seeded, time, writes } from './conduct.ts'
import { cost, heap } from './cost.ts'
import { keys, order, weights } from './shares.ts'

/** In the order of the report. */
export const checks: readonly Check[] = [
  { name: 'empty', asks: 'answers -1 when no server is usable', run: empty },
  { name: 'single', asks: 'picks the only server', run: single },
  { name: 'members', asks: 'picks usable servers only, by their slot', run: members },
  { name: 'avoid', asks: 'leaves out the server that a retry comes from', run: avoided },
  { name: 'pools', asks: 'picks from the pool that it is handed', run: pools },
  { name: 'weights', asks: 'shares follow the weights', run: weights },
  { name: 'order', asks: 'the order of the servers does not matter', run: order },
  { name: 'keys', asks: 'few keys move when a server goes', run: keys },
  { name: 'seed', asks: 'the same dice give the same picks', run: seeded },
  { name: 'time', asks: 'lives through the wrap of the clock', run: time },
  { name: 'writes', asks: 'changes neither board nor pool', run: writes },
  { name: 'heap', asks: 'a pick allocates nothing', run: heap },
  { name: 'cost', asks: 'a pick is fast', run: cost },
]

/** Where picks are not slots of the pool, there is nothing for these to judge. */
const needSlots = new Set(['avoid', 'pools', 'weights', 'order', 'keys', 'seed', 'time'])

export interface Result extends Verdict {
  readonly name: string
  readonly asks: string
}

/**
 * Runs every check; a few seconds.
 * @param instruments null: heap and cost are skipped
 */
export function* conformance(algorithm: Algorithm, seed: number, instruments: Instruments | null): Generator<Result> {
  let slots = true
  for (const check of checks) {
    const verdict = slots || !needSlots.has(check.name) ? judge(check, { algorithm, seed, instruments }) : noSlots
    if (check.name === 'members' && verdict.status === 'fail') slots = false
    yield { name: check.name, asks: check.asks, ...verdict }
  }
}

const noSlots = skip('not judged while "members" fails')

function judge(check: Check, subject: Subject): Verdict {
  const { exempt } = subject.algorithm
  if (exempt !== undefined && Object.hasOwn(exempt, check.name)) return skip(`does not apply: ${exempt[check.name]!}`)
  try {
    return check.run(subject)
  } catch (error) {
    return fail(`it threw: ${error instanceof Error ? error.message : String(error)}`)
  }
}
