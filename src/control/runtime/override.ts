// What operators have changed while Weir runs, against what the file says. Pure: an override is a value, whether it still
// holds follows from the file's configuration, and so does what becomes of a configuration under a list of them.
//
// Each remembers what the file said when it was made. When the file says something else later, it has been thought about
// again: the file wins, and the override holds no more. So does one whose server or frontend is gone.
//
// Servers that were added or removed, limits and health checks become part of the configuration (applyOverrides). Weights, admin
// states and pauses change nothing but cells of the scoreboard; runtime.ts writes them.
import { deepFreeze } from '../../config/freeze.ts'
import type { BackendConfig, Config, ServerConfig } from '../../config/config.ts'
import { formatAddress } from '../../config/address.ts'
import type { AdminState } from '../../model/states.ts'
import { addedServer, type AddedServer } from './added-server.ts'
import { checkedBy, checkText, type CheckWish } from './check-wish.ts'

interface OfServer {
  readonly backend: string
  readonly server: string
}

/** What differs: `value` in place of `configured`. */
export type Difference =
  | (OfServer & {
      readonly field: 'admin'
      readonly value: Exclude<AdminState, 'ready'>
      readonly configured: 'ready'
    })
  | (OfServer & {
      readonly field: 'weight' | 'max_connections'
      readonly value: number
      readonly configured: number
    })
  | (OfServer & { readonly field: 'added'; readonly value: AddedServer; readonly configured: null })
  /** `configured` is the address that it has in the file. */
  | (OfServer & { readonly field: 'removed'; readonly value: true; readonly configured: string })
  /** How all servers of a backend are checked. `configured` is how they are by the file, in words. */
  | { readonly field: 'health_check'; readonly backend: string; readonly value: CheckWish; readonly configured: string }
  | { readonly field: 'paused'; readonly frontend: string; readonly value: true; readonly configured: false }

export type Field = Difference['field']

export type Override = Difference & {
  /** Who made it. */
  readonly by: string
  /** When, in milliseconds since the epoch. */
  readonly at: number
}

/** 'app/s1', or the name of a frontend or a backend. */
export function targetOf(each: Difference): string {
  if (each.field === 'paused') return each.frontend
  return each.field === 'health_check' ? each.backend : `${each.backend}/${each.server}`
}

/** What it is about: two of one place can't both be. */
export const placeOf = (each: Difference): string => `${each.field} ${targetOf(each)}`

export const isSame = (a: Difference, b: Difference): boolean => placeOf(a) === placeOf(b)

/** What is configured for a server, by the file or by who added it; null: it is in neither. */
export function configuredServer(
  file: Config,
  overrides: readonly Override[],
  { backend: backendName, server: name }: OfServer,
): ServerConfig | null {
  const backend = file.backends.find((each) => each.name === backendName)
  if (backend === undefined) return null
  const written = backend.servers.find((each) => each.name === name)
  if (written !== undefined) return written
  for (const each of overrides) {
    if (each.field === 'added' && each.backend === backendName && each.server === name)
      return addedServer(backend, name, each.value)
  }
  return null
}

/** @param file the configuration without overrides. @param others among them the server that this one may be about */
export function holds(override: Override, file: Config, others: readonly Override[]): boolean {
  switch (override.field) {
    case 'paused':
      return file.frontends.some(({ name }) => name === override.frontend)
    case 'health_check': {
      const backend = file.backends.find(({ name }) => name === override.backend)
      return backend !== undefined && checkText(backend) === override.configured
    }
    case 'added': {
      const backend = file.backends.find(({ name }) => name === override.backend)
      if (backend === undefined) return false
      const address = formatAddress(addedServer(backend, override.server, override.value))
      const removed = others.filter((each) => each.field === 'removed' && each.backend === override.backend)
      const written = backend.servers.filter(
        ({ name }) => !removed.some((each) => targetOf(each) === `${backend.name}/${name}`),
      )
      return !written.some((each) => each.name === override.server || formatAddress(each) === address)
    }
    case 'removed': {
      const server = configuredServer(file, [], override)
      return server !== null && formatAddress(server) === override.configured
    }
    case 'admin':
      return configuredServer(file, others, override) !== null
    case 'weight':
      return configuredServer(file, others, override)?.weight === override.configured
    case 'max_connections':
      return configuredServer(file, others, override)?.maxConnections === override.configured
  }
}

/** Those that still hold; what is about an added server goes with it. */
export function holding(overrides: readonly Override[], file: Config): Override[] {
  const first = overrides.filter((each) => holds(each, file, overrides))
  return first.filter((each) => holds(each, file, first))
}

/** The file's configuration as it is to run. The same object when nothing is different. */
export function applyOverrides(file: Config, overrides: readonly Override[]): Config {
  const live = holding(overrides, file).filter((each) => each.field !== 'paused')
  const structural = live.filter(({ field }) => field !== 'admin' && field !== 'weight')
  if (structural.length === 0) return file
  const concerned = Map.groupBy(structural, ({ backend }) => backend)
  const backends = file.backends.map((backend) => {
    const own = concerned.get(backend.name)
    return own === undefined ? backend : backendUnder(backend, own)
  })
  return deepFreeze({ ...file, backends })
}

function backendUnder(backend: BackendConfig, overrides: readonly Override[]): BackendConfig {
  const changed = { ...backend, servers: serversUnder(backend, overrides) }
  const check = overrides.find(({ field }) => field === 'health_check')
  return check?.field === 'health_check' ? checkedBy(changed, check.value) : changed
}

function serversUnder(backend: BackendConfig, overrides: readonly Override[]): ServerConfig[] {
  const byServer = new Map<string, Override[]>()
  const added: ServerConfig[] = []
  for (const each of overrides) {
    if (each.field === 'paused' || each.field === 'health_check') continue
    if (each.field === 'added') added.push(addedServer(backend, each.server, each.value))
    else byServer.set(each.server, [...(byServer.get(each.server) ?? []), each])
  }
  return [...backend.servers, ...added].flatMap((server) => {
    const own = byServer.get(server.name) ?? []
    if (own.some(({ field }) => field === 'removed')) return []
    const limit = own.find(({ field }) => field === 'max_connections')
    return limit === undefined ? [server] : [{ ...server, maxConnections: limit.value as number }]
  })
}
