// The command line of the bench.
import { parseArgs } from 'node:util'
import { mainPeers, peers } from './peers/all.ts'
import { workloads } from './workloads.ts'
import type { Workload } from './workloads.ts'

export interface Options {
  readonly workloads: readonly Workload[]
  /** Names given with --peers; null: each workload's own. */
  readonly peers: readonly string[] | null
  readonly rounds: number
  readonly seconds: number
  /** Where --write puts the results. */
  readonly page: Page
  readonly write: boolean
}

export interface Page {
  /** In bench/. */
  readonly file: string
  readonly title: string
}

const everything: Page = { file: 'RESULTS.md', title: 'Results of the bench' }
const onlyTls: Page = { file: 'RESULTS-TLS.md', title: 'Results of the bench: TLS' }

export const usage = `npm run bench -- [options]

  --only NAME,NAME    these workloads
  --tls               the workloads with TLS (npm run bench:tls); --write then writes bench/RESULTS-TLS.md
  --peers NAME,NAME   these peers
  --rounds N          interleaved rounds (3)
  --seconds N         length of a window (3)
  --write             write bench/RESULTS.md

workloads: ${workloads.map(({ name }) => name).join(', ')}
peers:     ${[...peers.keys()].join(', ')}
`

/** @throws with words for the person at the terminal */
export function readOptions(args: readonly string[]): Options {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({
    args: [...args],
    options: { only: text, peers: text, rounds: text, seconds: text, tls: flag, write: flag },
  })
  return {
    workloads: values.only === undefined ? ofPage(values.tls) : names(values.only).map(findWorkload),
    peers: values.peers === undefined ? null : names(values.peers).map(findPeer),
    rounds: count('--rounds', values.rounds ?? '3', 20),
    seconds: count('--seconds', values.seconds ?? '3', 60),
    page: values.tls ? onlyTls : everything,
    write: values.write,
  }
}

const ofPage = (tls: boolean): readonly Workload[] => (tls ? workloads.filter((each) => each.tls !== null) : workloads)

/** The peers that take part in a workload, before it is asked whether they can. */
export function peersOf(workload: Workload, asked: readonly string[] | null): readonly string[] {
  if (workload.onlyPeers) return asked === null || asked.includes('weir') ? workload.onlyPeers : []
  return asked ?? [...mainPeers, ...workload.extraPeers]
}

export function findWorkload(name: string): Workload {
  const found = workloads.find((workload) => workload.name === name)
  if (!found) throw new Error(`no workload "${name}"; there are ${workloads.map((each) => each.name).join(', ')}`)
  return found
}

function findPeer(name: string): string {
  if (!peers.has(name)) throw new Error(`no peer "${name}"; there are ${[...peers.keys()].join(', ')}`)
  return name
}

const names = (list: string): string[] =>
  list
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)

function count(option: string, value: string, most: number): number {
  const number = Number(value)
  if (!Number.isInteger(number) || number < 1 || number > most) throw new Error(`${option}: a number from 1 to ${most}`)
  return number
}
