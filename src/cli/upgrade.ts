// `weir upgrade`: the installed program in the place of the one that runs, with no connection lost.
import type { Status } from '../control/admin/status.ts'
import { controlUsage, NotDone, runControl, type Control } from './control-command.ts'

export const upgradeUsage = `Usage: weir upgrade [FILE] [--socket PATH] [--json]

Starts the program anew, as it is installed now, and its configuration with it. The new process takes over the listening
sockets; when it serves, the old one finishes what is under way and ends. If the new one does not get there, the old one goes
on, and this command says why. The signal SIGUSR2 does the same.

${controlUsage}`

const PATIENCE_MS = 70_000
/** Until the control socket is the new process's. */
const HANDOVER_MS = 10_000
const LOOK_MS = 50

/** @param argv what follows the word `upgrade` @returns the exit code */
export function upgrade(argv: string[]): Promise<number> {
  return runControl(
    {
      name: 'upgrade',
      usage: upgradeUsage,
      filesIn: (words) => words,
      run: async ({ ask, show }) => {
        const answer = await ask({ method: 'POST', path: '/v1/upgrade', patience: PATIENCE_MS })
        const { pid } = answer as { pid: number }
        const version = await answersAs(pid, ask)
        if (version === null) throw new NotDone(`process ${pid} serves, but its control socket does not answer`, answer)
        show({ pid, version }, () => `Process ${pid} (weir ${version}) has taken over.`)
      },
    },
    argv,
  )
}

/** @returns the version of the process, when it is the one that answers; null: it never was */
async function answersAs(pid: number, ask: Control['ask']): Promise<string | null> {
  for (const end = Date.now() + HANDOVER_MS; Date.now() < end;) {
    const status = (await ask({ method: 'GET', path: '/v1/status' }).catch(() => null)) as Status | null
    if (status?.pid === pid) return status.version
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
  return null
}
