// `npm run bench:profile -- WORKLOAD`: one workload against Weir alone, and the functions that its time goes to.
// By default V8's own profiler in the worker thread: JavaScript functions. With --perf the kernel's: system calls, OpenSSL
// and V8's built-in code too, where `perf` is installed and allowed. Slower than the bench; its speeds mean nothing.
import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { generate, placement, prepare, startPeer } from './measure.ts'
import type { Bench } from './measure.ts'
import { findWorkload } from './options.ts'
import { weirLaunch } from './peers/weir.ts'
import { run } from './process.ts'
import { withBench } from './session.ts'
import type { Workload } from './workloads.ts'

const root = join(import.meta.dirname, '..')

interface Line {
  readonly share: number
  readonly name: string
}

/** A .cpuprofile, as far as it is needed here: node ids by sample, and the microseconds before each. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

async function byV8(bench: Bench, workload: Workload): Promise<Line[]> {
  const setup = await prepare(bench, workload)
  const profiles = join(setup.folder, 'profiles')
  mkdirSync(profiles)
  const launch = weirLaunch(setup, 1, ['--cpu-prof', `--cpu-prof-dir=${profiles}`, '--cpu-prof-interval=500'])
  const weir = await startPeer(launch, setup, workload, placement(1).proxy)
  try {
    await generate(workload, setup, bench.seconds)
  } finally {
    await weir.stop() // the profiles are written at the end
  }
  // One profile per thread: the worker's is the one with the most to say.
  const [busiest] = readdirSync(profiles)
    .map((file) => selfTimes(JSON.parse(readFileSync(join(profiles, file), 'utf8')) as CpuProfile))
    .toSorted((a, b) => total(b) - total(a))
  if (!busiest) throw new Error('no profile was written: Weir did not stop cleanly')
  const all = total(busiest)
  return [...busiest].map(([name, micros]) => ({ share: micros / all, name }))
}

/** Microseconds by function, without the time in which nothing was done. */
function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): Map<string, number> {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const times = new Map<string, number>()
  for (const [i, id] of samples.entries()) {
    const name = names.get(id)!
    if (name !== '(idle)') times.set(name, (times.get(name) ?? 0) + (timeDeltas[i + 1] ?? 0))
  }
  return times
}

function nameOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const name = functionName || '(anonymous)'
  if (url === '') return name
  const place = url.startsWith('file://') ? relative(root, url.slice('file://'.length)) : url
  return `${name}  ${place}:${lineNumber + 1}`
}

const total = (times: ReadonlyMap<string, number>): number => [...times.values()].reduce((sum, each) => sum + each, 0)

async function byPerf(bench: Bench, workload: Workload): Promise<Line[]> {
  const setup = await prepare(bench, workload)
  const data = join(setup.folder, 'perf.data')
  const weir = await startPeer(weirLaunch(setup, 1, ['--perf-basic-prof']), setup, workload, placement(1).proxy)
  try {
    await generate(workload, setup, 1)
    const seconds = String(bench.seconds)
    const record = ['perf', 'record', '-q', '-e', 'cpu-clock', '-F', '1999', '-o', data, '-p', String(weir.pid)]
    const timeout = (bench.seconds + 20) * 1000
    await Promise.all([run([...record, '--', 'sleep', seconds], timeout), generate(workload, setup, bench.seconds)])
    const report = await run(['perf', 'report', '-i', data, '--stdio', '-F', 'overhead,dso,symbol', '-q'], 60_000)
    return report.split('\n').flatMap(perfLine)
  } finally {
    await weir.stop()
    rmSync(`/tmp/perf-${weir.pid}.map`, { force: true }) // where V8 puts it, for perf to find
  }
}

function perfLine(line: string): Line[] {
  const found = /^\s*([\d.]+)%\s+(.*\S)/.exec(line)
  return found
    ? [{ share: Number(found[1]) / 100, name: found[2]!.replaceAll(`file://${root}/`, '').replace(/\s+/g, ' ') }]
    : []
}

const usage = 'npm run bench:profile -- WORKLOAD [--perf] [--seconds N (5)] [--top N (30)]'

async function main(): Promise<void> {
  const text = { type: 'string' } as const
  const { values, positionals } = parseArgs({
    options: { perf: { type: 'boolean', default: false }, seconds: text, top: text },
    allowPositionals: true,
  })
  if (positionals.length !== 1) throw new Error(usage)
  const workload = findWorkload(positionals[0]!)
  const seconds = Number(values.seconds ?? 5)
  const lines = await withBench(seconds, (bench) => (values.perf ? byPerf : byV8)(bench, workload))
  console.log(`${workload.title}: self time of the worker, idle time left out`)
  for (const { share, name } of lines.toSorted((a, b) => b.share - a.share).slice(0, Number(values.top ?? 30))) {
    console.log(`${(share * 100).toFixed(1).padStart(5)} %  ${name}`)
  }
}

await main()
