// Puts a question to `weir simulate --replay`, as anybody would: by the command line, with what a run has left behind.
import { join } from 'node:path'
import { run } from '../process.ts'
import type { LiveRun } from './live.ts'

/** What is used of the JSON that the command prints. Times are ms, shares 0 to 1. */
export interface Answer {
  readonly results: readonly { readonly algorithm: string; readonly p50: number; readonly p99: number }[]
  readonly replay: {
    readonly requests: number
    readonly model: { readonly cores: number; readonly coresFrom: string }
    readonly p99: Pair
    readonly shares: Readonly<Record<string, Pair>>
    readonly speeds: Readonly<Record<string, number>>
  }
}

interface Pair {
  readonly recorded: number | null
  readonly replayed: number | null
}

const weir = join(import.meta.dirname, '..', '..', 'bin', 'weir')

export interface Asked {
  /** ms of the replay that do not count. */
  readonly warmup: number
  /** Whose result is wanted; the configured one comes first in any case. */
  readonly algorithm: string
  /** What is different; none: nothing. */
  readonly options: readonly string[]
  readonly seed: number
}

/** @throws when the command fails */
export async function ask({ config, log }: LiveRun, { warmup, algorithm, options, seed }: Asked): Promise<Answer> {
  const replay = ['-f', config, '--replay', log, '--warmup', `${Math.round(warmup)}ms`]
  const rest = ['--algorithms', algorithm, '--seed', String(seed), '--format', 'json']
  const argv = [weir, 'simulate', ...replay, ...rest, ...options]
  return JSON.parse(await run(argv, 60_000)) as Answer
}

/** The p99 of an algorithm that was asked for, in ms. */
export const p99Of = ({ results }: Answer, algorithm: string): number =>
  results.find((result) => result.algorithm === algorithm)!.p99
