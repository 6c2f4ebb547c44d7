// `npm run bench:replay`: does `weir simulate --replay` say what really comes? Weir runs under seeded load and writes its
// access log; the log is replayed by its own settings, and asked about others; then Weir runs with these, under the same
// load, and that is replayed too. Compared are the servers' shares and the p99. --write keeps the tables in
// RESULTS-REPLAY.md. On a machine that is not idle: `chrt -r 10 npm run bench:replay`, as root.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os, { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { machineFacts, packageVersion } from '../machine.ts'
import { endChildrenOnExit } from '../process.ts'
import { ask, p99Of } from './ask.ts'
import { caseName, cases, serverNames, type Case, type Question, type Settings } from './cases.ts'
import { runLive, type LiveRun } from './live.ts'
import { disturbance, ownTable, questionTable, type CaseResult, type Results } from './report.ts'
import type { QuestionRound, RunRound } from './report.ts'
import { schedulingPolicy } from './waited.ts'

const usage = `npm run bench:replay -- [options]

  --only NAME,NAME    cases of these scenarios
  --rounds N          rounds, each with other arrivals and sizes (2)
  --seconds N         measured time of each run (12), after 3 s of warming up
  --keep              leave configurations and logs where they are, and say where
  --write             write bench/RESULTS-REPLAY.md

scenarios: ${[...new Set(cases.map(({ scenario }) => scenario.name))].join(', ')}
`

/** Seconds. Not counted in what is measured, nor in what is replayed; but replayed, for the balancers learn in it. */
const WARM_UP = 3

interface Options {
  readonly rounds: number
  readonly seconds: number
  readonly folder: string
}

async function measure(each: Case, { rounds, seconds, folder }: Options): Promise<CaseResult> {
  const recorded: RunRound[] = []
  const questions = new Map(each.questions.map((question): [Question, QuestionRound[]] => [question, []]))
  for (let round = 0; round < rounds; round++) {
    const live = (change: Partial<Settings>): Promise<LiveRun> => {
      const settings = { algorithm: each.algorithm, servers: serverNames, rate: 1, ...change }
      return runLive(folder, { ...each, settings, seed: 201 + round, warmup: WARM_UP, seconds })
    }
    const before = await live({})
    recorded.push(await replayed(before, each.algorithm, 1))
    for (const [{ name, options, change }, found] of questions) {
      const { algorithm = each.algorithm, rate = 1 } = change
      const answer = await ask(before, { warmup: (WARM_UP * 1000) / rate, algorithm, options, seed: 1 })
      const own = await replayed(await live(change), algorithm, rate)
      const predicted = p99Of(answer, algorithm)
      found.push({ ...own, predicted })
      const [then, now] = [predicted, own.client].map((value) => value.toFixed(1))
      console.log(`${caseName(each)}, round ${round + 1}: ${name}: predicted ${then} ms, measured ${now} ms`)
    }
  }
  return { recorded, questions }
}

/** A run, replayed twice. */
async function replayed(live: LiveRun, algorithm: string, rate: number): Promise<RunRound> {
  const asked = { warmup: (WARM_UP * 1000) / rate, algorithm, options: [] }
  const { replay } = await ask(live, { ...asked, seed: 1 })
  const { replay: again } = await ask(live, { ...asked, seed: 2 })
  return { replay, again, client: p99(live.client), failed: live.failed, waited: live.waited }
}

/** Linear between the two nearest samples, as the simulator has it. */
function p99(samples: readonly number[]): number {
  const ascending = samples.toSorted((a, b) => a - b)
  const place = (ascending.length - 1) * 0.99
  const below = ascending[Math.floor(place)]!
  return below + ((ascending[Math.ceil(place)] ?? below) - below) * (place % 1)
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const
  const no = { type: 'boolean', default: false } as const
  const { values } = parseArgs({
    options: {
      only: text,
      rounds: { ...text, default: '2' },
      seconds: { ...text, default: '12' },
      keep: no,
      write: no,
    },
  })
  const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)]
  if (!(rounds >= 1 && rounds <= 20 && seconds >= 1 && seconds <= 60)) {
    throw new Error('--rounds: 1 to 20, --seconds: 1 to 60')
  }
  const only = values.only?.split(',')
  const chosen = cases.filter(({ scenario }) => only === undefined || only.includes(scenario.name))
  if (chosen.length === 0) throw new Error(`--only: there is no case of ${values.only}`)
  const loadBefore = os.loadavg()[0]!
  endChildrenOnExit()
  const folder = mkdtempSync(join(tmpdir(), 'weir-replay-'))
  process.once('exit', () => {
    if (values.keep) console.log(`kept: ${folder}`)
    else rmSync(folder, { recursive: true, force: true })
  })
  const results = new Map<Case, CaseResult>()
  for (const each of chosen) results.set(each, await measure(each, { rounds, seconds, folder }))
  console.log(`\n${ownTable(results)}\n\n${questionTable(results)}\n\n${disturbance(results)}`)
  if (values.write) write(results, { rounds, seconds, loadBefore })
}

function write(results: Results, run: { rounds: number; seconds: number; loadBefore: number }): void {
  const facts = [
    `Date: ${new Date().toISOString().slice(0, 10)}`,
    `Command: \`npm run bench:replay -- ${process.argv.slice(2).join(' ')}\``,
    ...machineFacts().slice(0, 3),
    `Weir ${packageVersion('.')} on Node ${process.versions.node}`,
    `Load average before the run: ${run.loadBefore.toFixed(2)}. Scheduling: ${schedulingPolicy()}`,
    disturbance(results),
  ]
  const page = `# Results of the replay bench

Written by \`npm run bench:replay -- --write\`; do not edit.

${facts.map((fact) => `- ${fact}`).join('\n')}

${run.rounds} rounds of ${run.seconds} s after ${WARM_UP} s, each with other arrivals and sizes; within a round all runs get the same
requests. The servers are those of the tail bench: eight with 4 cores each, shared by their requests; a mean request takes
20 ms of one core. Weir has one worker, no health checks and a JSON access log. \`weir simulate\` is told the configuration
and the log: cores and speeds of the servers it finds in the log.

## A run and its replay

Every run, replayed by its own settings. Shares of the servers differ by so many points in a hundred at most, over all
rounds. *By chance*: what two replays of the same log differ by when only their dice do; a replay cannot be expected to be
closer to a real run than that. It is most for \`adaptive\`, which prefers among equal servers those that were a little faster
in the last seconds.

${ownTable(results)}

## A prediction and what came

The p99 that the replay of one run predicts for another setting, beside the p99 of a real run with that setting: as Weir logs it
(\`t_response\`: from the end of the request to the head of the answer), and as clients see it (from the time at which a
request was due to the end of its answer). The goal is held against what clients see, though the log is all that the prediction knows.
p99s in ms, means over the rounds.

${questionTable(results)}
`
  writeFileSync(join(import.meta.dirname, '..', 'RESULTS-REPLAY.md'), page)
  console.log('\nwritten: bench/RESULTS-REPLAY.md')
}

try {
  await main()
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
  process.exitCode = 1
}
process.exit()
