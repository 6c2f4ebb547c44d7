// `weir frontend`: whether a frontend takes new connections.
import { controlUsage, path, runControl } from './control-command.ts'
import { oneOf, UsageError } from './usage.ts'

export const frontendUsage = `Usage: weir frontend pause|resume FRONTEND

  pause   new connections wait, for five seconds at most, and are then refused (503 frontend_paused); those that are there
          go on, with all their requests
  resume  takes connections again, first those that wait

${controlUsage}`

/** @param argv what follows the word `frontend` @returns the exit code */
export function frontend(argv: string[]): Promise<number> {
  return runControl(
    {
      name: 'frontend',
      usage: frontendUsage,
      run: async ({ words: [word, name, ...more], ask, show }) => {
        const action = oneOf('action', word, ['pause', 'resume'])
        if (name === undefined || more.length > 0) throw new UsageError('name one frontend')
        const answer = await ask({ method: 'POST', path: path`/v1/frontends/${name}/${action}` })
        const { connections } = answer as { connections: number }
        show(answer, () => `${name}: ${action === 'pause' ? 'paused' : 'resumed'}, ${connections} connections`)
      },
    },
    argv,
  )
}
