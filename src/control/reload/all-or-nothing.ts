// A change of several parts of the process that comes about as a whole or not at all, in two steps: each part makes ready what
// it needs beside what runs (a socket that listens, a file that is open), which may fail; when nothing has failed, all of
// them go over, which cannot fail any more. What the parts are is the supervisor's business.

/** A change that is ready beside what runs. One of the two is called, once. */
export interface Readied {
  /** Goes over. What was before is let go of by and by. */
  commit(): void
  /** Lets go of what was made ready: nothing has changed. */
  abandon(): Promise<void>
}

/** For a part that stays as it is. */
export const stays: Readied = { commit: () => {}, abandon: () => Promise.resolve() }

/**
 * @param parts make themselves ready, one after the other @throws Error with words for the operator
 * @param carryOut the part that can only be done: it answers with why it could not be, and then has changed nothing
 * @returns null, or why nothing has changed
 */
export async function allOrNothing(
  parts: readonly (() => Promise<Readied>)[],
  carryOut: () => Promise<string | null>,
): Promise<string | null> {
  await using undo = new AsyncDisposableStack()
  const ready: Readied[] = []
  for (const part of parts) {
    try {
      const one = await part()
      ready.push(one)
      undo.defer(() => one.abandon())
    } catch (error) {
      return (error as Error).message
    }
  }
  const problem = await carryOut()
  if (problem !== null) return problem
  undo.move()
  for (const one of ready) one.commit()
  return null
}
