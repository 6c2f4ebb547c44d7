// `weir apply`: a running Weir goes over to another configuration, for good or on trial.
import { changeConfiguration } from './change-configuration.ts'
import { controlUsage, runControl, spanOption } from './control-command.ts'
import { newFile } from './plan.ts'

export const applyUsage = `Usage: weir apply NEW [--confirm SPAN] [-f FILE] [--socket PATH] [--json]

Has a running Weir go over to the configuration NEW, which is the one that it reads from then on.

      --confirm SPAN     on trial: the configuration of before returns after so long, unless "weir confirm" comes, or at
                         once when more requests fail or fewer servers are up
${controlUsage}`

/** @param argv what follows the word `apply` @returns the exit code */
export function apply(argv: string[]): Promise<number> {
  return runControl(
    {
      name: 'apply',
      usage: applyUsage,
      options: { confirm: { type: 'string' } },
      filesIn: (words) => words,
      run: (control) => {
        const confirm = spanOption(control.options, 'confirm')
        const body = { path: newFile(control.words), ...(confirm === undefined ? {} : { confirm }) }
        return changeConfiguration(control, { method: 'POST', path: '/v1/apply', body }, 'changed')
      },
    },
    argv,
  )
}
