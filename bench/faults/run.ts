// `npm run bench:faults`: what becomes of the clients when there is too much to do, when servers fail, when somebody attacks, and
// what it costs to be prepared. Rounds are interleaved, as in the other benches: in each, every contestant is measured once,
// another one first each time. --write keeps the tables in RESULTS-FAULTS.md.
import { writeFileSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chosen } from '../chosen.ts'
import { machineFacts } from '../machine.ts'
import type { Bench } from '../measure.ts'
import { haproxy } from '../peers/haproxy.ts'
import { weir } from '../peers/weir.ts'
import { withBench } from '../session.ts'
import { attack } from './attack.ts'
import { cost } from './cost.ts'
import { overload } from './overload.ts'
import { goalTable, resultsPage, scenarioTable } from './report.ts'
import { Outcome, type FaultScenario, type Figures } from './scenario.ts'
import { storms } from './storm.ts'

const scenarios: readonly FaultScenario[] = [overload, ...storms, attack, cost]

const usage = `npm run bench:faults -- [options]

  --only NAME,NAME          these scenarios
  --contestants NAME,NAME   these contestants
  --rounds N                interleaved rounds (3)
  --seconds N               length of each measurement (5)
  --write                   write bench/RESULTS-FAULTS.md

scenarios: ${scenarios.map(({ name }) => name).join(', ')}
`

interface Options {
  readonly scenarios: readonly FaultScenario[]
  /** null: all of each scenario. */
  readonly contestants: readonly string[] | null
  readonly rounds: number
  readonly seconds: number
  readonly write: boolean
}

/** @throws with words for the person at the terminal */
function readOptions(): Options {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      only: text,
      contestants: text,
      rounds: { ...text, default: '3' },
      seconds: { ...text, default: '5' },
      write: { type: 'boolean', default: false },
    },
  })
  const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)]
  if (!(rounds >= 1 && rounds <= 20 && seconds >= 1 && seconds <= 60))
    throw new Error('--rounds: 1 to 20, --seconds: 1 to 60')
  return {
    scenarios: chosen(scenarios, values.only, ','),
    contestants: values.contestants?.split(',') ?? null,
    rounds,
    seconds,
    write: values.write,
  }
}

let failures = 0

async function measureOrNull(
  bench: Bench,
  scenario: FaultScenario,
  name: string,
  round: number,
): Promise<Figures | null> {
  try {
    return await scenario.measure(bench, name, round)
  } catch (error) {
    failures++
    console.error(`  ${name} failed: ${error instanceof Error ? error.message : String(error)}`)
    return null
  }
}

async function runScenario(bench: Bench, scenario: FaultScenario, { rounds, contestants }: Options): Promise<Outcome> {
  const outcome = new Outcome()
  const names = scenario.contestants.filter((name) => contestants?.includes(name) ?? true)
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(round + turn) % names.length]!
      const figures = await measureOrNull(bench, scenario, name, round)
      outcome.add(name, figures)
      if (!figures) continue
      const shown = scenario.columns.map(({ key, title, text }) => `${title} ${text(figures[key]!)}`)
      console.log(`  round ${round + 1}: ${name}: ${shown.join(', ')}`)
    }
  }
  return outcome
}

async function main(options: Options): Promise<void> {
  const loadBefore = os.loadavg()[0]!
  const outcomes = new Map<FaultScenario, Outcome>()
  await withBench(options.seconds, async (bench) => {
    for (const scenario of options.scenarios) {
      console.log(scenario.name)
      const outcome = await runScenario(bench, scenario, options)
      outcomes.set(scenario, outcome)
      console.log(`\n${scenarioTable(scenario, outcome)}\n`)
    }
  })
  console.log(goalTable(outcomes))
  if (!options.write) return
  const facts = [
    `Date: ${new Date().toISOString().slice(0, 10)}`,
    `Command: \`npm run bench:faults -- ${process.argv.slice(2).join(' ')}\``,
    ...machineFacts().slice(0, 3),
    weir(1).version()!,
    haproxy.version()!,
    `Load average before the run: ${loadBefore.toFixed(2)}`,
  ]
  writeFileSync(join(import.meta.dirname, '..', 'RESULTS-FAULTS.md'), resultsPage(facts, options, outcomes))
  console.log('\nwritten: bench/RESULTS-FAULTS.md')
}

try {
  await main(readOptions())
} catch (error) {
  failures++
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
}
process.exit(failures > 0 ? 1 : 0)
