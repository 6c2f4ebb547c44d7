// `npm run bench:certificates`: ten thousand certificates on one bind, of Weir, of HAProxy and of hitch. How long it takes from the
// start until the port answers, against a start with one certificate, and what a full handshake then costs, in three ways: with one
// certificate, with ten thousand of which clients ask for one, and with ten thousand of which they ask for any. --write keeps
// the table in RESULTS-CERTIFICATES.md; `--count 50 --seconds 1 --rounds 1` is a smoke.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { selfSigned } from '../../src/control/certificates/x509.ts'
import { cpuMicros } from '../cpu.ts'
import { nameOf, runHandshakes } from '../load/handshakes.ts'
import { machineFacts } from '../machine.ts'
import { placement, startPeer, type Bench } from '../measure.ts'
import { peers } from '../peers/all.ts'
import type { Peer, Setup } from '../peers/peer.ts'
import { freePort } from '../process.ts'
import { table } from '../report.ts'
import { withBench } from '../session.ts'
import { median } from '../statistics.ts'
import { findWorkload } from '../options.ts'

const usage = `npm run bench:certificates -- [options]

  --count N      certificates (10000)
  --rounds N     interleaved rounds (3)
  --seconds N    length of a window (3)
  --write        write bench/RESULTS-CERTIFICATES.md
`

interface Options {
  readonly count: number
  readonly rounds: number
  readonly seconds: number
  readonly write: boolean
}

/** What is asked for, of how many. */
const cases = [
  { title: 'one', many: false, names: 1 },
  { title: 'many, one asked for', many: true, names: 1 },
  { title: 'many, 200 asked for again and again', many: true, names: 200 },
  { title: 'many, any asked for', many: true, names: Infinity },
] as const
type Case = (typeof cases)[number]

interface Sample {
  /** From the start of the process to its first answer, in seconds. */
  readonly start: number
  /** CPU of the proxy in µs, for a handshake and a GET. */
  readonly cost: number
  readonly rate: number
}

const contestants = ['weir', 'haproxy', 'hitch']
/** For a start, in seconds. */
const PATIENCE = 90
/** Of clients at a time. */
const CLIENTS = 32
/** Goals: seconds that ten thousand may add to the start, and what a handshake may cost, to that with one. */
const MOST_SECONDS = 2
const MOST_RATIO = 1.05

/** @throws with words for the person at the terminal */
function readOptions(): Options {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: { count: text, rounds: text, seconds: text, write: { type: 'boolean', default: false } },
  })
  const number = (name: 'count' | 'rounds' | 'seconds', value: number, most: number): number => {
    const asked = Number(values[name] ?? value)
    if (!Number.isInteger(asked) || asked < 1 || asked > most) throw new Error(`--${name}: a number from 1 to ${most}`)
    return asked
  }
  return {
    count: number('count', 10_000, 100_000),
    rounds: number('rounds', 3, 20),
    seconds: number('seconds', 3, 60),
    write: values.write,
  }
}

/** A folder of combined PEM files, each with a key of its own. */
async function makeFolder(where: string, count: number): Promise<string> {
  mkdirSync(where)
  for (let n = 0; n < count; n++) {
    const { cert, key } = await selfSigned([nameOf(n)])
    writeFileSync(join(where, `n${String(n).padStart(6, '0')}.pem`), cert + key, { mode: 0o600 })
  }
  return where
}

async function measure(bench: Bench, peer: Peer, wanted: Case, certificate: string, count: number): Promise<Sample> {
  const workload = findWorkload('tls-ecdsa')
  const setup: Setup = {
    folder: mkdtempSync(join(bench.folder, 'certificates-')),
    port: await freePort(),
    serverPort: bench.backend.ports.pages,
    mode: 'http',
    certificate,
    accessLog: null,
  }
  const begun = performance.now()
  const proxy = await startPeer(peer.prepare(setup), setup, workload, placement(1).proxy, PATIENCE)
  try {
    const start = (performance.now() - begun) / 1000
    const names = Math.min(wanted.names, count)
    const load = { port: setup.port, path: '/small', clients: CLIENTS, resume: false, cores: placement(1).load, names }
    await runHandshakes({ ...load, seconds: Math.min(bench.seconds, peer.warmUp * 2) })
    const before = cpuMicros(proxy.pid)
    const { requests, errors, seconds } = await runHandshakes({ ...load, seconds: bench.seconds })
    proxy.check()
    if (requests === 0 || errors > 0) throw new Error(`${peer.name}: ${requests} answers, ${errors} errors`)
    return { start, cost: (cpuMicros(proxy.pid) - before) / requests, rate: requests / seconds }
  } finally {
    await proxy.stop()
  }
}

