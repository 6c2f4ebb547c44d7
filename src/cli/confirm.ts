// `weir confirm`: what was applied on trial stays.
import { controlUsage, runControl } from './control-command.ts'

export const confirmUsage = `Usage: weir confirm [FILE] [--socket PATH] [--json]

Says that the configuration that was applied with --confirm is good, so that it stays.

${controlUsage}`

/** @param argv what follows the word `confirm` @returns the exit code */
export function confirm(argv: string[]): Promise<number> {
  return runControl(
    {
      name: 'confirm',
      usage: confirmUsage,
      filesIn: (words) => words,
      run: async ({ ask, show }) => {
        show(await ask({ method: 'POST', path: '/v1/confirm' }), () => 'Confirmed: it stays.')
      },
    },
    argv,
  )
}
