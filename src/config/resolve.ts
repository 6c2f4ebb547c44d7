// The whole configuration from what is written: sections resolved one by one, then what can only be seen from above:
// which backends are used and in which mode, which binds are in each other's way.
import { isIP } from 'node:net'
import { resolve as resolvePath } from 'node:path'
import { formatAddress } from './address.ts'
import type { Config, FrontendConfig, GlobalConfig } from './config.ts'
import { findCookieClashes } from './cookie-clashes.ts'
import { adviseElb } from './elb.ts'
import { resolveBackend } from './resolve-backend.ts'
import { resolveBalance } from './resolve-balance.ts'
import { resolveFrontend, type FrontendInput, type PlacedBind } from './resolve-frontend.ts'
import { resolveGlobal } from './resolve-global.ts'
import { checkHealth } from './resolve-tiers.ts'
import type { ResolveContext } from './certificate-files.ts'
import { checkChallenges, resolveAcme } from './resolve-acme.ts'
import type { TlsContext } from './resolve-tls.ts'
import type { ConfigText } from './schema.ts'
import { child, keyPlace, type Entry, type MapNode, type Node } from './tree.ts'
import { backendMode, findUses } from './uses.ts'

/** @returns the configuration, of use only when no error was reported */
export function resolveConfig(text: ConfigText, root: MapNode, { problems, now }: ResolveContext): Config {
  const defaults = text.defaults ?? {}
  const acmeNode = child(root, 'acme')
  const context: TlsContext = {
    problems,
    now,
    acme: acmeNode === undefined ? null : { dns: child(acmeNode, 'dns') !== undefined },
    orders: [],
  }
  const global = resolveGlobal(text.global ?? {}, child(root, 'global'), root, problems)
  const inputs = entriesOf(child(root, 'frontends')).flatMap(({ key, value, keyPlace: place }): FrontendInput[] => {
    const frontend = text.frontends?.[key]
    return frontend && value.kind === 'map'
      ? [{ name: key, text: frontend, node: value, keyPlace: place, defaults }]
      : []
  })
  const resolved = inputs.map((input) => resolveFrontend(input, context))
  findBindConflicts(
    resolved.flatMap(({ binds }) => binds),
    global,
    context,
  )

  const backendEntries = entriesOf(child(root, 'backends'))
  const { uses, complete } = findUses(inputs, backendEntries, text.backends, problems)
  const tlsUses = terminating(inputs, resolved)
  const tlsAlone = new Set(
    resolved.filter(({ binds }) => binds.every(({ bind }) => bind.tls !== null)).map(({ frontend }) => frontend.name),
  )
  const zone = child(child(root, 'global'), 'zone')
  const defaultsNode = child(root, 'defaults')
  resolveBalance(defaults.balance, child(defaultsNode, 'balance'), problems) // for what is wrong, whoever uses it
  const backends = backendEntries.flatMap((entry) => {
    const { key: name, value: node, keyPlace: place } = entry
    const backend = text.backends?.[name]
    if (!backend || node.kind !== 'map') return []
    const own = uses.get(name) ?? []
    if (own.length === 0 && complete) problems.add(place, 'UNUSED_BACKEND', `No frontend uses the backend ${name}`)
    const mode = backendMode(entry, backend.mode, own, problems) ?? defaults.mode ?? 'http'
    const tls = own.length === 0 || own.some(({ frontend, passed }) => !passed && tlsUses.has(frontend))
    const clients = { tls, tlsAlone: own.length > 0 && own.every(({ frontend }) => tlsAlone.has(frontend)) }
    const layers = { text: backend, node, defaults, defaultsNode }
    return [resolveBackend({ name, keyPlace: place, ...layers, ...clients, zoned: zone !== undefined }, mode, context)]
  })
  findCookieClashes(backends, backendEntries, uses, problems)
  const nodes = new Map(backendEntries.map(({ key, value }) => [key, [value, defaultsNode]]))
  const lameDuckSaid = child(child(root, 'global'), 'lame_duck') !== undefined
  for (const [i, input] of inputs.entries()) {
    const { frontend } = resolved[i]!
    checkHealth(input, backends, problems)
    adviseElb({ ...input, frontend }, { backends, nodesOf: (name) => nodes.get(name) ?? [], lameDuckSaid }, problems)
  }
  if (zone && global.zone !== null && !backends.some(({ servers }) => servers.some((server) => server.zone !== null)))
    problems.add(zone.place, 'NO_EFFECT', 'zone does nothing: no server says where it stands')
  const frontends = resolved.map(({ frontend }) => frontend)
  const acme = resolveAcme(text.acme, acmeNode, problems)
  checkChallenges(context.orders, frontends, problems)
  if (acmeNode && context.orders.length === 0 && !problems.failed) {
    const message =
      'acme does nothing: no bind has a certificate that is ordered, as in "certificate: {acme: www.example.com}"'
    problems.add(keyPlace(root, 'acme'), 'NO_EFFECT', message)
  }
  return { global, frontends, backends, acme }
}

/** Names of the frontends that have TLS on a bind, or mean to. */
function terminating(
  inputs: readonly FrontendInput[],
  resolved: readonly { readonly frontend: FrontendConfig }[],
): ReadonlySet<string> {
  const names = inputs.filter(
    ({ text }, i) => text.tls !== undefined || resolved[i]!.frontend.binds.some(({ tls }) => tls !== null),
  )
  return new Set(names.map(({ name }) => name))
}

const entriesOf = (node: Node | undefined): Entry[] => (node?.kind === 'map' ? [...node.entries.values()] : [])

function findBindConflicts(binds: readonly PlacedBind[], global: GlobalConfig, { problems }: TlsContext): void {
  const { admin, controlSocket, haproxySocket } = global
  const taken: { host: string | null; port: number; path: string | null; by: string }[] = [
    { host: null, port: 0, path: controlSocket, by: 'global.control_socket' },
    { host: null, port: 0, path: haproxySocket, by: 'global.haproxy_socket' },
  ]
  if (admin && !admin.byDefault) taken.push({ ...admin, path: null, by: 'global.admin' })
  for (const { bind, place } of binds) {
    const other = taken.find((each) => inTheWay(each, bind))
    if (other) {
      problems.add(
        place,
        'BIND_CONFLICT',
        `${formatAddress(bind)} is taken by ${other.by}, which listens on ${formatAddress(other)}`,
      )
    }
    taken.push({ ...bind, by: `frontend ${bind.id.slice(0, bind.id.indexOf('/'))}` })
  }
}

type Address = Pick<PlacedBind['bind'], 'host' | 'port' | 'path'>

/** One path, or one port on addresses that overlap: '::' is all of both families, '0.0.0.0' all of IPv4. */
function inTheWay(a: Address, b: Address): boolean {
  if (a.host === null || b.host === null)
    return a.path !== null && b.path !== null && resolvePath(a.path) === resolvePath(b.path)
  if (a.port === 0 || a.port !== b.port) return false
  if (a.host === b.host || a.host === '::' || b.host === '::') return true
  return (a.host === '0.0.0.0' || b.host === '0.0.0.0') && isIP(a.host) === isIP(b.host)
}
