// `npm run bench:reload`: what clients see of reloads under full load, on kept and on new connections, in clear and over TLS,
// of Weir and of HAProxy in the same run. Fails when Weir loses a request. --write keeps the tables in RESULTS-RELOAD.md;
// `--seconds 10` is a smoke.
import { mkdtempSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { chosen } from '../chosen.ts'
import { descendants, residentKiB } from '../cpu.ts'
import { untilAnswering } from '../load/probe.ts'
import { machineFacts } from '../machine.ts'
import { placement, type Bench } from '../measure.ts'
import { checkLog, freePort, start, type Running } from '../process.ts'
import { withBench } from '../session.ts'
import { contestants, type Contestant, type ReloadSetup } from './contestants.ts'
import { runLoad } from './load.ts'
import { failedIn, goalTable, loadTable, reloadGoals, resultsPage, type Measured, type Shape } from './report.ts'

const loads = [
  { name: 'kept connections', tls: false, fresh: false },
  { name: 'new connections', tls: false, fresh: true },
  { name: 'kept connections, TLS', tls: true, fresh: false },
  { name: 'new connections, TLS', tls: true, fresh: true },
] as const
type LoadKind = (typeof loads)[number]

const usage = `npm run bench:reload -- [options]

  --only NAME;NAME          these loads
  --contestants NAME;NAME   these contestants
  --rounds N                interleaved rounds (1)
  --seconds N               length of each measurement (60)
  --reloads N               reloads in that time (50 in 60 s)
  --clients N               clients that ask at a time (32)
  --write                   write bench/RESULTS-RELOAD.md

loads:       ${loads.map(({ name }) => name).join('; ')}
contestants: ${contestants.map(({ name }) => name).join('; ')}
`

interface Options extends Shape {
  readonly loads: readonly LoadKind[]
  readonly contestants: readonly Contestant[]
  readonly write: boolean
}

/** @throws with words for the person at the terminal */
function readOptions(): Options {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      only: text,
      contestants: text,
      rounds: { ...text, default: '1' },
      seconds: { ...text, default: '60' },
      reloads: text,
      clients: { ...text, default: '32' },
      write: { type: 'boolean', default: false },
    },
  })
  const number = (name: 'rounds' | 'seconds' | 'reloads' | 'clients', least: number, most: number): number => {
    const value = Number(values[name] ?? Math.max(1, Math.round((Number(values.seconds) * 50) / 60)))
    if (!(value >= least && value <= most)) throw new Error(`--${name}: ${least} to ${most}`)
    return value
  }
  return {
    loads: chosen(loads, values.only, ';'),
    contestants: chosen(contestants, values.contestants, ';').filter((each) => each.version() !== null),
    rounds: number('rounds', 1, 20),
    seconds: number('seconds', 2, 600),
    reloads: number('reloads', 0, 10_000),
    clients: number('clients', 1, 1000),
    write: values.write,
  }
}

/** Before the window, so that the code of the hot path is compiled. In seconds. */
const WARM_UP = 3
/** A reload that was asked for is carried out by then. In ms. */
const SETTLING = 10_000

async function measure(bench: Bench, load: LoadKind, contestant: Contestant, options: Options): Promise<Measured> {
  const folder = mkdtempSync(join(bench.folder, 'reload-'))
  const { pages, answers } = bench.backend.ports
  const setup: ReloadSetup = {
    folder,
    port: await freePort(),
    tlsPort: await freePort(),
    adminPort: await freePort(),
    servers: [`127.0.0.1:${pages}`, `127.0.0.1:${answers}`],
    certificate: bench.certificates.ecdsa,
  }
  const { proxy: onCores, load: loadCores } = placement(contestant.cores)
  const launch = contestant.write(setup, 0)
  const output = launch.output ?? join(folder, 'output.log')
  const proxy = await start(launch.argv, { cores: onCores, output })
  try {
    const target = { port: load.tls ? setup.tlsPort : setup.port, tls: load.tls }
    await untilAnswering({ ...target, path: '/small' }, proxy)
    const clients = { ...target, fresh: load.fresh, clients: options.clients }
    await runLoad({ ...clients, seconds: WARM_UP }, loadCores)
    const window = new AbortController()
    const watched = watch(proxy, window.signal)
    const reloading = reloadInTurn(setup, contestant, proxy, options)
    const sample = await runLoad({ ...clients, seconds: options.seconds }, loadCores)
    await reloading
    window.abort()
    const carriedOut = await settled(setup, contestant, options.reloads)
    proxy.check()
    if (contestant.signal === 'SIGHUP') checkLog(output)
    return { ...sample, ...(await watched), asked: options.reloads, carriedOut }
  } finally {
    await proxy.stop()
  }
}

