// What a metric is: a line of the table in definitions.ts. Numbers are put one by one as they are read, with the values
// of the labels in their order.
import type { View } from '../view.ts'

export type Put = (value: number, ...labels: string[]) => void

interface Described {
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
}

export interface SimpleMetric extends Described {
  readonly type: 'counter' | 'gauge'
  readonly read: (view: View, put: Put) => void
}

/** Sums and counts, with cells per bucket for a histogram; in seconds. */
export interface Distribution {
  /** Upper bounds, increasing; empty for a summary. */
  readonly bounds: readonly number[]
  /** How many fell into each bucket, not cumulative; one more than bounds. A summary has this one cell: all of them. */
  readonly cells: readonly number[]
  readonly sum: number
}

export interface DistributionMetric extends Described {
  readonly type: 'histogram' | 'summary'
  readonly read: (view: View, put: (value: Distribution, ...labels: string[]) => void) => void
}

export type Metric = SimpleMetric | DistributionMetric

const make =
  (type: SimpleMetric['type']) =>
  (name: string, help: string, labels: readonly string[], read: SimpleMetric['read']): SimpleMetric => ({
    type,
    name,
    help,
    labels,
    read,
  })

/** Only ever grows; its name ends with _total. */
export const counter = make('counter')
export const gauge = make('gauge')

/** Classes of status codes, and the scoreboard's columns that count them. */
export const statusClasses = [
  ['1xx', 'status1xx'],
  ['2xx', 'status2xx'],
  ['3xx', 'status3xx'],
  ['4xx', 'status4xx'],
  ['5xx', 'status5xx'],
] as const
