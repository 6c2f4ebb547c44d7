// `weir reload`: the running Weir reads its configuration again. What is wrong with it is printed here, and nothing changes.
import { controlUsage, runControl } from './control-command.ts'
import { changeConfiguration } from './change-configuration.ts'

export const reloadUsage = `Usage: weir reload [FILE] [--socket PATH] [--json]

Has a running Weir read its configuration again and go over to it without losing a request. A configuration that is not
valid changes nothing: its problems are printed, and the exit code is 1.

${controlUsage}`

/** @param argv what follows the word `reload` @returns the exit code */
export function reload(argv: string[]): Promise<number> {
  return runControl(
    {
      name: 'reload',
      usage: reloadUsage,
      filesIn: (words) => words,
      run: (control) => changeConfiguration(control, { method: 'POST', path: '/v1/reload' }, 'changed'),
    },
    argv,
  )
}
