// What a scenario of the bench of faults is: contestants that are measured in turns, and figures of each. Its own file says
// how it is measured and which goals it has; tables and rounds are the same for all.
import type { Goal } from '../goals.ts'
import type { Bench } from '../measure.ts'
import { median } from '../statistics.ts'

/** Of one contestant in one round, by the key of its column. NaN: there was nothing to measure. */
export type Figures = Readonly<Record<string, number>>

export interface Column {
  readonly key: string
  readonly title: string
  readonly text: (value: number) => string
}

export interface FaultScenario {
  readonly name: string
  /** Markdown, below the title in the results: what is done, and how to read the table. */
  readonly doc: string
  /** Rows of the table; measured in this order, another one first in each round. */
  readonly contestants: readonly string[]
  readonly columns: readonly Column[]
  /** A figure that is also given as a ratio to another contestant's; null: that one has none. */
  readonly compared?: { readonly key: string; readonly to: (contestant: string) => string | null }
  readonly measure: (bench: Bench, contestant: string, round: number) => Promise<Figures>
  readonly goals: (outcome: Outcome) => Goal[]
}

/** All that was measured of a scenario. A round that failed has null. */
export class Outcome {
  readonly #rounds = new Map<string, (Figures | null)[]>()

  add(contestant: string, figures: Figures | null): void {
    const rounds = this.#rounds.get(contestant) ?? []
    rounds.push(figures)
    this.#rounds.set(contestant, rounds)
  }

  get contestants(): string[] {
    return [...this.#rounds.keys()]
  }

  /** Median over the rounds; null when no round has the figure. */
  figure(contestant: string, key: string): number | null {
    const values = (this.#rounds.get(contestant) ?? [])
      .map((round) => round?.[key] ?? Number.NaN)
      .filter(Number.isFinite)
    return values.length === 0 ? null : median(values)
  }

  /** Of one contestant to another, round by round, ascending: what slows the machine down for a while slows both. */
  ratios(contestant: string, to: string, key: string): number[] {
    const others = this.#rounds.get(to) ?? []
    return (this.#rounds.get(contestant) ?? [])
      .flatMap((round, i) => {
        const [mine, other] = [round?.[key], others[i]?.[key]]
        return mine === undefined || other === undefined ? [] : [mine / other]
      })
      .toSorted((a, b) => a - b)
  }
}

export const ms = (key: string, title: string): Column => ({ key, title: `${title}, ms`, text: (n) => n.toFixed(1) })
export const percent = (key: string, title: string): Column => ({
  key,
  title,
  text: (n) => `${(n * 100).toFixed(2)} %`,
})
export const number = (key: string, title: string, digits = 0): Column => ({
  key,
  title,
  text: (n) => n.toFixed(digits),
})

/** No goal when the figure was not measured. */
export function goal(title: string, found: number | null, sense: '<=' | '>=', limit: number): Goal[] {
  if (found === null || Number.isNaN(found)) return []
  const reached = sense === '<=' ? found <= limit : found >= limit
  return [{ title, found: found.toFixed(2), aimed: `${sense} ${limit.toFixed(2)}`, reached }]
}
