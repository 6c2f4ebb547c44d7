// Ends every test run with one plain line that a machine can count: `vitest: N passed, N failed, N skipped`.
// Whatever makes the run fail is in "failed": a test, a hook, a file that does not load, an error outside of any test.
import type { Reporter, TestModule, TestSuite } from 'vitest/node'

interface Tally {
  passed: number
  failed: number
  skipped: number
}

export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const { passed, failed, skipped } = tally(modules, unhandledErrors)
    process.stdout.write(`\nvitest: ${passed} passed, ${failed} failed, ${skipped} skipped\n`)
  }
}

function tally(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): Tally {
  const total: Tally = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
  for (const module of modules) add(total, module)
  return total
}

function add(total: Tally, module: TestModule): void {
  const failedBefore = total.failed
  for (const test of module.children.allTests()) total[outcome(test.result().state)]++
  for (const suite of module.children.allSuites()) total.failed += brokenHooks(suite)
  // A file that could not be loaded has no test to blame.
  if (!module.ok() && total.failed === failedBefore) total.failed++
}

/** A hook that throws leaves its tests unrun, which alone would read as "skipped". */
const brokenHooks = (suite: TestSuite): number => suite.errors().length

/** A test still pending at the end never answered: its process died, or the run was interrupted. */
function outcome(state: 'passed' | 'failed' | 'skipped' | 'pending'): keyof Tally {
  return state === 'pending' ? 'failed' : state
}
