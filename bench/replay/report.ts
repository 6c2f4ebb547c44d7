// The tables of the replay bench. Figures are means over the rounds: of a p99, the mean of the rounds' p99s, so that what was
// predicted (one number per round) and what was measured are treated alike.
import type { Answer } from './ask.ts'
import { caseName, type Case, type Question } from './cases.ts'

/** A real run, and replays of it by its own settings. p99s in ms. */
export interface RunRound {
  readonly replay: Answer['replay']
  /** Another replay, with other dice: what it differs by is chance. */
  readonly again: Answer['replay']
  /** From when a request was due, as clients saw it. */
  readonly client: number
  readonly failed: number
  /** See LiveRun. */
  readonly waited: number
}

/** A question, with the real run that shows the answer; `predicted` from the recording of the same round, ms. */
export interface QuestionRound extends RunRound {
  readonly predicted: number
}

export interface CaseResult {
  readonly recorded: readonly RunRound[]
  readonly questions: ReadonlyMap<Question, readonly QuestionRound[]>
}

export type Results = ReadonlyMap<Case, CaseResult>

/** Shares may differ by this much, predictions by this share of what was measured; past `waited` a run was disturbed. */
export const limits = { share: 0.01, prediction: 0.15, waited: 0.1 } as const

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
const logged = ({ replay }: RunRound): number => replay.p99.recorded ?? NaN

/** Every run by the words for it. */
const runsOf = (results: Results): (readonly [string, readonly RunRound[]])[] =>
  [...results].flatMap(([each, { recorded, questions }]) => [
    [caseName(each), recorded] as const,
    ...[...questions].map(([{ name }, rounds]) => [`${caseName(each)}, ${name}`, rounds] as const),
  ])

/** The largest difference of a server's shares over all rounds together. */
function largestDifference(
  rounds: readonly RunRound[],
  one: (round: RunRound, server: string) => number | null,
  other: (round: RunRound, server: string) => number | null,
): number {
  const servers = Object.keys(rounds[0]!.replay.shares)
  const differences = servers.map((server) =>
    mean(rounds.map((round) => (one(round, server) ?? 0) - (other(round, server) ?? 0))),
  )
  return Math.max(...differences.map(Math.abs))
}

/** Runs beside their replays. */
export function ownTable(results: Results): string {
  const rows = runsOf(results).map(([name, rounds]) => {
    const replayed = (round: RunRound, server: string): number | null => round.replay.shares[server]!.replayed
    const difference = largestDifference(rounds, (round, server) => round.replay.shares[server]!.recorded, replayed)
    const chance = largestDifference(rounds, (round, server) => round.again.shares[server]!.replayed, replayed)
    const [then, now] = [mean(rounds.map(logged)), mean(rounds.map(({ replay }) => replay.p99.replayed ?? NaN))]
    return [
      name,
      String(rounds.reduce((sum, { replay }) => sum + replay.requests, 0)),
      [...new Set(rounds.map(({ replay }) => replay.model.cores))].join(', '),
      points(difference),
      points(chance),
      difference <= limits.share ? 'yes' : '**no**',
      millis(then),
      millis(now),
      (now / then).toFixed(2),
    ]
  })
  const head = ['run', 'requests', 'cores found', 'shares differ by', 'by chance', 'within 1 point', 'p99, log']
  return table([...head, 'p99, replay', 'ratio'], rows)
}

/** Predictions beside what came. */
export function questionTable(results: Results): string {
  const rows = [...results].flatMap(([each, { questions }]) =>
    [...questions].map(([question, rounds]) => {
      const predicted = mean(rounds.map((round) => round.predicted))
      const [log, client] = [mean(rounds.map(logged)), mean(rounds.map((round) => round.client))]
      const ratios = rounds.map((round) => round.predicted / round.client)
      return [
        `${caseName(each)}: ${question.name}`,
        millis(predicted),
        millis(log),
        (predicted / log).toFixed(2),
        millis(client),
        (predicted / client).toFixed(2),
        `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
        Math.abs(predicted / client - 1) <= limits.prediction ? 'yes' : '**no**',
      ]
    }),
  )
  const head = ['recorded: asked', 'p99 predicted', 'p99, log', 'ratio', 'p99, clients', 'ratio', 'by round']
  return table([...head, 'within 15 %'], rows)
}

/** In words: how far the measurement itself can be trusted. */
export function disturbance(results: Results): string {
  const rounds = runsOf(results).flatMap(([, each]) => each)
  const share = Math.max(...rounds.map((round) => round.waited))
  const waited = `${(share * 100).toFixed(1)} % of the time in the worst run`
  const failed = rounds.reduce((sum, round) => sum + round.failed, 0)
  const verdict = share > limits.waited ? ', **too much: the figures tell of the machine**' : ''
  return `Waiting for a core: ${waited}${verdict}. Failed requests: ${failed}`
}

const millis = (value: number): string => value.toFixed(1)
const points = (share: number): string => (share * 100).toFixed(2)

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), `|${head.map((_, i) => (i === 0 ? '---' : '---:')).join('|')}|`, ...rows.map(line)].join('\n')
}
