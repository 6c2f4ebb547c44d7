// `weir server`: what can be done to one server of a running Weir.
import type { Load } from '../control/runtime/load.ts'
import type { ServerAnswer } from '../control/runtime/servers.ts'
import {
  controlUsage,
  numberOption,
  path,
  runControl,
  serverWord,
  spanOption,
  type Control,
} from './control-command.ts'
import { loadText, untilEmpty } from './until-empty.ts'
import { oneOf, UsageError } from './usage.ts'

export const serverUsage = `Usage: weir server drain|maint|ready BACKEND/SERVER [--wait SPAN]
       weir server weight BACKEND/SERVER WEIGHT|PERCENT%
       weir server max_connections BACKEND/SERVER LIMIT
       weir server check|show BACKEND/SERVER
       weir server add BACKEND/SERVER ADDRESS [--weight N] [--max-connections N] [--tier N] [--zone ZONE]
       weir server remove BACKEND/SERVER [--wait SPAN]

  drain            no new clients; those that it has, and their sessions, stay
  maint            no clients, and no health checks
  ready            as the health checks have it
  weight           its share of new traffic; percent are of the configured weight
  max_connections  its limit of requests in flight (tcp: connections); 0: none
  check            checks its health now
  add, remove      a server that the configuration does not have; one that it should be without

      --wait SPAN        drain, maint: until it is empty, counting down; not done when it is not empty by then.
                         remove: how long it is drained before it is taken out (10s)
${controlUsage}
What is changed here is kept beside the configuration, outlives reloads and restarts, and is shown by weir drift.
`

const actions = ['drain', 'maint', 'ready', 'weight', 'max_connections', 'check', 'show', 'add', 'remove'] as const
type Action = (typeof actions)[number]

/** @param argv what follows the word `server` @returns the exit code */
export function server(argv: string[]): Promise<number> {
  return runControl(
    {
      name: 'server',
      usage: serverUsage,
      options: {
        wait: { type: 'string' },
        weight: { type: 'string' },
        'max-connections': { type: 'string' },
        tier: { type: 'string' },
        zone: { type: 'string' },
      },
      run: (control) => act(control, oneOf('action', control.words[0], actions)),
    },
    argv,
  )
}

async function act(control: Control, action: Action): Promise<number> {
  const place = serverWord(control.words[1])
  const third = control.words[2]
  if (control.words.length > 3) throw new UsageError(`what is "${control.words[3]}"?`)
  const needs = (what: string): string => {
    if (third === undefined) throw new UsageError(`${action} needs ${what}`)
    return third
  }
  if (third !== undefined && !['weight', 'max_connections', 'add'].includes(action))
    throw new UsageError(`${action} takes a server alone`)
  switch (action) {
    case 'drain':
    case 'maint':
    case 'ready':
      return setAdmin(control, place, action)
    case 'weight':
      return change(control, place, { action, body: { weight: needs('a weight, such as 5 or 50%') } })
    case 'max_connections':
      return change(control, place, { action, body: { max_connections: needs('a limit') } })
    case 'add':
      return change(control, place, { action, body: { address: needs('an address'), ...addOptions(control) } })
    case 'remove':
      return remove(control, place)
    case 'check':
      return check(control, place)
    case 'show':
      return change(control, place, { action: null, body: {} })
  }
}

type Place = readonly [backend: string, server: string]

async function change(
  { ask, show }: Control,
  [backend, name]: Place,
  { action, body }: { readonly action: Action | null; readonly body: Readonly<Record<string, unknown>> },
): Promise<number> {
  const where = path`/v1/servers/${backend}/${name}`
  const question =
    action === null
      ? { method: 'GET' as const, path: where }
      : { method: 'POST' as const, path: `${where}/${action}`, body }
  const answer = (await ask({ ...question, patience: 120_000 })) as ServerAnswer
  show(answer, () => serverText(answer))
  return 0
}

function addOptions({ options }: Control): Readonly<Record<string, unknown>> {
  const wish = {
    weight: numberOption(options, 'weight'),
    max_connections: numberOption(options, 'max-connections'),
    tier: numberOption(options, 'tier'),
    zone: options.zone,
  }
  return Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== undefined))
}

async function setAdmin(control: Control, place: Place, action: 'drain' | 'maint' | 'ready'): Promise<number> {
  const wait = spanOption(control.options, 'wait') ?? 0
  const where = path`/v1/servers/${place[0]}/${place[1]}`
  const answer = (await control.ask({ method: 'POST', path: `${where}/${action}`, body: {} })) as ServerAnswer
  if (wait === 0 || action === 'ready') {
    control.show(answer, () => serverText(answer))
    return 0
  }
  const last = await untilEmpty(`${place[0]}/${place[1]}`, wait, async () => {
    return (await control.ask({ method: 'GET', path: where })) as ServerAnswer
  })
  control.show(last, () => serverText(last))
  return last.empty ? 0 : 1
}

async function remove({ ask, show, options }: Control, [backend, name]: Place): Promise<number> {
  const wait = spanOption(options, 'wait') ?? 10_000
  const where = path`/v1/servers/${backend}/${name}/remove`
  const load = (await ask({ method: 'POST', path: where, body: { wait }, patience: wait + 60_000 })) as Load
  show(load, () => `${backend}/${name} is removed (${load.inflight === 0 ? 'nothing' : load.inflight} in flight)`)
  return 0
}

/** @returns 0 when it is up */
async function check({ ask, show }: Control, [backend, name]: Place): Promise<number> {
  const where = path`/v1/servers/${backend}/${name}/check`
  const health = (await ask({ method: 'POST', path: where, patience: 120_000 })) as {
    readonly state: string
    readonly lastResult: string | null
  }
  show(health, () => `${backend}/${name} is ${health.state}: ${health.lastResult ?? 'not checked'}`)
  return health.state === 'up' ? 0 : 1
}

/** 'app/s1: drain, weight 5, 3 in flight, 4 connections' */
export const serverText = (answer: ServerAnswer): string =>
  `${answer.backend}/${answer.server}: ${answer.admin}, weight ${answer.weight}, ${loadText(answer)}`
