// Another health check for the servers of a backend while Weir runs. It is an override like the others: kept in the journal,
// shown as drift and cleared with it, and gone when the file comes to say something else.
import { checkText, wishProblem, wishText, type CheckWish } from './check-wish.ts'
import { isSame, type Override } from './override.ts'
import { findBackend, RequestProblem } from './problem.ts'
import { stamped, type Runtime } from './runtime.ts'
import type { Who } from './who.ts'

export interface CheckAnswer extends CheckWish {
  readonly backend: string
}

/**
 * Servers keep their states; their next checks are of the new kind.
 * @param written what was sent: a CheckWish if all is well
 * @throws RequestProblem: nothing has changed then
 */
export async function setHealthCheck(
  runtime: Runtime,
  backend: string,
  written: Readonly<Record<string, unknown>>,
  who: Who,
): Promise<CheckAnswer> {
  findBackend(runtime.view.snapshot, backend)
  const configured = runtime.file.backends.find(({ name }) => name === backend)
  if (configured === undefined) throw new RequestProblem(409, `the configuration has no backend ${backend} any more`)
  const problem = wishProblem(written)
  if (problem !== null) throw new RequestProblem(422, problem.what, problem.expected)
  const { path, tls, port, interval, timeout, rise, fall } = written as unknown as CheckWish
  const value: CheckWish = { path, tls, port, interval, timeout, rise, fall }
  const difference = { field: 'health_check', backend, value, configured: checkText(configured) } as const
  const others = (list: readonly Override[]): Override[] => list.filter((each) => !isSame(difference, each))
  await runtime.restructure((list) => [...others(list), stamped(difference, who)], who)
  runtime.report(who, `backend ${backend}: health check ${wishText(value)}`, { backend, ...value })
  return { backend, ...value }
}
