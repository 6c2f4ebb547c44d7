// What is measured of a run, by the words that tables and assertions call it: each metric once, with its unit and how it
// is written. Pure.
import type { Result } from './types.ts'

export type Unit = 'ms' | 'share' | 'ratio'

interface Metric {
  readonly unit: Unit
  readonly read: (result: Result) => number
  /** Heading of its column. */
  readonly title: string
  readonly doc: string
}

export const metrics = {
  mean: { unit: 'ms', read: ({ mean }) => mean, title: 'mean', doc: 'mean latency' },
  p50: { unit: 'ms', read: ({ p50 }) => p50, title: 'p50', doc: 'latency that half of the requests stay below' },
  p95: { unit: 'ms', read: ({ p95 }) => p95, title: 'p95', doc: 'the same for 95 %' },
  p99: { unit: 'ms', read: ({ p99 }) => p99, title: 'p99', doc: 'the same for 99 %' },
  'p99.9': { unit: 'ms', read: ({ p999 }) => p999, title: 'p99.9', doc: 'the same for 99.9 %' },
  over: { unit: 'share', read: ({ over }) => over, title: 'over', doc: 'requests slower than the threshold' },
  errors: { unit: 'share', read: ({ errors }) => errors, title: 'errors', doc: 'requests that failed or timed out' },
  imbalance: {
    unit: 'ratio',
    read: ({ imbalance }) => imbalance.requests,
    title: 'imbalance',
    doc: 'requests of the busiest server over the mean, by weight',
  },
  inflight: {
    unit: 'ratio',
    read: ({ imbalance }) => imbalance.inflight,
    title: 'in flight',
    doc: 'the same for the mean number in flight',
  },
  away: {
    unit: 'share',
    read: ({ away }) => away,
    title: 'away',
    doc: 'requests that went away from the home of their key',
  },
} as const satisfies Record<string, Metric>

export type MetricName = keyof typeof metrics

export const metricNames = Object.keys(metrics) as MetricName[]

/** `48.6 ms`, `0.032 %`, `1.04`; `-` when there is nothing to measure. */
export function formatMetric(name: MetricName, value: number): string {
  if (!Number.isFinite(value)) return '-'
  switch (metrics[name].unit) {
    case 'ms':
      return formatMillis(value)
    case 'share':
      return formatShare(value)
    case 'ratio':
      return value.toFixed(2)
  }
}

/** Three digits that count: `0.52 ms`, `48.6 ms`, `3000 ms`. */
export const formatMillis = (value: number): string =>
  `${value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2)} ms`

/** In percent, with the digits that are needed to see a small one. */
export function formatShare(share: number): string {
  const percent = share * 100
  const digits = percent >= 9.95 || percent === 0 ? 1 : percent >= 0.995 ? 2 : 3
  return `${percent === 0 ? '0' : percent.toFixed(digits)} %`
}
