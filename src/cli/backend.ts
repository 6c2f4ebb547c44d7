// `weir backend`: what can be done to all servers of a backend at once.
import type { ServerAnswer } from '../control/runtime/servers.ts'
import { controlUsage, path, runControl, spanOption } from './control-command.ts'
import { serverText } from './server.ts'
import { untilEmpty } from './until-empty.ts'
import { oneOf, UsageError } from './usage.ts'

export const backendUsage = `Usage: weir backend drain|maint|ready BACKEND [--wait SPAN]

The same as weir server drain, maint or ready, for every server of the backend. While all of them are drained, new requests
are answered 503 with the reason no_server.

      --wait SPAN        until they are empty, counting down; not done when one is not empty by then
${controlUsage}`

interface BackendAnswer {
  readonly backend: string
  readonly servers: readonly ServerAnswer[]
}

/** @param argv what follows the word `backend` @returns the exit code */
export function backend(argv: string[]): Promise<number> {
  return runControl(
    {
      name: 'backend',
      usage: backendUsage,
      options: { wait: { type: 'string' } },
      run: async ({ words: [word, name, ...more], options, ask, show }) => {
        const action = oneOf('action', word, ['drain', 'maint', 'ready'])
        if (name === undefined || more.length > 0) throw new UsageError('name one backend')
        const wait = spanOption(options, 'wait') ?? 0
        const where = path`/v1/backends/${name}/${action}`
        const answer = (await ask({ method: 'POST', path: where, body: {} })) as BackendAnswer
        const end = Date.now() + (action === 'ready' ? 0 : wait)
        const last: ServerAnswer[] = []
        for (const server of answer.servers) {
          const one = path`/v1/servers/${name}/${server.server}`
          const look = async (): Promise<ServerAnswer> => (await ask({ method: 'GET', path: one })) as ServerAnswer
          const left = Math.max(0, end - Date.now())
          last.push(wait === 0 ? server : await untilEmpty(`${name}/${server.server}`, left, look))
        }
        show({ ...answer, servers: last }, () => last.map(serverText).join('\n'))
        return wait === 0 || action === 'ready' || last.every(({ empty }) => empty) ? 0 : 1
      },
    },
    argv,
  )
}
