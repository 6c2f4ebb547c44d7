// What differs between two configurations, for people: by frontend, bind, backend and server, with what is touched of the
// traffic. Values are compared, not texts; secrets never appear.
import { isDeepStrictEqual } from 'node:util'
import type { BackendConfig, Config, FrontendConfig, GlobalConfig, ServerConfig } from '../../config/config.ts'
import { formatAddress } from '../../config/address.ts'
import type { Change } from './types.ts'

/** What is under way now, by name. */
export interface Live {
  /** Connections from clients. */
  readonly frontend: (name: string) => number
  /** In flight. */
  readonly server: (backend: string, name: string) => number
}

/** What a start alone can change. */
const fixed: ReadonlySet<string> = new Set(['sources', 'certificateStore', 'watch'])

/** @param room for workers, without a restart */
export function differences(before: Config, after: Config, live: Live, room = Infinity): Change[] {
  return [
    ...ofGlobal(before.global, after.global, room),
    ...named('frontend', before.frontends, after.frontends, live.frontend, (a, b) => ofFrontend(a, b, live)),
    ...named(
      'backend',
      before.backends,
      after.backends,
      (name) => ofServers(before, name, live),
      (a, b) => ofBackend(a, b, live),
    ),
  ]
}

const ofServers = ({ backends }: Config, name: string, live: Live): number =>
  backends
    .find((each) => each.name === name)
    ?.servers.reduce((sum, server) => sum + live.server(name, server.name), 0) ?? 0

interface Named {
  readonly name: string
}

/** Added and removed ones, and what `compare` finds in those that are in both. */
function named<T extends Named>(
  kind: string,
  before: readonly T[],
  after: readonly T[],
  live: (name: string) => number,
  compare: (a: T, b: T) => Change[],
): Change[] {
  const [old, next] = [byName(before), byName(after)]
  const gone = before.filter(({ name }) => !next.has(name))
  return [
    ...after.flatMap((each) => {
      const same = old.get(each.name)
      return same === undefined ? [change('added', `${kind} ${each.name}`, '', 0)] : compare(same, each)
    }),
    ...gone.map(({ name }) => change('removed', `${kind} ${name}`, '', live(name))),
  ]
}

const byName = <T extends Named>(list: readonly T[]): ReadonlyMap<string, T> =>
  new Map(list.map((each) => [each.name, each]))

const change = (kind: Change['kind'], what: string, detail: string, live: number, needsRestart = false): Change => ({
  kind,
  what,
  detail,
  live,
  needsRestart,
})

function ofGlobal(before: GlobalConfig, after: GlobalConfig, room: number): Change[] {
  const tooMany = after.workers !== 'auto' && after.workers > room
  return fieldsThatDiffer(before, after, []).map((key) => {
    const needsRestart = fixed.has(key) || (key === 'workers' && tooMany)
    return change('changed', `global ${snake(key)}`, detailOf(before, after, key).replace(': ', ''), 0, needsRestart)
  })
}

function ofFrontend(before: FrontendConfig, after: FrontendConfig, live: Live): Change[] {
  const [old, next] = [new Map(before.binds.map((bind) => [bind.id, bind])), new Set(after.binds.map(({ id }) => id))]
  const what = `frontend ${after.name}`
  return [
    ...after.binds.flatMap((bind) => {
      const same = old.get(bind.id)
      if (same === undefined) return [change('added', `bind ${bind.id}`, '', 0)]
      return isDeepStrictEqual(same, bind) ? [] : [change('changed', `bind ${bind.id}`, bindDetail(same, bind), 0)]
    }),
    ...before.binds
      .filter(({ id }) => !next.has(id))
      .map(({ id }) => change('removed', `bind ${id}`, '', live.frontend(after.name))),
    ...fieldsThatDiffer(before, after, ['binds']).map((key) =>
      change('changed', what, `${snake(key)}${detailOf(before, after, key)}`, 0),
    ),
  ]
}

function bindDetail(before: FrontendConfig['binds'][number], after: FrontendConfig['binds'][number]): string {
  return fieldsThatDiffer(before, after, []).map(snake).join(', ')
}

function ofBackend(before: BackendConfig, after: BackendConfig, live: Live): Change[] {
  const { name } = after
  const inFlight = (server: string): number => live.server(name, server)
  return [
    ...fieldsThatDiffer(before, after, ['servers']).map((key) =>
      change('changed', `backend ${name}`, `${snake(key)}${detailOf(before, after, key)}`, 0),
    ),
    ...named('server', before.servers, after.servers, inFlight, (a, b) => ofServer(a, b)).map((each) => ({
      ...each,
      what: each.what.replace('server ', `server ${name}/`),
    })),
  ]
}

function ofServer(before: ServerConfig, after: ServerConfig): Change[] {
  const keys = fieldsThatDiffer(before, after, ['host', 'port', 'path'])
  const [from, to] = [formatAddress(before), formatAddress(after)]
  const details = keys.map((key) => `${snake(key)}${detailOf(before, after, key)}`)
  if (from !== to) details.unshift(`address: ${from} -> ${to}`)
  return details.map((detail) => change('changed', `server ${after.name}`, detail, 0))
}

function fieldsThatDiffer<T extends object>(before: T, after: T, except: readonly string[]): (keyof T & string)[] {
  const keys = Object.keys(after) as (keyof T & string)[]
  return keys.filter((key) => !except.includes(key) && !isDeepStrictEqual(before[key], after[key]))
}

/** ': 1 -> 3' for values that are short and no secrets; '' for the rest. */
function detailOf<T extends object>(before: T, after: T, key: keyof T & string): string {
  const [from, to] = [shown(before[key]), shown(after[key])]
  return from === null || to === null ? '' : `: ${from} -> ${to}`
}

const shown = (value: unknown): string | null =>
  value === null || typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string'
    ? String(value)
    : null

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
