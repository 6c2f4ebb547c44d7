// The part that `reload`, `plan` and `apply` have in common: a question whose answer is an outcome, good or bad.
import type { ReloadOutcome } from '../control/reload/types.ts'
import type { Question } from './control-client.ts'
import { NotDone, type Control } from './control-command.ts'
import { outcomeText } from './outcome-text.ts'

/** A configuration with ten thousand servers takes a while. */
const PATIENCE_MS = 120_000

/** @param verb for the text: 'changed', 'would change' @returns the exit code */
export async function changeConfiguration({ ask, show }: Control, question: Question, verb: string): Promise<number> {
  try {
    const outcome = (await ask({ ...question, patience: PATIENCE_MS })) as ReloadOutcome
    process.stderr.write(outcome.problems)
    show(outcome, (style) => outcomeText(outcome, verb, style))
    return 0
  } catch (error) {
    const outcome = error instanceof NotDone ? (error.value as Partial<ReloadOutcome>) : null
    if (outcome?.problems === undefined) throw error
    process.stderr.write(outcome.problems)
    show(outcome, () => 'Nothing has changed: the configuration is not valid.')
    return 1
  }
}
