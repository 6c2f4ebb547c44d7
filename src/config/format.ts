// Problems as people and programs read them. Text: one line that editors can jump to, then the line of the file with a
// caret. JSON: one document with the same fields.
import type { Problem } from './problems.ts'
import type { Source } from './tree.ts'

/** @param sources texts by file name, for the excerpts; a file that is missing there gets none */
export function formatProblems(
  problems: readonly Problem[],
  sources: ReadonlyMap<string, Source>,
  format: 'text' | 'json',
): string {
  if (format === 'json') {
    const valid = problems.every(({ severity }) => severity === 'warning')
    return `${JSON.stringify({ valid, problems }, null, 2)}\n`
  }
  return problems.map((problem) => headline(problem) + excerpt(problem, sources)).join('')
}

function headline({ file, flag, line, column, code, severity, message }: Problem): string {
  const place = flag ?? (line > 0 ? `${file}:${line}:${column}` : file)
  return `${place}: ${code}: ${severity === 'warning' ? 'warning: ' : ''}${message}\n`
}

function excerpt({ file, line, column, width }: Problem, sources: ReadonlyMap<string, Source>): string {
  const source = file === null ? undefined : sources.get(file)
  if (line === 0 || !source || source.text === null) return ''
  const text = source.line(line).replaceAll('\t', ' ')
  if (text.trim() === '' || /-----BEGIN|PRIVATE KEY/.test(text)) return ''
  const margin = ' '.repeat(String(line).length)
  // A long line is cut around the place that is meant.
  const from = column > 100 ? column - 61 : 0
  const shown = text.slice(from, from + 120)
  const caret = '^'.repeat(Math.max(1, Math.min(width, shown.length - (column - 1 - from))))
  return `  ${line} | ${shown}\n  ${margin} | ${' '.repeat(column - 1 - from)}${caret}\n`
}
