// What a check of the conformance suite is, and the four things it can say.
import type { Algorithm } from '../types.ts'

/** Measuring is for whoever runs the suite: this layer has neither a clock nor a look at the heap. */
export interface Instruments {
  /** Processor time so far, in nanoseconds. */
  cpu(): number
  /** Bytes in use on the heap now. */
  heap(): number
  collectGarbage(): void
}

export interface Subject {
  readonly algorithm: Algorithm
  readonly seed: number
  /** Null: what needs them is skipped. */
  readonly instruments: Instruments | null
}

/** `skip`: it does not apply, and why says so. `warn`: worth a look, and no failure. */
export type Status = 'pass' | 'fail' | 'warn' | 'skip'

export interface Verdict {
  readonly status: Status
  /** One sentence, with the numbers that it rests on. */
  readonly why: string
}

export interface Check {
  readonly name: string
  /** What is asked of the balancer, in a few words. */
  readonly asks: string
  /** @throws whatever the balancer throws; that is a failure too */
  readonly run: (subject: Subject) => Verdict
}

export const pass = (why: string): Verdict => ({ status: 'pass', why })
export const fail = (why: string): Verdict => ({ status: 'fail', why })
export const warn = (why: string): Verdict => ({ status: 'warn', why })
export const skip = (why: string): Verdict => ({ status: 'skip', why })

export const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)} %`