/** Evenly spread over the window, the first one soon after its beginning. */
async function reloadInTurn(
  setup: ReloadSetup,
  contestant: Contestant,
  proxy: Running,
  { reloads, seconds }: Options,
): Promise<void> {
  const begun = performance.now()
  const every = (seconds * 1000) / reloads
  for (let n = 1; n <= reloads; n++) {
    await sleep(Math.max(0, begun + (n - 0.5) * every - performance.now()))
    contestant.write(setup, n)
    process.kill(proxy.pid, contestant.signal)
  }
}

/** Looks at the process tree from time to time. */
async function watch(proxy: Running, signal: AbortSignal): Promise<Pick<Measured, 'processes' | 'memory'>> {
  let processes = 0
  let memory = 0
  while (!signal.aborted) {
    processes = Math.max(processes, descendants(proxy.pid).length)
    memory = Math.max(memory, residentKiB(proxy.pid))
    await sleep(250)
  }
  return { processes, memory }
}

/** The last one may still be under way. */
async function settled(setup: ReloadSetup, contestant: Contestant, asked: number): Promise<number> {
  for (const end = performance.now() + SETTLING; ; await sleep(100)) {
    const done = await contestant.carriedOut(setup)
    if (done >= asked || performance.now() > end) return done
  }
}

async function main(options: Options): Promise<boolean> {
  const loadBefore = os.loadavg()[0]!
  const results = new Map<string, Map<string, Measured[]>>()
  await withBench(options.seconds, async (bench) => {
    for (const load of options.loads) {
      const found = new Map(options.contestants.map(({ name }): [string, Measured[]] => [name, []]))
      for (let round = 0; round < options.rounds; round++) {
        for (let turn = 0; turn < options.contestants.length; turn++) {
          const contestant = options.contestants[(round + turn) % options.contestants.length]!
          const measured = await measure(bench, load, contestant, options)
          found.get(contestant.name)!.push(measured)
          const { answered, carriedOut, asked } = measured
          const reloads = `${carriedOut} of ${asked} reloads`
          console.log(
            `${load.name}: ${contestant.name}: ${reloads}, ${answered} answered, ${failedIn(measured)} failed`,
          )
        }
      }
      results.set(load.name, found)
      console.log(`\n${loadTable(found)}\n`)
    }
  })
  console.log(goalTable(results))
  if (options.write) write(options, results, loadBefore)
  return reloadGoals(results).every(({ reached }) => reached)
}

function write(options: Options, results: Parameters<typeof resultsPage>[2], loadBefore: number): void {
  const facts = [
    `Date: ${new Date().toISOString().slice(0, 10)}`,
    `Command: \`npm run bench:reload -- ${process.argv.slice(2).join(' ')}\``,
    ...machineFacts().slice(0, 3),
    ...new Set(options.contestants.map((each) => each.version()!)),
    `Load average before the run: ${loadBefore.toFixed(2)}`,
  ]
  writeFileSync(join(import.meta.dirname, '..', 'RESULTS-RELOAD.md'), resultsPage(facts, options, results))
  console.log('\nwritten: bench/RESULTS-RELOAD.md')
}

let reached = false
try {
  reached = await main(readOptions())
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
}
process.exit(reached ? 0 : 1)
