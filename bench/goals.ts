// The project's goals, and whether these results reach them. Ratios of cost come from the workloads themselves; the few
// goals of another kind stand here.
import { cores } from './machine.ts'
import type { Sample } from './measure.ts'
import { figure, ratio } from './statistics.ts'
import type { Results } from './statistics.ts'
import type { Workload } from './workloads.ts'

export interface Goal {
  readonly title: string
  readonly aimed: string
  readonly found: string
  readonly reached: boolean
}

const cost = (sample: Sample): number => sample.cost
const rate = (sample: Sample): number => sample.rate
const p99 = (sample: Sample): number => sample.p99
const fixed = (value: number): string => value.toFixed(2)

/** Goals that can be judged by what was measured, in the order of the workloads. */
export function goals(all: ReadonlyMap<Workload, Results>): Goal[] {
  return [...all].flatMap(([workload, results]) => [
    ...costGoal(workload, results),
    ...(others[workload.name]?.(results) ?? []),
  ])
}

function costGoal({ title, goal }: Workload, results: Results): Goal[] {
  if (goal === null) return []
  return atMost(`${title}: CPU to HAProxy's`, goal, ratio(results, 'weir', 'haproxy', cost)?.median)
}

const others: Readonly<Record<string, (results: Results) => Goal[]>> = {
  'small-get': (results) => [
    ...atMost("small GET: p99 latency to HAProxy's", 1.5, ratio(results, 'weir', 'haproxy', p99)?.median),
    ...atMost("small GET: CPU to http-proxy-3's", 1 / 3, ratio(results, 'weir', 'http-proxy-3', cost)?.median),
  ],
  'two-workers': (results) => {
    // With cores left for the load, simply the rates; else what sharing one process costs: see report.ts.
    const grown = ratio(results, 'weir-2-workers', 'weir-2-processes', cost)
    const speedUp = cores < 4 ? grown && 2 / grown.median : ratio(results, 'weir-2-workers', 'weir', rate)?.median
    if (!speedUp) return []
    const title = cores < 4 ? 'two workers: speed-up, by CPU against two processes' : 'two workers: requests/s to one'
    return [{ title, aimed: '>= 1.80', found: fixed(speedUp), reached: speedUp >= 1.8 }]
  },
  idle: (results) => atMost('idle connection: KiB', 2, figure(results, 'weir', cost)),
  'idle-tls': (results) => atMost('idle TLS connection: KiB', 40, figure(results, 'weir', cost)),
}

function atMost(title: string, limit: number, found: number | null | undefined): Goal[] {
  if (found === null || found === undefined) return []
  return [{ title, aimed: `<= ${fixed(limit)}`, found: fixed(found), reached: found <= limit }]
}
