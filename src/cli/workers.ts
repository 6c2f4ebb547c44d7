// `weir workers`: the threads that carry the traffic.
import type { Status } from '../control/admin/status.ts'
import { controlUsage, runControl } from './control-command.ts'
import { span } from './status-text.ts'
import { right, table, type Style } from './table.ts'
import { oneOf, UsageError } from './usage.ts'

export const workersUsage = `Usage: weir workers [--json]
       weir workers recycle [N]

Shows the workers. recycle replaces them one by one, or worker N alone: the new one takes connections before the old one stops,
which then finishes what is under way.

${controlUsage}`

/** A worker drains for as long as global.shutdown_timeout, and they go one after the other. */
const PATIENCE_MS = 24 * 3_600_000

/** @param argv what follows the word `workers` @returns the exit code */
export function workers(argv: string[]): Promise<number> {
  return runControl(
    {
      name: 'workers',
      usage: workersUsage,
      run: async ({ words: [action, worker, ...more], ask, show }) => {
        if (action === undefined) {
          const { workers: list } = (await ask({ method: 'GET', path: '/v1/status' })) as Status
          show(list, (style) => workersText(list, style))
          return
        }
        oneOf('action', action, ['recycle'])
        if (more.length > 0 || (worker !== undefined && !/^\d{1,4}$/.test(worker)))
          throw new UsageError('name one worker by its number, or none for all')
        const path = worker === undefined ? '/v1/workers/recycle' : `/v1/workers/${worker}/recycle`
        const answer = await ask({ method: 'POST', path, patience: PATIENCE_MS })
        show(answer, () => `${(answer as { recycled: number }).recycled} recycled`)
      },
    },
    argv,
  )
}

function workersText(list: Status['workers'], style: Style): string {
  const rows = list.map(({ worker, state, since, restarts }) => [
    right(String(worker)),
    { text: state },
    { text: span((style.now - since) / 1000) },
    right(String(restarts)),
  ])
  return table(['WORKER', 'STATE', 'SINCE', 'RESTARTS'], rows, style).join('\n')
}
