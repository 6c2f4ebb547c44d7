// `weir connections kill`: closes connections of clients now. To look at them first: `weir show connections`.
import { controlUsage, runControl } from './control-command.ts'
import { connectionWish } from './show.ts'
import { oneOf, UsageError } from './usage.ts'

export const connectionsUsage = `Usage: weir connections kill [--frontend NAME] [--server BACKEND/SERVER] [--from NETWORK]

Closes the connections of clients that meet all that is said, whatever is under way on them.

      --frontend NAME    of this frontend
      --server B/S       whose request, or connection, is on this server now
      --from NETWORK     whose client is in this network, such as 192.0.2.0/24
${controlUsage}`

/** @param argv what follows the word `connections` @returns the exit code */
export function connections(argv: string[]): Promise<number> {
  return runControl(
    {
      name: 'connections',
      usage: connectionsUsage,
      options: { frontend: { type: 'string' }, server: { type: 'string' }, from: { type: 'string' } },
      run: async (control) => {
        oneOf('action', control.words[0], ['kill'])
        if (control.words.length > 1) throw new UsageError('say which ones by options')
        const body = connectionWish(control)
        if (Object.keys(body).length === 0) throw new UsageError('say which ones: --frontend, --server or --from')
        const answer = await control.ask({ method: 'POST', path: '/v1/connections/kill', body })
        control.show(answer, () => `${(answer as { closed: number }).closed} closed`)
      },
    },
    argv,
  )
}
