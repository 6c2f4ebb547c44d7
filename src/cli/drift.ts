// `weir drift`: what runs otherwise than the configuration says, and the way back.
import type { AddedServer } from '../control/runtime/added-server.ts'
import { wishText, type CheckWish } from '../control/runtime/check-wish.ts'
import type { Cleared, Drift } from '../control/runtime/drift.ts'
import { controlUsage, runControl } from './control-command.ts'
import { span } from './status-text.ts'
import { table, type Style } from './table.ts'
import { oneOf, UsageError } from './usage.ts'

export const driftUsage = `Usage: weir drift [--json]
       weir drift clear [BACKEND/SERVER|BACKEND|FRONTEND]

Shows what operators have changed while Weir runs, against its configuration: since when, and by whom. clear goes back to
what the configuration says, for one thing or for all.

${controlUsage}`

/** @param argv what follows the word `drift` @returns the exit code */
export function drift(argv: string[]): Promise<number> {
  return runControl(
    {
      name: 'drift',
      usage: driftUsage,
      run: async ({ words: [action, target, ...more], ask, show }) => {
        if (action === undefined) {
          const answer = (await ask({ method: 'GET', path: '/v1/drift' })) as Drift
          show(answer, (style) => driftText(answer, style))
          return
        }
        oneOf('action', action, ['clear'])
        if (more.length > 0) throw new UsageError('name one thing, or nothing for all')
        const body = target === undefined ? {} : { target }
        const answer = await ask({ method: 'POST', path: '/v1/drift/clear', body, patience: 120_000 })
        const { cleared } = answer as { cleared: readonly Cleared[] }
        show(answer, () => (cleared.length === 0 ? 'There was nothing to clear.' : `Cleared: ${cleared.length}.`))
      },
    },
    argv,
  )
}

function driftText({ file, inMemoryOnly, overrides, uses }: Drift, style: Style): string {
  if (overrides.length + uses.length === 0) return `All runs as ${file ?? 'the options'} says.`
  const rows = overrides.map(({ target, field, value, configured, at, by }) => [
    { text: target },
    { text: field },
    { text: valueText(value) },
    { text: configured === null ? '-' : valueText(configured) },
    { text: `${span((style.now - at) / 1000)} ago` },
    { text: by },
  ])
  const ofBinds = uses.map(({ bind, name, at, by }) => [
    { text: bind },
    { text: 'certificate' },
    { text: name },
    { text: '-' },
    { text: `${span((style.now - Date.parse(at)) / 1000)} ago` },
    { text: by },
  ])
  const lines = table(['WHAT', 'FIELD', 'RUNS', 'CONFIGURED', 'SINCE', 'BY'], [...rows, ...ofBinds], style)
  const warning = 'These are kept in memory only: a restart forgets them.'
  return [...lines, ...(inMemoryOnly && overrides.length > 0 ? ['', warning] : [])].join('\n')
}

function valueText(value: string | number | boolean | AddedServer | CheckWish | null): string {
  if (typeof value === 'object' && value !== null) return 'address' in value ? value.address : wishText(value)
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return String(value)
}
