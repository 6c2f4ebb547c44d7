// One question, asked of several algorithms: the same servers, the same arrivals, the same faults, the same dice. Only who
// picks differs, so that a difference in the results is the algorithm's own.
import type { Result, Setup } from './types.ts'

/** The engine; handed in, so that what is asked and how it is worked out stay apart. @param onProgress 0 to 1 */
export type Simulate = (setup: Setup, onProgress?: (done: number) => void) => Result

/** Where a comparison is: `index` algorithms of `count` are done, and this share of the next. */
export interface Progress {
  readonly algorithm: string
  readonly index: number
  readonly count: number
  readonly done: number
}

/**
 * @param algorithms in the order of the results; the first is the subject, that the others are held against
 * @returns one result per algorithm
 */
export function compare(
  setup: Omit<Setup, 'algorithm'>,
  algorithms: readonly Setup['algorithm'][],
  simulate: Simulate,
  onProgress: (progress: Progress) => void = () => {},
): Result[] {
  const count = algorithms.length
  return algorithms.map((algorithm, index) => {
    const report = (done: number): void => onProgress({ algorithm: algorithm.name, index, count, done })
    report(0)
    const result = simulate({ ...setup, algorithm }, report)
    report(1)
    return result
  })
}
