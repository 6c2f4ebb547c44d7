// `weir simulate`: what would this backend do? Runs the product's own balancers against simulated servers, under the
// configured algorithm and every other, and says how they compare. Opens no socket. docs/simulate.md is its manual.
import { writeFileSync } from 'node:fs'
import { fileTrouble } from '../config/files.ts'
import { formatProblems } from '../config/format.ts'
import { suggestion } from '../config/nearest.ts'
import { judge } from '../simulate/assert.ts'
import { compare } from '../simulate/compare.ts'
import { plot } from '../simulate/plot.ts'
import { checkReplay } from '../simulate/replay-check.ts'
import { formatReport } from '../simulate/report.ts'
import { scenarios } from '../simulate/scenarios.ts'
import { simulate as runSimulation } from '../simulate/simulation.ts'
import { tableText } from '../simulate/table.ts'
import type { Scenario } from '../simulate/types.ts'
import { progressBar } from './simulate-progress.ts'
import { readOptions, simulateUsage, type Options } from './simulate-options.ts'
import { modelOf, readLog } from './simulate-replay.ts'
import { loadScenario } from './simulate-scenario.ts'
import { planOf, serversOf, type Replay } from './simulate-setup.ts'
import { loadSubject, Unusable, type Subject } from './simulate-subject.ts'
import { UsageError, withUsage } from './usage.ts'

/** @param argv what follows the word `simulate` @returns the exit code */
export function simulate(argv: string[]): Promise<number> {
  return withUsage('simulate', simulateUsage, async () => {
    const options = readOptions(argv)
    if (options === 'help' || options === 'list') {
      process.stdout.write(options === 'help' ? simulateUsage : scenarioList())
      return 0
    }
    try {
      return await run(options)
    } catch (error) {
      if (!(error instanceof Unusable)) throw error
      process.stderr.write(error.message)
      return 1
    }
  })
}

const scenarioList = (): string =>
  tableText({ titles: ['scenario', ''], rows: scenarios.map(({ name, doc }) => [name, doc]) }, 2)

async function run(options: Options): Promise<number> {
  const subject = options.file === null ? null : await loadSubject(options.file, options.backend)
  const replay = options.replay === null ? null : await loadReplay(options.replay, options, subject)
  const found = findScenario(options, subject, replay)
  const plan = planOf(options, subject, found, replay)
  const { setup } = plan

  const progress = progressBar(process.stderr)
  const results = compare(setup, plan.algorithms, runSimulation, progress.show)
  progress.clear()
  if (subject !== null && subject.faults.count > 0) {
    const { count, first } = subject.faults
    process.stderr.write(`weir simulate: the balancer of ${subject.backend.name} failed ${count} times: ${first}\n`)
  }

  const { name, doc } = titleOf(options, found.scenario, replay)
  const verdicts = options.assertions.map((assertion) => judge(assertion, results))
  const window = { from: setup.warmup * options.rate, to: (setup.warmup + setup.duration) * options.rate }
  const check = replay === null ? null : checkReplay(replay.recorded, results[0]!, replay.model, window)
  const report = { name, doc, settings: plan.settings, threshold: options.threshold, results, verdicts, replay: check }
  process.stdout.write(formatReport(report, options.format))
  if (options.plot !== null) {
    const title = `${name}: ${plan.algorithms.length > 1 ? `${plan.algorithms[0]!.name} and others` : plan.algorithms[0]!.name}`
    writePlot(options.plot, { title, doc, results, bucket: setup.bucket, marked: plan.marked })
  }
  const failed = verdicts.filter(({ holds }) => !holds)
  for (const { text, sentence } of failed) process.stderr.write(`weir simulate: ${text} does not hold: ${sentence}\n`)
  return failed.length > 0 ? 1 : 0
}

/** @throws Unusable */
async function loadReplay(path: string, options: Options, subject: Subject | null): Promise<Replay> {
  const read = await readLog(path, options.backend ?? subject?.backend.name ?? null, subject?.backend ?? null)
  if (typeof read === 'string') throw new Unusable(`weir simulate: cannot read ${path}: ${read}\n`)
  for (const note of read.notes) process.stderr.write(`weir simulate: ${note}\n`)
  const { recorded } = read
  if (recorded.requests.some(({ answered }) => answered)) {
    return { recorded, model: modelOf(recorded, options.cores, options.speeds === 'equal') }
  }
  const whose = recorded.backend === '' ? '' : ` of ${recorded.backend}`
  throw new Unusable(`weir simulate: ${path} has no request${whose} that was answered\n`)
}

/** @throws Unusable, UsageError */
function findScenario(
  options: Options,
  subject: Subject | null,
  replay: Replay | null,
): { scenario: Scenario; own: boolean } {
  const { scenario: name } = options
  if (!/\.ya?ml$/.test(name)) {
    const scenario = scenarios.find((each) => each.name === name)
    if (scenario !== undefined) return { scenario, own: false }
    const names = scenarios.map((each) => each.name)
    throw new UsageError(`--scenario: there is no scenario "${name}"${suggestion(name, names)}; a file ends with .yaml`)
  }
  if (replay !== null) throw new UsageError('--replay goes with the scenarios of --list, not with a file')
  const loaded = loadScenario(name, subject === null ? null : serversOf(subject.backend))
  const report = formatProblems(loaded.problems, loaded.sources, 'text')
  if (loaded.scenario === null) throw new Unusable(report)
  process.stderr.write(report)
  return { scenario: loaded.scenario, own: true }
}

function titleOf(options: Options, scenario: Scenario, replay: Replay | null): Pick<Scenario, 'name' | 'doc'> {
  if (replay === null) return scenario
  const { recorded } = replay
  const doc = `${recorded.requests.length} requests of ${recorded.backend}, as recorded.`
  return options.scenarioSaid
    ? { name: `${options.replay}, ${scenario.name}`, doc: `${doc} ${scenario.doc}` }
    : { name: options.replay!, doc }
}

function writePlot(path: string, input: Parameters<typeof plot>[0]): void {
  try {
    writeFileSync(path, plot(input))
  } catch (error) {
    throw new Unusable(`weir simulate: cannot write ${path}: ${fileTrouble(error)}\n`)
  }
}
