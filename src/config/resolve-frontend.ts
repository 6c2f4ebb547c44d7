// A frontend as written, over `defaults`, to a FrontendConfig: binds, certificates, routes, limits. Whether its backends
// are there and its binds are free is found out in resolve.ts, which sees all of them.
import type { Mode } from '../model/states.ts'
import { formatAddress, parseBindAddress } from './address.ts'
import type { BindConfig, FrontendConfig, Priority, RouteConfig, TrustConfig } from './config.ts'
import type { TlsConfig } from './config-tls.ts'
import { elbForward, elbTimeouts } from './elb.ts'
import { absolute } from './files.ts'
import { resolveClients, resolveRequests } from './resolve-clients.ts'
import { checkTierUse, resolveHealth, resolveProxy, resolveTrust, type ProxyLayer } from './resolve-tiers.ts'
import { resolveTls, type TlsContext } from './resolve-tls.ts'
import { forwardOptions, frontendSchema, frontendTimeouts, limitOptions } from './schema-frontend.ts'
import type { DefaultsText, FrontendText } from './schema.ts'
import { settle, settleOne } from './settle.ts'
import { child, keyPlace, type MapNode, type Node, type Place } from './tree.ts'

export interface FrontendInput {
  readonly name: string
  readonly text: FrontendText
  readonly node: MapNode
  readonly keyPlace: Place
  readonly defaults: DefaultsText
}

/** A bind with the place of its address, for the search for conflicts. */
export interface PlacedBind {
  readonly bind: BindConfig
  readonly place: Place
}

/** Mode of a frontend; null where it is written and wrong, so that nothing can be said about it. */
export function modeOf({ text, node, defaults }: Pick<FrontendInput, 'text' | 'node' | 'defaults'>): Mode | null {
  if (text.mode === undefined && node.entries.has('mode')) return null
  return settleOne(frontendSchema.shape.mode, text.mode, defaults.mode) as Mode
}

export function resolveFrontend(
  input: FrontendInput,
  context: TlsContext,
): { frontend: FrontendConfig; binds: PlacedBind[] } {
  const { name, text, node, defaults } = input
  const mode = modeOf(input)
  const { problems } = context
  checkUse(input, mode, context)
  const trust = resolveTrust(input, problems)
  const binds = resolveBinds(input, { mode, trust }, context)
  checkTierUse(
    input,
    mode,
    binds.some(({ bind }) => bind.proxy !== null),
    problems,
  )
  const routes = resolveRoutes(text, child(node, 'routes'), context)
  const ownBackends = [...binds.map(({ bind }) => bind.backend), text.backend]
  const named = [...routes.map(({ backend }) => backend), ...ownBackends].filter((each) => typeof each === 'string')
  const frontend: FrontendConfig = {
    name,
    mode: mode ?? 'http',
    binds: binds.map(({ bind }) => bind),
    maxConnections: text.max_connections ?? defaults.max_connections ?? null,
    accessLog: settleOne(frontendSchema.shape.access_log, text.access_log, defaults.access_log) as boolean,
    timeouts: elbTimeouts(text, settle(frontendTimeouts, text.timeouts, defaults.timeouts)),
    limits: settle(limitOptions, text.limits, defaults.limits),
    priority: settleOne(frontendSchema.shape.priority, text.priority, defaults.priority) as Priority,
    clients: resolveClients(input, problems),
    trust,
    health: resolveHealth(input, [...new Set(named)], mode, problems),
    requests: resolveRequests(input),
    forward: resolveForward(input),
    routes,
    backend: text.backend ?? null,
  }
  return { frontend, binds }
}

function resolveForward({ text, defaults }: FrontendInput): FrontendConfig['forward'] {
  const { xForwarded, via, ...same } = settle(forwardOptions, text.forward, elbForward(text), defaults.forward)
  const mode = xForwarded === true ? 'append' : xForwarded === false ? 'preserve' : xForwarded
  return { ...same, xForwarded: mode, via: via === 'off' ? null : via }
}

/** Options that make no sense together. */
function checkUse(
  { name, text, node, keyPlace: place }: FrontendInput,
  mode: Mode | null,
  { problems }: TlsContext,
): void {
  const routed = node.entries.has('routes') && text.routes?.length !== 0
  const binds = bindForms({ text, node })
  const bound = binds.length > 0 && binds.every((bind) => child(bind.node, 'backend') !== undefined)
  if (!routed && !bound && !['backend', 'health'].some((key) => node.entries.has(key))) {
    problems.add(place, 'MISSING', `${name} has neither a backend nor routes: its requests have nowhere to go`)
  }
  if (mode !== 'tcp') return
  if (node.entries.has('routes')) {
    problems.add(
      keyPlace(node, 'routes'),
      'MODE_CONFLICT',
      `routes need mode http: in tcp mode ${name} sees no requests`,
    )
  }
  for (const key of ['limits', 'forward', 'methods', 'normalize_path', 'never_shed']) {
    if (node.entries.has(key)) problems.add(keyPlace(node, key), 'NO_EFFECT', `${key} does nothing in tcp mode`)
  }
  const clients = child(node, 'clients')
  if (clients?.kind === 'map' && clients.entries.has('request_rate')) {
    const message = 'request_rate does nothing in tcp mode; connection_rate counts'
    problems.add(keyPlace(clients, 'request_rate'), 'NO_EFFECT', message)
  }
  const timeouts = child(node, 'timeouts')
  if (timeouts?.kind !== 'map') return
  for (const key of ['client_header', 'client_idle', 'body_grace', 'keep_alive']) {
    if (timeouts.entries.has(key)) {
      problems.add(
        keyPlace(timeouts, key),
        'NO_EFFECT',
        `${key} does nothing in tcp mode; timeouts.tunnel of the backend counts`,
      )
    }
  }
}

