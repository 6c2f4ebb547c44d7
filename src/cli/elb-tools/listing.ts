// What the tools of Elastic Load Balancing print: a line for each thing, its kind first, two spaces between fields, because
// scripts take the columns apart with awk; or with commas, or as XML, where that was asked for.
import type { Arguments } from './arguments.ts'

export interface Column {
  /** With --headers: 'DNS_NAME'. */
  readonly header: string
  /** With --show-xml: 'DNSName'. */
  readonly element: string
  /** Shown with --show-long alone. */
  readonly long?: boolean
}

export interface Listing {
  /** Begins every line: 'LOAD_BALANCER'. */
  readonly kind: string
  /** With --show-xml, around everything and around a row: 'DescribeLoadBalancersResponse', 'member'. */
  readonly element: string
  readonly columns: readonly Column[]
  /** A value for every column; '' for none. */
  readonly rows: readonly (readonly string[])[]
  /** Printed where there are no rows: 'No LoadBalancers found'. */
  readonly empty: string
}

/** @returns lines, each with its end */
export function listingText({ kind, element, columns, rows, empty }: Listing, { options }: Arguments): string {
  if (options['show-xml'] === true) return xmlOf(element, columns, rows)
  if (rows.length === 0) return `${empty}\n`
  const long = options['show-long'] === true
  const delimiter = typeof options.delimiter === 'string' ? options.delimiter : long ? ',' : '  '
  const shown = columns.map((column) => long || column.long !== true)
  const isTable = options.headers === true && delimiter === '  ' // values stand below their headers
  const lines = rows.map((row) => [
    kind,
    ...row.filter((_, i) => shown[i]).map((value) => value || (long ? '(nil)' : 'N/A')),
  ])
  if (options.headers === true) lines.unshift([kind, ...columns.filter((_, i) => shown[i]).map(({ header }) => header)])
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)))
  const field = (value: string, i: number, { length }: readonly string[]): string =>
    isTable && i < length - 1 ? value.padEnd(widths[i]!) : value
  return lines.map((line) => `${line.map((value, i) => field(value, i, line)).join(delimiter)}\n`).join('')
}

function xmlOf(element: string, columns: readonly Column[], rows: Listing['rows']): string {
  const row = (values: readonly string[]): string[] => [
    '  <member>',
    ...values.map((value, i) => `    <${columns[i]!.element}>${escaped(value)}</${columns[i]!.element}>`),
    '  </member>',
  ]
  return [`<${element}>`, ...rows.flatMap(row), `</${element}>`, ''].join('\n')
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }
const escaped = (text: string): string => text.replaceAll(/[&<>]/g, (each) => entities[each]!)
