// The tables of the tail bench: percentiles over all rounds of a scenario, and the goals.
import type { TailSample } from './load.ts'
import { tailPeers } from './peers.ts'
import type { TailScenario } from './scenarios.ts'

/** By scenario, by peer: one sample per round. */
export type TailResults = Map<TailScenario, ReadonlyMap<string, readonly TailSample[]>>

export interface Tail {
  readonly p50: number
  readonly p99: number
  readonly p999: number
  /** Share of requests that failed. */
  readonly errors: number
}

/** The latencies of all rounds in one list; percentiles are NaN when there are none. */
export function pooled(samples: readonly TailSample[]): Tail {
  const latencies = samples.flatMap((sample) => sample.latencies).toSorted((a, b) => a - b)
  const at = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))] ?? Number.NaN
  const sum = (of: (sample: TailSample) => number): number => samples.reduce((total, sample) => total + of(sample), 0)
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), errors: sum(({ failed }) => failed) / sum(({ sent }) => sent) }
}

export function scenarioTable({ name, doc }: TailScenario, found: ReadonlyMap<string, readonly TailSample[]>): string {
  const rows = [...found].map(([peer, samples]) => {
    const { p50, p99, p999, errors } = pooled(samples)
    return [peer, ...[p50, p99, p999].map((ms) => ms.toFixed(1)), `${(errors * 100).toFixed(3)} %`]
  })
  return `### ${name}: ${doc}\n\n${table(['', 'p50, ms', 'p99, ms', 'p99.9, ms', 'failed'], rows)}`
}

/** Scenarios in which the latency of the tail is the goal, and those in which the failures are. */
const limits: Readonly<Record<string, { readonly of: 'p99' | 'errors'; readonly limit: number }>> = {
  slow1: { of: 'p99', limit: 0.8 },
  'two-tier': { of: 'p99', limit: 0.8 },
  stall: { of: 'p99', limit: 1.05 },
  failfast: { of: 'errors', limit: 0.1 },
  gray: { of: 'errors', limit: 0.1 },
}

/** Weir adaptive against the best of the others, for each scenario. */
export function goalTable(results: TailResults): string {
  const ours = new Set(tailPeers.filter((peer) => peer.ours).map((peer) => peer.name))
  const rows = [...results].flatMap(([scenario, found]) => {
    const { of, limit } = limits[scenario.name]!
    const tails = [...found].map(([peer, samples]) => ({ peer, value: pooled(samples)[of] }))
    const others = tails.filter(({ peer }) => !ours.has(peer))
    if (others.length === 0) return []
    const best = others.reduce((least, each) => (each.value < least.value ? each : least))
    return tails
      .filter(({ peer }) => ours.has(peer))
      .map(({ peer, value }) => {
        const ratio = value / best.value
        const what = of === 'p99' ? 'p99' : 'share of failures'
        const reached = ratio <= limit ? 'yes' : '**no**'
        return [`${scenario.name}: ${what} of ${peer} to ${best.peer}`, ratio.toFixed(2), `<= ${limit}`, reached]
      })
  })
  return table(['', 'measured', 'goal', 'reached'], rows)
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), `|${head.map((_, i) => (i === 0 ? '---' : '---:')).join('|')}|`, ...rows.map(line)].join('\n')
}
