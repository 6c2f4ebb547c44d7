// The tables of the bench of reloads, and the page that keeps them.
import type { Goal } from '../goals.ts'
import { table } from '../report.ts'
import type { ReloadSample } from './load.ts'

/** One contestant under one kind of load. */
export interface Measured extends ReloadSample {
  /** Reloads that were asked for, and those that were carried out. */
  readonly asked: number
  readonly carriedOut: number
  /** Most processes at a time, and most memory of all of them together in KiB. */
  readonly processes: number
  readonly memory: number
}

/** By kind of load, by contestant: one for each round. */
export type ReloadResults = ReadonlyMap<string, ReadonlyMap<string, readonly Measured[]>>

const sum = (values: readonly number[]): number => values.reduce((total, each) => total + each, 0)
export const failedIn = ({ failed }: ReloadSample): number => sum(Object.values(failed))

/** How the failed ones failed, the most frequent first. */
function kinds(samples: readonly Measured[]): string {
  const counts = new Map<string, number>()
  for (const { failed } of samples) {
    for (const [how, count] of Object.entries(failed)) counts.set(how, (counts.get(how) ?? 0) + count)
  }
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([how, count]) => `${count} ${how}`)
    .join(', ')
}

/** @param done what was carried out, for the head of its column */
export function loadTable(found: ReadonlyMap<string, readonly Measured[]>, done = 'reloads'): string {
  const head = [
    '',
    done,
    'requests',
    'failed',
    'moved',
    'requests/s',
    'p99, ms',
    'longest, ms',
    'processes',
    'MiB',
    'how they failed',
  ]
  const rows = [...found].map(([contestant, samples]) => {
    const total = (of: (sample: Measured) => number): number => sum(samples.map(of))
    const most = (of: (sample: Measured) => number): number => Math.max(...samples.map(of))
    return [
      contestant,
      `${total(({ carriedOut }) => carriedOut)} of ${total(({ asked }) => asked)}`,
      String(total(({ answered }) => answered) + total(failedIn)),
      String(total(failedIn)),
      String(total(({ moved }) => moved)),
      (total(({ answered }) => answered) / total(({ seconds }) => seconds)).toFixed(0),
      most(({ p99 }) => p99).toFixed(1),
      most(({ longest }) => longest).toFixed(0),
      String(most(({ processes }) => processes)),
      (most(({ memory }) => memory) / 1024).toFixed(0),
      kinds(samples),
    ]
  })
  return table(head, rows)
}

/** Weir loses nothing, whatever the others do. */
export function reloadGoals(results: ReloadResults): Goal[] {
  return [...results].flatMap(([load, found]) =>
    [...found]
      .filter(([contestant]) => contestant.startsWith('weir'))
      .map(([contestant, samples]) => {
        const failed = sum(samples.map(failedIn))
        const missed = sum(samples.map(({ asked, carriedOut }) => asked - carriedOut))
        const found = missed === 0 ? String(failed) : `${failed}, and ${missed} reloads not carried out`
        return { title: `${load}: failed requests of ${contestant}`, aimed: '0', found, reached: failed + missed === 0 }
      }),
  )
}

export const goalTable = (results: ReloadResults): string =>
  table(
    ['', 'measured', 'goal', 'reached'],
    reloadGoals(results).map(({ title, found, aimed, reached }) => [title, found, aimed, reached ? 'yes' : '**no**']),
  )

export interface Shape {
  readonly rounds: number
  readonly seconds: number
  readonly reloads: number
  readonly clients: number
}

/** @param facts a line each: what the numbers depend on */
export function resultsPage(
  facts: readonly string[],
  { rounds, seconds, reloads, clients }: Shape,
  results: ReloadResults,
): string {
  const sections = [...results].map(([load, found]) => `### ${load}\n\n${loadTable(found)}`)
  return `# Results of the bench of reloads

Written by \`npm run bench:reload -- --write\`; do not edit.

${facts.map((fact) => `- ${fact}`).join('\n')}

## Goals

${goalTable(results)}

## How it is done

${reloads} reloads in ${seconds} s, evenly spread, under the load of ${clients} clients that ask again as soon as they are answered; ${rounds === 1 ? 'one round' : `${rounds} rounds, in which the contestants take turns in going first`}.
Each reload changes the weight of a server, and adds or removes another one; the file is written anew, then the process is told by
its signal: SIGHUP for Weir, SIGUSR2 for HAProxy in master-worker mode (\`-W\`). The load balancer has the first core (with two workers
also the second), clients and servers share the rest of the machine.

A request failed when its connection was not made, was reset or ended without the whole answer, when the status was not 200, or when
nothing came for 5 s. Clients repeat nothing. *Moved* are connections that ended behind an answer with \`Connection: close\`: the client
knows in time, and makes another. *Longest* is the longest that a client has waited for an answer, *processes* and *MiB* are the most at
one time, of the whole tree; pages that processes share count for each.

${sections.join('\n\n')}
`
}
