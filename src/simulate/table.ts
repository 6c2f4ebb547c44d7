// A table of strings, for a terminal and for Markdown: the first column at the left, the others, which are numbers, at the
// right. Pure.

export interface Table {
  readonly titles: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Titles in capitals, columns two blanks apart; ends with a line break. @param left columns of text, at the left */
export function tableText({ titles, rows }: Table, left = 1): string {
  const all = [titles.map((title) => title.toUpperCase()), ...rows]
  const widths = titles.map((_, i) => Math.max(...all.map((row) => (row[i] ?? '').length)))
  const line = (row: readonly string[]): string =>
    widths
      .map((width, i) => (i < left ? (row[i] ?? '').padEnd(width) : (row[i] ?? '').padStart(width)))
      .join('  ')
      .trimEnd()
  return all.map((row) => `${line(row)}\n`).join('')
}

export function tableMarkdown({ titles, rows }: Table): string {
  const line = (row: readonly string[]): string => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
  return (
    line(titles) + `|${titles.map((_, i) => (i === 0 ? ' --- ' : ' ---: ')).join('|')}|\n` + rows.map(line).join('')
  )
}
