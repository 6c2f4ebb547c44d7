// `npm run bench`: Weir beside other load balancers on one machine. Rounds are interleaved: in each, every peer is started
// anew and measured once, another one first each time. Prints a table per workload; --write keeps them in RESULTS.md.
import { writeFileSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { measure } from './measure.ts'
import type { Bench, Sample } from './measure.ts'
import { peersOf, readOptions, usage } from './options.ts'
import type { Options } from './options.ts'
import { peers } from './peers/all.ts'
import type { Peer } from './peers/peer.ts'
import { goalTable, resultsPage, workloadTable } from './report.ts'
import type { Results } from './statistics.ts'
import { withBench } from './session.ts'
import type { Workload } from './workloads.ts'

let failures = 0

/** The peers that can do this workload; says so of those that cannot. */
function participants(workload: Workload, asked: Options['peers']): Peer[] {
  const { mode, tls, accessLog } = workload
  const setup = { mode, certificate: tls, accessLog: accessLog ? 'file' : null }
  return peersOf(workload, asked).flatMap((name) => {
    const peer = peers.get(name)!
    const reason = peer.version() === null ? 'it is not installed' : peer.cannot(setup)
    if (reason !== null) console.log(`  ${name} is left out: ${reason}`)
    return reason === null ? [peer] : []
  })
}

async function measureOrNull(bench: Bench, workload: Workload, peer: Peer): Promise<Sample | null> {
  try {
    return await measure(bench, workload, peer)
  } catch (error) {
    failures++
    console.error(`  ${peer.name} failed: ${error instanceof Error ? error.message : String(error)}`)
    return null
  }
}

async function runWorkload(bench: Bench, workload: Workload, { rounds, peers: asked }: Options): Promise<Results> {
  const taking = participants(workload, asked)
  const results = new Map(taking.map(({ name }): [string, (Sample | null)[]] => [name, []]))
  for (let round = 0; round < Math.min(rounds, workload.maxRounds ?? rounds); round++) {
    for (let turn = 0; turn < taking.length; turn++) {
      const peer = taking[(round + turn) % taking.length]!
      const sample = await measureOrNull(bench, workload, peer)
      results.get(peer.name)!.push(sample)
      if (sample) console.log(`  round ${round + 1}: ${peer.name} ${sample.cost.toFixed(2)}`)
    }
  }
  return results
}

async function main(options: Options): Promise<void> {
  const loadBefore = os.loadavg()[0]!
  if (loadBefore > 0.5)
    console.log(`note: the machine is busy (load average ${loadBefore.toFixed(2)}); the numbers will be unsteady`)
  const results = new Map<Workload, Results>()
  await withBench(options.seconds, async (bench) => {
    for (const workload of options.workloads) {
      console.log(workload.title)
      const found = await runWorkload(bench, workload, options)
      if (found.size === 0) continue
      results.set(workload, found)
      console.log(`\n${workloadTable(workload, found)}\n`)
    }
  })
  console.log(goalTable(results))
  if (options.write) write(options, results, loadBefore)
}

function write(
  { rounds, seconds, page: { file, title } }: Options,
  results: ReadonlyMap<Workload, Results>,
  loadBefore: number,
): void {
  const named = new Set([...results.values()].flatMap((each) => [...each.keys()]))
  const versions = new Map([...named].map((name) => [name, peers.get(name)!.version()!]))
  const args = process.argv.slice(2).join(' ')
  const page = resultsPage({
    title,
    command: `npm run bench -- ${args}`,
    rounds,
    seconds,
    versions,
    loadBefore,
    results,
  })
  writeFileSync(join(import.meta.dirname, file), page)
  console.log(`\nwritten: bench/${file}`)
}

function optionsOrUsage(): Options {
  try {
    return readOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`)
    process.exit(2)
  }
}

const options = optionsOrUsage()
try {
  await main(options)
} catch (error) {
  failures++
  console.error(error instanceof Error ? error.message : error)
}
process.exitCode = failures > 0 ? 1 : 0
