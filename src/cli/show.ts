// `weir show`: one aspect of a running Weir at a time.
import type { ErrorsAnswer } from '../control/admin/errors.ts'
import type { Status } from '../control/admin/status.ts'
import type { showConnections, showSessions } from '../control/runtime/traffic.ts'
import { controlUsage, runControl, type Control } from './control-command.ts'
import { backendsText, connectionsText, errorsText, sessionsText } from './show-text.ts'
import { serversText } from './status-text.ts'
import { oneOf, UsageError } from './usage.ts'

export const showUsage = `Usage: weir show backends|servers|sessions|connections|errors|config [options]

  backends     limits, queues, circuit breakers
  servers      as in weir status, all of them or those of --backend
  sessions     how many belong to each server
  connections  of clients: those of --frontend, on --server, from --from
  errors       what failed of late, and how often by which reason
  config       what runs, as JSON, without secrets

      --backend NAME     of servers
      --frontend NAME    of connections; so for the next two
      --server B/S       that are on this server now
      --from NETWORK     whose client is in this network, such as 192.0.2.0/24
${controlUsage}`

const aspects = ['backends', 'servers', 'sessions', 'connections', 'errors', 'config'] as const

/** @param argv what follows the word `show` @returns the exit code */
export function show(argv: string[]): Promise<number> {
  return runControl(
    {
      name: 'show',
      usage: showUsage,
      options: {
        backend: { type: 'string' },
        frontend: { type: 'string' },
        server: { type: 'string' },
        from: { type: 'string' },
      },
      run: async (control) => {
        if (control.words.length > 1) throw new UsageError('one thing at a time')
        await showAspect(control, oneOf('aspect', control.words[0], aspects))
      },
    },
    argv,
  )
}

async function showAspect(control: Control, aspect: (typeof aspects)[number]): Promise<void> {
  const { ask, show: print } = control
  switch (aspect) {
    case 'backends': {
      const { backends } = (await ask({ method: 'GET', path: '/v1/status' })) as Status
      print(backends, (style) => backendsText(backends, style))
      return
    }
    case 'servers': {
      const backends = await ofBackend(control)
      print(backends, (style) => serversText(backends, style))
      return
    }
    case 'sessions': {
      const answer = (await ask({ method: 'GET', path: '/v1/sessions' })) as {
        sessions: ReturnType<typeof showSessions>
      }
      print(answer, (style) => sessionsText(answer.sessions, style))
      return
    }
    case 'connections': {
      const query = new URLSearchParams(connectionWish(control)).toString()
      const path = query === '' ? '/v1/connections' : `/v1/connections?${query}`
      const answer = (await ask({ method: 'GET', path })) as Awaited<ReturnType<typeof showConnections>>
      print(answer, (style) => connectionsText(answer, style))
      return
    }
    case 'errors': {
      const answer = (await ask({ method: 'GET', path: '/v1/errors' })) as ErrorsAnswer
      print(answer, (style) => errorsText(answer, style))
      return
    }
    case 'config': {
      const config = await ask({ method: 'GET', path: '/v1/config' })
      print(config, () => JSON.stringify(config, null, 2))
    }
  }
}

async function ofBackend({ ask, options }: Control): Promise<Status['backends']> {
  const { backends } = (await ask({ method: 'GET', path: '/v1/status' })) as Status
  if (options.backend === undefined) return backends
  const names = backends.map(({ name }) => name)
  const wanted = oneOf('backend', String(options.backend), names)
  return backends.filter(({ name }) => name === wanted)
}

/** What the options say of connections. */
export function connectionWish({ options }: Pick<Control, 'options'>): Record<string, string> {
  const said = (['frontend', 'server', 'from'] as const).map((name) => [name, options[name]] as const)
  return Object.fromEntries(said.filter(([, value]) => value !== undefined)) as Record<string, string>
}
