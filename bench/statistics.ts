// From samples to figures: medians over rounds, and ratios that are paired by round, so that what slows the machine down
// for a while slows both sides of a ratio.
import type { Sample } from './measure.ts'

/** The samples of one workload: by peer, one per round; null where the measurement failed. */
export type Results = ReadonlyMap<string, readonly (Sample | null)[]>

export interface Ratio {
  readonly median: number
  readonly lowest: number
  readonly highest: number
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Median of one figure over the rounds; null when no round has it. */
export function figure(results: Results, peer: string, of: (sample: Sample) => number): number | null {
  const samples = (results.get(peer) ?? []).filter((sample) => sample !== null)
  return samples.length === 0 ? null : median(samples.map(of))
}

/** A figure of one peer over that of another, round by round; null when no round has both. */
export function ratio(results: Results, peer: string, to: string, of: (sample: Sample) => number): Ratio | null {
  const others = results.get(to) ?? []
  const ratios = (results.get(peer) ?? []).flatMap((sample, round) => {
    const other = others[round]
    return sample && other ? [of(sample) / of(other)] : []
  })
  if (ratios.length === 0) return null
  return { median: median(ratios), lowest: Math.min(...ratios), highest: Math.max(...ratios) }
}
