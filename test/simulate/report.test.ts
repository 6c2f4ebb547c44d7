// Reports: one set of results as text, Markdown and JSON.
import { expect, test } from 'vitest'
import { formatMetric } from '../../src/simulate/metrics.ts'
import { formatReport, type Report } from '../../src/simulate/report.ts'
import { resultOf } from './results.ts'

const report: Report = {
  name: 'slow1',
  doc: 'One server is slow.',
  settings: { servers: '8', load: '80 %' },
  threshold: 250,
  results: [resultOf('adaptive', { p99: 56.7 }), resultOf('leastconn', { p99: 62.4, errors: 0.00032, over: 0.1234 })],
  verdicts: [{ text: 'p99<=60ms', holds: true, sentence: 'p99 of adaptive is 56.7 ms; wanted <= 60.0 ms' }],
  replay: null,
}

test('text is a table that a person reads', () => {
  expect(formatReport(report, 'text')).toBe(`slow1: One server is slow.
servers 8 · load 80 %

ALGORITHM      P50      P95      P99    P99.9  >250 MS   ERRORS  IMBALANCE  IN FLIGHT  P99 RATIO
adaptive   8.00 ms  30.0 ms  56.7 ms  80.0 ms      0 %      0 %       1.02       1.05
leastconn  8.00 ms  30.0 ms  62.4 ms  80.0 ms   12.3 %  0.032 %       1.02       1.05      x1.10

holds  p99<=60ms: p99 of adaptive is 56.7 ms; wanted <= 60.0 ms
`)
})

test('Markdown is the same table', () => {
  const text = formatReport(report, 'markdown')
  expect(text).toContain(
    '| algorithm | p50 | p95 | p99 | p99.9 | >250 ms | errors | imbalance | in flight | p99 ratio |\n',
  )
  expect(text).toContain('| --- | ---: | ---: |')
  expect(text).toContain(
    '| leastconn | 8.00 ms | 30.0 ms | 62.4 ms | 80.0 ms | 12.3 % | 0.032 % | 1.02 | 1.05 | x1.10 |\n',
  )
  expect(text).toContain('- holds: `p99<=60ms`')
})

test('JSON has the numbers as they are, and no curves', () => {
  const read = JSON.parse(formatReport(report, 'json')) as { results: Record<string, unknown>[] }
  expect(read).toMatchObject({ name: 'slow1', threshold: 250, replay: null, asserts: [{ holds: true }] })
  expect(read.results[1]).toMatchObject({
    algorithm: 'leastconn',
    p99: 62.4,
    over: 0.1234,
    imbalance: { requests: 1.02 },
  })
  expect(Object.keys(read.results[0]!)).not.toContain('quantiles')
})

test('where keys went is shown for those that follow keys', () => {
  const keyed = { ...report, results: [resultOf('leastconn'), resultOf('affinity', { away: 0.2 })] }
  const lines = formatReport(keyed, 'text').split('\n')
  expect(lines[3]).toMatch(/IN FLIGHT {2,}AWAY {2,}P99 RATIO$/)
  expect(lines[4]).toMatch(/1\.05$/)
  expect(lines[5]).toMatch(/20\.0 % +x1\.00$/)
})

test.each([
  ['p99', 0.523, '0.52 ms'],
  ['p99', 9.997, '10.0 ms'],
  ['p99', 99.96, '100 ms'],
  ['p99', 3000, '3000 ms'],
  ['p99', Number.NaN, '-'],
  ['errors', 0, '0 %'],
  ['errors', 0.0001, '0.010 %'],
  ['errors', 0.0101, '1.01 %'],
  ['errors', 0.377, '37.7 %'],
  ['imbalance', 1.0449, '1.04'],
] as const)('%s of %d is written %s', (name, value, text) => expect(formatMetric(name, value)).toBe(text))
