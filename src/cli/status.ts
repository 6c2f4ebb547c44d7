// `weir status`: asks a running Weir over its control socket, and prints a table for people or JSON for programs.
import type { Status } from '../control/admin/status.ts'
import { askAt } from './control-client.ts'
import { controlUsage, runControl } from './control-command.ts'
import { statusText } from './status-text.ts'
import { UsageError } from './usage.ts'

export const statusUsage = `Usage: weir status [FILE] [--socket PATH] [--json]

Shows the state of a running Weir: its frontends, backends and servers.

${controlUsage}`

/** @param argv what follows the word `status` @returns the exit code */
export function status(argv: string[]): Promise<number> {
  return runControl(
    {
      name: 'status',
      usage: statusUsage,
      filesIn: (words) => words,
      run: async ({ words, options, ask, show }) => {
        const elsewhere = [options.config, options.file, options.socket].filter((each) => each !== undefined)
        if (words.length + elsewhere.length > 1) throw new UsageError('name one file or one socket')
        const answer = (await ask({ method: 'GET', path: '/v1/status' })) as Status
        show(answer, (style) => statusText(answer, style))
      },
    },
    argv,
  )
}

/** Asks the Weir whose control socket this is. @throws Error, with the system's code when nobody listens there */
export async function fetchStatus(socketPath: string): Promise<Status> {
  const { status, value } = await askAt(socketPath, { method: 'GET', path: '/v1/status', patience: 5000 })
  if (status === 200) return value as Status
  throw new Error(`answered with status ${status}`)
}
