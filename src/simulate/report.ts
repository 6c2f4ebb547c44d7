// What `weir simulate` prints: one report, as text for a terminal, as Markdown for a page, as JSON for a program. Pure.
import { keyedBalancers } from '../model/balancers.ts'
import type { Verdict } from './assert.ts'
import { formatMetric, metrics, type MetricName } from './metrics.ts'
import { checkLines, checkTable, type ReplayCheck } from './replay-check.ts'
import { tableMarkdown, tableText, type Table } from './table.ts'
import type { Result } from './types.ts'

export interface Report {
  /** Of the scenario, or of the recording. */
  readonly name: string
  /** What happens in it, in a sentence. */
  readonly doc: string
  /** What was set: `load` -> `80 %`, in the order of printing. */
  readonly settings: Readonly<Record<string, string>>
  /** Of a request that counts as slow, in ms. */
  readonly threshold: number
  /** The first is the subject. */
  readonly results: readonly Result[]
  readonly verdicts: readonly Verdict[]
  /** How the run compares with the one that was recorded; null without a recording. */
  readonly replay: ReplayCheck | null
}

export const formats = ['text', 'json', 'markdown'] as const
export type Format = (typeof formats)[number]

export function formatReport(report: Report, format: Format): string {
  switch (format) {
    case 'text':
      return textReport(report)
    case 'markdown':
      return markdownReport(report)
    case 'json':
      return jsonReport(report)
  }
}

const shownMetrics: readonly MetricName[] = ['p50', 'p95', 'p99', 'p99.9', 'over', 'errors', 'imbalance', 'inflight']

function comparison({ results, threshold }: Report): Table {
  const keyed = results.some(({ away }) => away > 0)
  const shown: readonly MetricName[] = keyed ? [...shownMetrics, 'away'] : shownMetrics
  const title = (name: MetricName): string => (name === 'over' ? `>${threshold} ms` : metrics[name].title)
  const subject = results[0]
  return {
    titles: ['algorithm', ...shown.map(title), 'p99 ratio'],
    rows: results.map((result, i) => [
      result.algorithm,
      ...shown.map((name) => (hasMetric(name, result) ? formatMetric(name, metrics[name].read(result)) : '')),
      i === 0 || subject === undefined ? '' : ratio(result.p99 / subject.p99),
    ]),
  }
}

/** Only what follows keys can go away from their homes. */
const hasMetric = (name: MetricName, { algorithm }: Result): boolean => name !== 'away' || keyedBalancers.has(algorithm)

const ratio = (value: number): string => (Number.isFinite(value) ? `x${value.toFixed(2)}` : '-')

const settingsLine = ({ settings }: Report): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name} ${value}`)
    .join(' · ')

const verdictLine = ({ text, holds, sentence }: Verdict): string => `${holds ? 'holds' : 'FAILS'}  ${text}: ${sentence}`

function textReport(report: Report): string {
  const parts = [`${report.name}: ${report.doc}\n${settingsLine(report)}\n`, tableText(comparison(report))]
  if (report.replay !== null) parts.push(tableText(checkTable(report.replay)), lines(checkLines(report.replay)))
  if (report.verdicts.length > 0) parts.push(lines(report.verdicts.map(verdictLine)))
  return parts.join('\n')
}

function markdownReport(report: Report): string {
  const parts = [`**${report.name}**: ${report.doc}\n`, `${settingsLine(report)}\n`, tableMarkdown(comparison(report))]
  if (report.replay !== null) parts.push(tableMarkdown(checkTable(report.replay)), lines(checkLines(report.replay)))
  if (report.verdicts.length > 0) {
    parts.push(
      lines(
        report.verdicts.map(
          ({ text, holds, sentence }) => `- ${holds ? 'holds' : '**fails**'}: \`${text}\`: ${sentence}`,
        ),
      ),
    )
  }
  return parts.join('\n')
}

const lines = (each: readonly string[]): string => each.map((line) => `${line}\n`).join('')

/** Numbers as they are, in ms and in shares of 1; what cannot be measured is null. Curves are the plot's business. */
function jsonReport(report: Report): string {
  const results = report.results.map((result) => ({ ...result, quantiles: undefined, timeline: undefined }))
  const { name, doc, settings, threshold, verdicts, replay } = report
  return `${JSON.stringify({ name, doc, settings, threshold, results, asserts: verdicts, replay }, null, 2)}\n`
}
