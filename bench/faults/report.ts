// The tables of the bench of faults, and the page that keeps them.
import { table } from '../report.ts'
import { median } from '../statistics.ts'
import type { FaultScenario, Outcome } from './scenario.ts'

export type Outcomes = ReadonlyMap<FaultScenario, Outcome>

/** Medians over the rounds; a dash where nothing could be measured. */
export function scenarioTable({ columns, compared }: FaultScenario, outcome: Outcome): string {
  const head = ['', ...columns.map(({ title }) => title), ...(compared ? ['ratio'] : [])]
  const rows = outcome.contestants.map((name) => {
    const cells = columns.map(({ key, text }) => {
      const value = outcome.figure(name, key)
      return value === null ? '-' : text(value)
    })
    const to = compared?.to(name) ?? null
    const ratio = compared ? [to === null ? '' : spread(outcome.ratios(name, to, compared.key))] : []
    return [name, ...cells, ...ratio]
  })
  return table(head, rows)
}

function spread(ratios: readonly number[]): string {
  if (ratios.length === 0) return '-'
  const [lowest, highest] = [ratios[0]!, ratios.at(-1)!].map((each) => each.toFixed(2))
  return `${median(ratios).toFixed(2)}${ratios.length === 1 ? '' : ` (${lowest}-${highest})`}`
}

export function goalTable(outcomes: Outcomes): string {
  const rows = [...outcomes]
    .flatMap(([scenario, outcome]) => scenario.goals(outcome))
    .map(({ title, found, aimed, reached }) => [title, found, aimed, reached ? 'yes' : '**no**'])
  return table(['', 'measured', 'goal', 'reached'], rows)
}

/** @param facts a line each: what the numbers depend on */
export function resultsPage(
  facts: readonly string[],
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
  outcomes: Outcomes,
): string {
  const sections = [...outcomes].map(
    ([scenario, outcome]) => `### ${scenario.name}\n\n${scenario.doc}\n\n${scenarioTable(scenario, outcome)}`,
  )
  return `# Results of the bench of faults

Written by \`npm run bench:faults -- --write\`; do not edit.

${facts.map((fact) => `- ${fact}`).join('\n')}

## Goals

${goalTable(outcomes)}

## Scenarios

${rounds} interleaved rounds of ${seconds} s each, after warming up; the contestants take turns in going first. Figures are medians over
the rounds. The load balancer has one core for itself, servers and clients share the rest of the machine. No health checks
anywhere: what a server does wrong has to be seen from the traffic.

${sections.join('\n\n')}
`
}
