// `weir counters clear`: counters in `weir status` and `weir show` begin at 0. Metrics go on.
import { controlUsage, runControl } from './control-command.ts'
import { oneOf } from './usage.ts'

export const countersUsage = `Usage: weir counters clear

The counters that weir status and weir show print begin at 0 again. Those of /metrics only ever grow, and go on.

${controlUsage}`

/** @param argv what follows the word `counters` @returns the exit code */
export function counters(argv: string[]): Promise<number> {
  return runControl(
    {
      name: 'counters',
      usage: countersUsage,
      run: async ({ words, ask, show }) => {
        oneOf('action', words[0], ['clear'])
        show(await ask({ method: 'POST', path: '/v1/counters/clear' }), () => 'Counters are cleared; metrics go on.')
      },
    },
    argv,
  )
}
