// The whole configuration from what is written: sections resolved one by one, then what can only be seen from above:
// which backends are used and in which mode, which binds are in each other's way.
import { isIP } from 'node:net'
import { resolve as resolvePath } from 'node:path'
import { formatAddress, isLoopback, parseBindAddress } from './address.ts'
import type { AccessLogConfig, Config, FrontendConfig, GlobalConfig } from './config.ts'
import { findCookieClashes } from './cookie-clashes.ts'
import { absolute } from './files.ts'
import { resolveBackend } from './resolve-backend.ts'
import { resolveBalance } from './resolve-balance.ts'
import { resolveFrontend, type FrontendInput, type PlacedBind } from './resolve-frontend.ts'
import type { TlsContext } from './resolve-tls.ts'
import { globalSchema, logOptions, overloadOptions } from './schema-global.ts'
import type { ConfigText, GlobalText } from './schema.ts'
import { settle, settleOne } from './settle.ts'
import { child, show, type Entry, type MapNode, type Node } from './tree.ts'
import { backendMode, findUses } from './uses.ts'

/** @returns the configuration, of use only when no error was reported */
export function resolveConfig(text: ConfigText, root: MapNode, context: TlsContext): Config {
  const defaults = text.defaults ?? {}
  const global = resolveGlobal(text.global ?? {}, child(root, 'global'), root, context)
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
  const { problems } = context
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
    const tls = own.length === 0 || own.some(({ frontend }) => tlsUses.has(frontend))
    const clients = { tls, tlsAlone: own.length > 0 && own.every(({ frontend }) => tlsAlone.has(frontend)) }
    const layers = { text: backend, node, defaults, defaultsNode }
    return [resolveBackend({ name, keyPlace: place, ...layers, ...clients, zoned: zone !== undefined }, mode, context)]
  })
  findCookieClashes(backends, backendEntries, uses, problems)
  if (zone && global.zone !== null && !backends.some(({ servers }) => servers.some((server) => server.zone !== null)))
    problems.add(zone.place, 'NO_EFFECT', 'zone does nothing: no server says where it stands')
  return { global, frontends: resolved.map(({ frontend }) => frontend), backends }
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

function resolveGlobal(
  text: GlobalText,
  node: Node | undefined,
  root: MapNode,
  { problems }: TlsContext,
): GlobalConfig {
  const { shape } = globalSchema
  const file = (path: string, key: string): string => {
    const at = key.split('.').reduce<Node | undefined>((from, step) => child(from, step), node) ?? root
    return absolute(path, at)
  }
  const log = settle(logOptions, text.log)
  const socket = settleOne(shape.control_socket, text.control_socket) as string
  const adminText = settleOne(shape.admin, text.admin) as string | number
  const admin = typeof adminText === 'number' || /^\d+$/.test(adminText) ? `127.0.0.1:${adminText}` : adminText
  const parsed = admin === 'off' ? null : parseBindAddress(admin)
  if (parsed && !('expected' in parsed) && (parsed.host === null || !isLoopback(parsed.host))) {
    const at = child(node, 'admin') ?? root
    const message = `Cannot serve admin at ${show(at)}: it has no access control yet, so only a loopback address such as "127.0.0.1:9180" is allowed`
    problems.add(at.place, 'BAD_ADDRESS', message)
  }
  return {
    workers: settleOne(shape.workers, text.workers) as number | 'auto',
    maxConnections: settleOne(shape.max_connections, text.max_connections) as number | 'auto',
    overload: settle(overloadOptions, text.overload),
    sources: settleOne(shape.sources, text.sources) as number,
    zone: text.zone === undefined ? null : String(text.zone),
    shutdownTimeout: settleOne(shape.shutdown_timeout, text.shutdown_timeout) as GlobalConfig['shutdownTimeout'],
    admin:
      parsed && 'host' in parsed && parsed.host !== null
        ? { host: parsed.host, port: parsed.port, byDefault: text.admin === undefined }
        : null,
    controlSocket:
      socket === 'off' ? null : socket === 'auto' ? 'auto' : file(socket.replace(/^unix:/, ''), 'control_socket'),
    log: {
      ...log,
      target: log.target === 'stderr' || log.target === 'stdout' ? log.target : file(log.target, 'log.target'),
    },
    accessLog: accessLog(text.access_log, (path, key) => file(path, key)),
  }
}

function accessLog(
  text: GlobalText['access_log'],
  file: (path: string, key: string) => string,
): AccessLogConfig | null {
  if (text === undefined || text === 'off') return null
  const long = typeof text === 'string' ? { target: text } : text
  if (long.target === undefined) return null
  const key = typeof text === 'string' ? 'access_log' : 'access_log.target'
  return { format: long.format ?? 'json', target: long.target === 'stdout' ? 'stdout' : file(long.target, key) }
}

function findBindConflicts(binds: readonly PlacedBind[], { admin }: GlobalConfig, { problems }: TlsContext): void {
  const taken: { host: string | null; port: number; path: string | null; by: string }[] = []
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
