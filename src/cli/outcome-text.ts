// What a change of the configuration comes to, for people: the changes, what live traffic each touches, and what waits.
import type { ReloadOutcome } from '../control/reload/types.ts'
import { right, table, type Style } from './table.ts'

/** @param verb 'would change' or 'has changed' */
export function outcomeText({ changes, confirmBy, version }: ReloadOutcome, verb: string, style: Style): string {
  const rows = changes.map(({ kind, what, detail, live, needsRestart }) => [
    { text: kind },
    { text: what },
    { text: `${detail.trim()}${needsRestart ? ' (takes effect with a restart)' : ''}` },
    right(String(live)),
  ])
  const head = changes.length === 0 ? `Nothing ${verb}.` : `${changes.length} ${verb}; configuration ${version} runs.`
  const lines = rows.length === 0 ? [head] : [head, '', ...table(['CHANGE', 'WHAT', 'HOW', 'LIVE'], rows, style)]
  if (confirmBy !== null)
    lines.push('', `The configuration of before returns at ${timeText(confirmBy)}, unless "weir confirm" comes.`)
  return lines.join('\n')
}

const timeText = (at: number): string => new Date(at).toTimeString().slice(0, 8)
