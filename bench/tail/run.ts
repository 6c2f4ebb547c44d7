// `npm run bench:tail`: what clients wait for, at the 50th, 99th and 99.9th percentile, and how many requests fail, when the
// servers behind are not alike or not well. Rounds are interleaved, as in the bench of CPU time: in each round every peer
// meets every scenario with the same arrivals, sizes and faults. --write keeps the tables in RESULTS-TAIL.md.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os, { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { machineFacts } from '../machine.ts'
import { endChildrenOnExit } from '../process.ts'
import { withFarm } from './farm.ts'
import type { TailSample } from './load.ts'
import { tailPeers, type TailPeer } from './peers.ts'
import { goalTable, pooled, scenarioTable, type TailResults } from './report.ts'
import { capacity, SERVERS, tailScenarios, type TailScenario } from './scenarios.ts'

const usage = `npm run bench:tail -- [options]

  --only NAME,NAME    these scenarios
  --peers NAME,NAME   these peers
  --rounds N          interleaved rounds (2)
  --seconds N         measured time of each run (16), after 3 s of warming up
  --load N            share of the farm's capacity (0.8)
  --write             write bench/RESULTS-TAIL.md

scenarios: ${tailScenarios.map(({ name }) => name).join(', ')}
peers:     ${tailPeers.map(({ name }) => name).join('; ')}
`

const WARM_UP = 3

interface Options {
  readonly rounds: number
  readonly seconds: number
  readonly load: number
}

/** One run: servers, a load balancer and the load. */
function measure(
  folder: string,
  scenario: TailScenario,
  peer: TailPeer,
  round: number,
  { seconds, load }: Options,
): Promise<TailSample> {
  const seed = 101 + round
  const cores = peer.name.includes('2 workers') ? 2 : 1
  const span = WARM_UP + seconds
  const farm = { folder, scenario, servers: SERVERS, seed, span, faultFrom: WARM_UP + seconds / 4, cores } as const
  return withFarm({ ...farm, prepare: peer.prepare }, ({ load: generate }) =>
    generate({ rate: load * capacity(scenario), seconds, warmup: WARM_UP, seed }),
  )
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      only: text,
      peers: text,
      rounds: { ...text, default: '2' },
      seconds: { ...text, default: '16' },
      load: { ...text, default: '0.8' },
      write: { type: 'boolean', default: false },
    },
  })
  const chosen = <T extends { name: string }>(all: readonly T[], names: string | undefined): readonly T[] =>
    names === undefined ? all : all.filter(({ name }) => names.split(',').includes(name))
  const options = { rounds: Number(values.rounds), seconds: Number(values.seconds), load: Number(values.load) }
  if (!(options.rounds >= 1 && options.rounds <= 20 && options.seconds >= 1 && options.seconds <= 300))
    throw new Error('--rounds: 1 to 20, --seconds: 1 to 300')
  if (!(options.load > 0 && options.load < 1)) throw new Error('--load: between 0 and 1')
  const peers = chosen(tailPeers, values.peers).filter((peer) => peer.version() !== null)
  const loadBefore = os.loadavg()[0]!
  endChildrenOnExit()
  const folder = mkdtempSync(join(tmpdir(), 'weir-tail-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

  const results: TailResults = new Map()
  for (const scenario of chosen(tailScenarios, values.only)) {
    const found = new Map(peers.map(({ name }): [string, TailSample[]] => [name, []]))
    for (let round = 0; round < options.rounds; round++) {
      for (let turn = 0; turn < peers.length; turn++) {
        const peer = peers[(round + turn) % peers.length]!
        const sample = await measure(folder, scenario, peer, round, options)
        found.get(peer.name)!.push(sample)
        const { p99, errors } = pooled([sample])
        console.log(
          `${scenario.name}, round ${round + 1}: ${peer.name} ${p99.toFixed(0)} ms, ${(errors * 100).toFixed(2)} %`,
        )
      }
    }
    results.set(scenario, found)
    console.log(`\n${scenarioTable(scenario, found)}\n`)
  }
  console.log(goalTable(results))
  if (values.write) write(results, { ...options, loadBefore, peers })
}

function write(
  results: TailResults,
  { rounds, seconds, load, loadBefore, peers }: Options & { loadBefore: number; peers: readonly TailPeer[] },
): void {
  const versions = [...new Set(peers.map((peer) => peer.version()!))]
  const facts = [
    `Date: ${new Date().toISOString().slice(0, 10)}`,
    `Command: \`npm run bench:tail -- ${process.argv.slice(2).join(' ')}\``,
    ...machineFacts().slice(0, 3),
    ...versions,
    `Load average before the run: ${loadBefore.toFixed(2)}`,
  ]
  const page = `# Results of the tail bench

Written by \`npm run bench:tail -- --write\`; do not edit.

${facts.map((fact) => `- ${fact}`).join('\n')}

## Goals

${goalTable(results)}

## Scenarios

${rounds} interleaved rounds of ${seconds} s at ${load * 100} % of what the farm can serve, open loop: requests come when they are
due, and a latency counts from that time. Eight servers with 4 cores each, shared by their requests; a mean request takes
20 ms of one core. Failed requests have no latency, and one that took longer than 3 s counts as 3000 ms and as failed.
No health checks anywhere: what a server does wrong has to be seen from the traffic.

${[...results].map(([scenario, found]) => scenarioTable(scenario, found)).join('\n\n')}
`
  writeFileSync(join(import.meta.dirname, '..', 'RESULTS-TAIL.md'), page)
  console.log('\nwritten: bench/RESULTS-TAIL.md')
}

try {
  await main()
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
  process.exitCode = 1
}
process.exit()