/** By peer, then by the title of the case: a sample for each round. */
type Results = ReadonlyMap<string, ReadonlyMap<string, readonly Sample[]>>

async function measureAll(options: Options): Promise<Results> {
  const taking = contestants.map((name) => peers.get(name)!).filter((peer) => peer.version() !== null)
  const results = new Map(taking.map(({ name }) => [name, new Map(cases.map(({ title }) => [title, [] as Sample[]]))]))
  await withBench(options.seconds, async (bench) => {
    const begun = performance.now()
    const one = await makeFolder(join(bench.folder, 'one'), 1)
    const many = await makeFolder(join(bench.folder, 'many'), options.count)
    console.log(`${options.count} certificates made in ${((performance.now() - begun) / 1000).toFixed(1)} s`)
    for (let round = 0; round < options.rounds; round++) {
      for (let turn = 0; turn < taking.length; turn++) {
        const peer = taking[(round + turn) % taking.length]!
        for (const each of cases) {
          const sample = await measure(bench, peer, each, each.many ? many : one, options.count)
          results.get(peer.name)!.get(each.title)!.push(sample)
          const figures = `start ${sample.start.toFixed(2)} s, ${sample.cost.toFixed(0)} us a handshake`
          console.log(`round ${round + 1}: ${peer.name}, ${each.title}: ${figures}`)
        }
      }
    }
  })
  return results
}

function resultTable(results: Results): string {
  const head = ['', 'certificates', 'start, s', 'CPU, us per handshake', 'to one', 'handshakes/s']
  const rows = [...results].flatMap(([peer, found]) =>
    cases.map(({ title }) => {
      const samples = found.get(title)!
      const cost = of(samples, ({ cost: each }) => each)
      const ratio = cost / of(found.get('one')!, ({ cost: each }) => each)
      const start = of(samples, (sample) => sample.start).toFixed(2)
      return [peer, title, start, cost.toFixed(0), ratio.toFixed(2), of(samples, ({ rate }) => rate).toFixed(0)]
    }),
  )
  return table(head, rows)
}

const of = (samples: readonly Sample[], figure: (sample: Sample) => number): number => median(samples.map(figure))

/** Of Weir; only for as many certificates as the goals are about. */
function goalTable(results: Results): string {
  const [one, many, known, any] = cases.map(({ title }) => results.get('weir')!.get(title)!) as Sample[][]
  const cost = (samples: readonly Sample[]): number =>
    of(samples, (sample) => sample.cost) / of(one!, (sample) => sample.cost)
  const added = of(many!, ({ start }) => start) - of(one!, ({ start }) => start)
  const goals = [
    ['seconds that they add to the start', added, MOST_SECONDS],
    ['a handshake, one name asked for, to that with one certificate', cost(many!), MOST_RATIO],
    ['a handshake, one of 200 names asked for, to that with one certificate', cost(known!), MOST_RATIO],
    ['a handshake, any name asked for, mostly for the first time', cost(any!), MOST_RATIO],
  ] as const
  const rows = goals.map(([title, found, most]) => [
    title,
    found.toFixed(2),
    `<= ${most.toFixed(2)}`,
    found <= most ? 'yes' : '**no**',
  ])
  return table(['', 'measured', 'goal', 'reached'], rows)
}

function write(options: Options, results: Results): void {
  const versions = [...results.keys()].map((name) => peers.get(name)!.version()!)
  const facts = [`Date: ${new Date().toISOString().slice(0, 10)}`, ...machineFacts(), ...versions]
  const page = `# Ten thousand certificates

Written by \`npm run bench:certificates -- --write\`; do not edit.

${facts.map((fact) => `- ${fact}`).join('\n')}

## Goals

${goalTable(results)}

## Figures

${options.count} files of ECDSA P-256 certificates in one folder, ${options.rounds} interleaved rounds of ${options.seconds} s, medians. The start is from
the start of the process to its first answer over TLS. Each handshake is a full one with TLS 1.3, a GET and its answer; with "any" each
asks for another name, so that over a run most contexts are met for the first time.

${resultTable(results)}
`
  writeFileSync(join(import.meta.dirname, '..', 'RESULTS-CERTIFICATES.md'), page)
  console.log('\nwritten: bench/RESULTS-CERTIFICATES.md')
}

try {
  const options = readOptions()
  const results = await measureAll(options)
  console.log(`\n${resultTable(results)}\n\n${goalTable(results)}`)
  if (options.write) write(options, results)
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
  process.exitCode = 1
}
