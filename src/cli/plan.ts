// `weir plan`: what another configuration would change in a running Weir, and how much live traffic each change touches.
import { resolve } from 'node:path'
import { changeConfiguration } from './change-configuration.ts'
import { controlUsage, runControl } from './control-command.ts'
import { UsageError } from './usage.ts'

export const planUsage = `Usage: weir plan NEW [-f FILE] [--socket PATH] [--json]

Shows what a running Weir would change if it went over to the configuration NEW, and changes nothing. LIVE is how many
connections or requests in flight a change touches. Without -f and --socket, the Weir is asked whose socket NEW names.

${controlUsage}`

/** @param argv what follows the word `plan` @returns the exit code */
export function plan(argv: string[]): Promise<number> {
  return runControl(
    {
      name: 'plan',
      usage: planUsage,
      filesIn: (words) => words,
      run: (control) => {
        const body = { path: newFile(control.words) }
        return changeConfiguration(control, { method: 'POST', path: '/v1/plan', body }, 'would change')
      },
    },
    argv,
  )
}

/** Absolute, for the running Weir stands in another folder. @throws UsageError */
export function newFile(words: readonly string[]): string {
  const [file, ...more] = words
  if (file === undefined) throw new UsageError('name the new configuration')
  if (more.length > 0) throw new UsageError('name one file; for several, name the folder they are in')
  return resolve(file)
}
