// A replay held against what was recorded: where the requests went, and how long they took. With the settings of the
// recording the two should agree; with others, the difference is the answer. Pure.
import type { Recorded } from './access-log.ts'
import { formatMillis, formatShare } from './metrics.ts'
import type { Model } from './replay.ts'
import { quantile, sorted } from './statistics.ts'
import type { Table } from './table.ts'
import type { Result } from './types.ts'

/** A value then and now; null: the server was not there. */
interface Pair {
  readonly recorded: number | null
  readonly replayed: number | null
}

export interface ReplayCheck {
  /** Counted in both, warm-up left out. */
  readonly requests: number
  /** What failed or was not answered when it was recorded, as a share. */
  readonly failed: number
  readonly model: Model & {
    /** Asked for; found by the contention in the log; or as many as were ever in flight, because it shows none. */
    readonly coresFrom: 'option' | 'contention' | 'no contention'
  }
  /** ms */
  readonly p50: Pair
  readonly p99: Pair
  /** Share of the requests, by server. */
  readonly shares: Readonly<Record<string, Pair>>
  /** Of the shares, as a share: 0.01 is one point in a hundred. */
  readonly largestDifference: number
  /** Recorded servers whose speed was found not to be 1. */
  readonly speeds: Readonly<Record<string, number>>
}

/** @param window ms from the first request: what the result counts */
export function checkReplay(
  recorded: Recorded,
  result: Result,
  model: ReplayCheck['model'],
  window: { readonly from: number; readonly to: number },
): ReplayCheck {
  const first = recorded.requests[0]?.arrival ?? 0
  const counted = recorded.requests.filter(
    ({ arrival }) => arrival - first >= window.from && arrival - first < window.to,
  )
  const answered = counted.filter((request) => request.answered)
  const latencies = sorted(Float64Array.from(answered, ({ span }) => span))
  const shares = sharesOf(recorded, counted, result)
  const differences = Object.values(shares).map((pair) => Math.abs((pair.recorded ?? 0) - (pair.replayed ?? 0)))
  return {
    requests: counted.length,
    failed: counted.length === 0 ? 0 : 1 - latencies.length / counted.length,
    model,
    p50: { recorded: quantile(latencies, 0.5), replayed: result.p50 },
    p99: { recorded: quantile(latencies, 0.99), replayed: result.p99 },
    shares,
    largestDifference: Math.max(0, ...differences),
    speeds: Object.fromEntries(
      recorded.servers.map((name, i) => [name, model.speeds[i]!] as const).filter(([, speed]) => speed !== 1),
    ),
  }
}

function sharesOf(recorded: Recorded, counted: Recorded['requests'], { servers }: Result): Record<string, Pair> {
  const then = new Map(recorded.servers.map((name) => [name, 0]))
  for (const { server } of counted) {
    const name = recorded.servers[server]!
    then.set(name, then.get(name)! + 1)
  }
  const all = servers.reduce((sum, { requests }) => sum + requests, 0)
  const now = new Map(servers.map(({ name, requests }) => [name, requests]))
  const share = (count: number | undefined, of: number): number | null =>
    count === undefined || of === 0 ? null : count / of
  return Object.fromEntries(
    [...new Set([...now.keys(), ...then.keys()])].map((name) => [
      name,
      { recorded: share(then.get(name), counted.length), replayed: share(now.get(name), all) },
    ]),
  )
}

export function checkTable({ p50, p99, shares }: ReplayCheck): Table {
  const row = (name: string, { recorded, replayed }: Pair, format: (value: number) => string): string[] => [
    name,
    ...[recorded, replayed].map((value) => (value === null || !Number.isFinite(value) ? '-' : format(value))),
  ]
  return {
    titles: ['replay', 'recorded', 'replayed'],
    rows: [
      row('p50', p50, formatMillis),
      row('p99', p99, formatMillis),
      ...Object.entries(shares).map(([name, pair]) => row(name, pair, formatShare)),
    ],
  }
}

const origins: Readonly<Record<ReplayCheck['model']['coresFrom'], string>> = {
  option: '',
  contention: ', by the contention in the log',
  'no contention': ', which is what was in flight at most: the log shows no contention',
}

/** In words, one line each. */
export function checkLines({ requests, failed, model, speeds, largestDifference }: ReplayCheck): string[] {
  const found = Object.entries(speeds).map(([name, speed]) => `${name} ${speed.toFixed(2)}`)
  return [
    `${requests} requests; shares differ by ${(largestDifference * 100).toFixed(2)} points at most.`,
    ...(failed > 0 ? [`${formatShare(failed)} had failed when recorded; they come with the work of others.`] : []),
    `Cores per server: ${model.cores}${origins[model.coresFrom]}.`,
    ...(found.length > 0 ? [`Speeds, from the log: ${found.join(', ')}; the others 1.`] : []),
  ]
}
