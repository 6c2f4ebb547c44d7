// The results as Markdown: a table per workload, the goals, and the whole of RESULTS.md around them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { goals } from './goals.ts'
import { cores, machineFacts } from './machine.ts'
import type { Sample } from './measure.ts'
import { figure, ratio } from './statistics.ts'
import type { Ratio, Results } from './statistics.ts'
import type { Workload } from './workloads.ts'

export interface Run {
  readonly title: string
  readonly command: string
  readonly seconds: number
  readonly rounds: number
  /** Name and version of each peer. */
  readonly versions: ReadonlyMap<string, string>
  /** Load average when the run began; a busy machine makes doubtful numbers. */
  readonly loadBefore: number
  readonly results: ReadonlyMap<Workload, Results>
}

const units = { request: 'CPU, us per request', MiB: 'CPU, us per MiB', connection: 'KiB per connection' } as const
const rates = { request: 'requests/s', MiB: 'MiB/s' } as const

const figures = {
  cost: (sample: Sample) => sample.cost,
  rate: (sample: Sample) => sample.rate,
  p50: (sample: Sample) => sample.p50,
  p99: (sample: Sample) => sample.p99,
  busy: (sample: Sample) => sample.busy,
} as const

/** Title and table of one workload. */
export function workloadTable(workload: Workload, results: Results): string {
  const { per } = workload
  const base = results.has('haproxy') ? 'haproxy' : [...results.keys()][0]!
  const head = [
    '',
    units[per],
    `to ${base}`,
    ...(per === 'connection' ? [] : [rates[per], 'p50, ms', 'p99, ms', 'core busy', 'errors']),
  ]
  const rows = [...results.keys()].map((peer) => row(results, peer, base, per === 'connection'))
  return `### ${workload.title} (\`${workload.name}\`)\n\n${table(head, rows)}`
}

function row(results: Results, peer: string, base: string, memory: boolean): string[] {
  const of = (name: keyof typeof figures): number | null => figure(results, peer, figures[name])
  const cost = of('cost')
  if (cost === null) return [peer, 'failed']
  const cells = [peer, cost.toFixed(cost < 100 ? 2 : 0), ratioText(ratio(results, peer, base, figures.cost))]
  if (memory) return cells
  const errors = (results.get(peer) ?? []).reduce((sum, sample) => sum + (sample?.errors ?? 0), 0)
  return [
    ...cells,
    of('rate')!.toFixed(0),
    of('p50')!.toFixed(2),
    of('p99')!.toFixed(2),
    `${(of('busy')! * 100).toFixed(0)} %`,
    String(errors),
  ]
}

function ratioText(found: Ratio | null): string {
  if (!found) return ''
  const spread = found.lowest === found.highest ? '' : ` (${found.lowest.toFixed(2)}-${found.highest.toFixed(2)})`
  return `${found.median.toFixed(2)}${spread}`
}

/** Every goal that this run can judge. */
export function goalTable(results: Run['results']): string {
  const rows = goals(results).map(({ title, aimed, found, reached }) => [
    title,
    found,
    aimed,
    reached ? 'yes' : '**no**',
  ])
  return table(['', 'measured', 'goal', 'reached'], rows)
}

/** The text of RESULTS.md. What a person wrote is kept in where-the-time-goes.md and included as it stands. */
export function resultsPage(run: Run): string {
  const written = readFileSync(join(import.meta.dirname, 'where-the-time-goes.md'), 'utf8').trim()
  const facts = [`Date: ${new Date().toISOString().slice(0, 10)}`, `Command: \`${run.command}\``, ...machineFacts()]
  const before = `Load average before the run: ${run.loadBefore.toFixed(2)}`
  return `# ${run.title}

Written by \`npm run bench -- --write\`; do not edit. The hand-written part is in [where-the-time-goes.md](where-the-time-goes.md).

${[...facts, ...new Set(run.versions.values()), before].map((fact) => `- ${fact}`).join('\n')}

## Goals

${goalTable(run.results)}

## Workloads

${howToRead(run)}

${[...run.results].map(([workload, results]) => workloadTable(workload, results)).join('\n\n')}

## Where the time goes

${written}

## Other benches

${others}
`
}

const others = [
  '- [Reload](RESULTS-RELOAD.md): fifty reloads in a minute under full load (`npm run bench:reload`)',
  '- [Operations](RESULTS-OPERATIONS.md): upgrade, recycled workers, rolling restart (`npm run bench:operations`)',
  '- [Faults](RESULTS-FAULTS.md): overload, failing servers, slow clients (`npm run bench:faults`)',
  '- [TLS](RESULTS-TLS.md) beside hitch too (`npm run bench:tls`), and [ten thousand certificates](RESULTS-CERTIFICATES.md) (`npm run bench:certificates`)',
  '- [Tail latency](RESULTS-TAIL.md) of the balancers (`npm run bench:tail`), and [replayed traffic](RESULTS-REPLAY.md)',
].join('\n')

function howToRead({ rounds, seconds }: Run): string {
  const lines = [
    `${rounds} interleaved rounds of ${seconds} s each, after warming up; the peers take turns in going first.`,
    'Each proxy has one core to itself; the load generator and the server behind share the rest of the machine.',
    'CPU is user and system time of the whole process tree of the proxy, over all requests of the window.',
    'A ratio is the median of the ratios of each round, with the lowest and the highest in brackets.',
    '"core busy" below 95 % means that the load generator was the slower side: the rate and the latency then say',
    'more about the generator; the CPU time stays valid, though a proxy with time to spare handles fewer events per wake-up.',
  ]
  const two = cores < 4 ? twoWorkersOnFewCores : []
  return [...lines, ...logs, ...two].join('\n')
}

const logs = [
  'With the access log on, each writes a line per request to a file: HAProxy by `log stdout` (its cheapest way, unbuffered),',
  'nginx with a buffer of 64 KiB, Weir with its own buffers.',
]

const twoWorkersOnFewCores = [
  `Two workers: this machine has ${cores} cores, so load and servers run on the workers' own cores, and twice the requests`,
  'per second cannot be seen directly. Two processes of one worker each share nothing but the kernel, so two free cores',
  'would give them twice the rate of one. What two workers of one process cost per request beyond that is what they lose',
  'by sharing it; the speed-up is 2 divided by that ratio. It is an inference, not a measurement of two free cores.',
]

/** Markdown, with columns of one width. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, i) => Math.max(3, cell.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, i) => (i === 0 ? (cells[i] ?? '').padEnd(width) : (cells[i] ?? '').padStart(width))).join(' | ')} |`
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [line(head), rule, ...rows.map(line)].join('\n')
}