export type BindText = Extract<FrontendText['bind'], { tls?: unknown }>

/** A bind in its long form, with its node; of a short form, that of the address. */
export interface BindForm {
  readonly text: BindText
  readonly node: Node
  readonly addressNode: Node | undefined
}

/** One bind or a list, as a list. */
export function bindForms({ text, node }: Pick<FrontendInput, 'text' | 'node'>): BindForm[] {
  const bindNode = child(node, 'bind')
  if (text.bind === undefined || !bindNode) return []
  const many = Array.isArray(text.bind)
  const forms = (many ? text.bind : [text.bind]) as readonly (BindText | string | number | undefined)[]
  return forms.flatMap((form, i) => {
    const at = many ? child(bindNode, i) : bindNode
    if (form === undefined || !at) return []
    return [
      {
        text: typeof form === 'object' ? form : { address: form },
        node: at,
        addressNode: at.kind === 'map' ? child(at, 'address') : at,
      },
    ]
  })
}

function resolveBinds(
  { name, text, node }: FrontendInput,
  { mode, trust }: { readonly mode: Mode | null; readonly trust: TrustConfig },
  context: TlsContext,
): PlacedBind[] {
  const tlsNode = child(node, 'tls')
  const shared = text.tls !== undefined && tlsNode ? resolveTls(text.tls, tlsNode, mode, context) : null
  const ids = new Set<string>()
  const frontendLayer: ProxyLayer = { text, node }
  return bindForms({ text, node }).flatMap(({ text: long, node: at, addressNode }): PlacedBind[] => {
    const parsed = long.address === undefined ? null : parseBindAddress(long.address)
    const own = long.tls === undefined ? undefined : ownTls(long.tls, child(at, 'tls')!, mode, context)
    if (!parsed || 'expected' in parsed || !addressNode) return []
    const path = parsed.path === null ? null : absolute(parsed.path, addressNode)
    const address = { host: parsed.host, port: parsed.port, path }
    const bind = {
      id: unused(`${name}/${formatAddress(address)}`, ids),
      ...address,
      proxy: resolveProxy(
        [{ text: long, node: at }, frontendLayer],
        { name, unix: path !== null, trust, trustSaid: node.entries.has('trust') },
        context.problems,
      ),
      tls: own === undefined ? shared : own,
      backend: long.backend ?? null,
    }
    return [{ bind, place: addressNode.place }]
  })
}

type BindTlsText = NonNullable<BindText['tls']>

const ownTls = (text: BindTlsText, node: Node, mode: Mode | null, context: TlsContext): TlsConfig | null =>
  text === 'off' ? null : resolveTls(text, node, mode, context)

/** Binds with port 0 may be written twice; each has an id of its own all the same. */
function unused(id: string, ids: Set<string>): string {
  let free = id
  for (let n = 2; ids.has(free); n++) free = `${id}#${n}`
  ids.add(free)
  return free
}

function resolveRoutes({ routes = [] }: FrontendText, node: Node | undefined, { problems }: TlsContext): RouteConfig[] {
  const resolved: RouteConfig[] = []
  for (const [i, route] of routes.entries()) {
    const at = child(node, i)
    if (!route || at?.kind !== 'map') continue
    if (!at.entries.has('host') && !at.entries.has('path')) {
      problems.add(
        at.place,
        'MISSING',
        'A route needs a host or a path; for everything else there is the backend of the frontend',
      )
      continue
    }
    const complete = ['host', 'path', 'backend'].every(
      (key) => !at.entries.has(key) || route[key as keyof typeof route] !== undefined,
    )
    if (!complete || route.backend === undefined) continue
    const next = {
      host: route.host?.toLowerCase() ?? null,
      path: route.path ?? null,
      backend: route.backend,
      priority: route.priority ?? null,
    }
    const before = resolved.findIndex((earlier) => covers(earlier, next))
    if (before >= 0)
      problems.add(
        at.place,
        'UNREACHABLE_ROUTE',
        `An earlier route (to ${resolved[before]!.backend}) matches all that this one would`,
      )
    resolved.push(next)
  }
  return resolved
}

function covers(a: RouteConfig, b: RouteConfig): boolean {
  const host =
    a.host === null ||
    a.host === b.host ||
    (a.host.startsWith('*.') && b.host !== null && b.host.endsWith(a.host.slice(1)))
  if (!host || a.path === null) return host
  if (b.path === null) return a.path === '/'
  return a.path === b.path || b.path.startsWith(a.path.endsWith('/') ? a.path : `${a.path}/`)
}
