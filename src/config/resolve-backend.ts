// A backend as written, over `defaults`, to a BackendConfig: servers with their names and addresses, health check, timeouts.
// Which frontends use it, and so its mode, is found out in resolve.ts.
import type { Mode } from '../model/states.ts'
import { ms, type Millis } from '../model/units.ts'
import { formatAddress, parseServerAddress, type ServerAddress } from './address.ts'
import type { ResolveContext } from './certificate-files.ts'
import type { BackendConfig, HealthCheckConfig, ServerConfig } from './config.ts'
import type { ServerTlsConfig } from './config-tls.ts'
import { absolute } from './files.ts'
import type { Problems } from './problems.ts'
import { parseDuration } from './quantities.ts'
import { adviseBalance, resolveBalance } from './resolve-balance.ts'
import { resolveFailures } from './resolve-failures.ts'
import { resolvePersistence } from './resolve-persistence.ts'
import { resolvePool, tierOf } from './resolve-pool.ts'
import { resolveSendProxy } from './resolve-tiers.ts'
import { resolveServerTls, trustingTls } from './resolve-server-tls.ts'
import { backendSchema, backendTimeouts, checkNumbers, checkSchema, httpOptions } from './schema-backend.ts'
import type { BackendText, DefaultsText } from './schema.ts'
import { settle, settleOne } from './settle.ts'
import { parseStatuses, type StatusRange } from './statuses.ts'
import { child, keyPlace, show, type MapNode, type Node, type Place } from './tree.ts'

type CheckText = Exclude<NonNullable<BackendText['health_check']>, string>
type ServersText = NonNullable<BackendText['servers']>
type ServerText = Exclude<Extract<ServersText, readonly unknown[]>[number], string | undefined>

/** One backend: what is written, where, and what it goes by where nothing is written. */
export interface BackendInput {
  readonly name: string
  readonly text: BackendText
  readonly node: Node
  readonly keyPlace: Place
  readonly defaults: DefaultsText
  readonly defaultsNode: Node | undefined
  /** A frontend that uses it terminates TLS, or nobody uses it. */
  readonly tls: boolean
  /** Clients reach it over TLS alone. */
  readonly tlsAlone: boolean
  /** It is said where this Weir stands. */
  readonly zoned: boolean
}

export function resolveBackend(input: BackendInput, mode: Mode, context: ResolveContext): BackendConfig {
  const { name, text, node, defaults, defaultsNode, tls, tlsAlone } = input
  const { problems } = context
  const check = resolveCheck(text.health_check, defaults.health_check, child(node, 'health_check'), context)
  const servers = resolveServers(input, check.place, context)
  const pool = resolvePool(input, servers, problems)
  const own = child(node, 'balance') !== undefined
  const balance = own
    ? resolveBalance(text.balance, child(node, 'balance'), problems)
    : resolveBalance(defaults.balance, child(defaultsNode, 'balance'), problems)
  const used = pool.subset > 0 ? Math.min(pool.subset, servers.length) : servers.length
  adviseBalance(balance, { name, mode, keyPlace: input.keyPlace, own, servers: used, tls }, problems)
  return {
    name,
    mode,
    balance: balance.config,
    pool,
    slowStart: settleOne(backendSchema.shape.slow_start, text.slow_start, defaults.slow_start) as Millis,
    healthCheck: check.config,
    servers,
    sendProxy: resolveSendProxy(input, mode, problems),
    timeouts: settle(backendTimeouts, text.timeouts, defaults.timeouts),
    ...resolveFailures(input, { mode, servers }, problems),
    persistence: resolvePersistence(
      text.persistence,
      child(node, 'persistence'),
      { name, mode, tls, tlsAlone },
      problems,
    ),
    idleConnections: settle(httpOptions, text.http, defaults.http).idleConnections,
  }
}

/** Where checks go, apart from the server's own address. */
type CheckPlace = Pick<CheckText, 'port' | 'tls'>

const httpOnly = ['method', 'path', 'host', 'expect'] as const

/** A shorthand in its long form; null: off. */
function longForm(text: BackendText['health_check']): CheckText | null | undefined {
  if (typeof text !== 'string') return text
  if (text === 'off') return null
  return text === 'tcp' || text === 'http' ? { type: text } : { type: 'http', path: text }
}

const kindOf = (text: CheckText): 'tcp' | 'http' | undefined =>
  text.type ?? (httpOnly.some((key) => text[key] !== undefined) ? 'http' : undefined)

function resolveCheck(
  written: BackendText['health_check'],
  fallback: BackendText['health_check'],
  node: Node | undefined,
  { problems }: ResolveContext,
): { config: HealthCheckConfig | null; place: CheckPlace } {
  const shared = longForm(fallback)
  const own = longForm(written)
  if (own === null || (own === undefined && shared === null)) return { config: null, place: {} }
  const layers: readonly CheckText[] = [own ?? {}, shared ?? {}]
  const first = <K extends keyof CheckText>(key: K) => layers.find((layer) => layer[key] !== undefined)?.[key]
  const type = layers.map(kindOf).find((each) => each !== undefined) ?? 'tcp'
  if (type === 'tcp' && node?.kind === 'map') {
    for (const key of httpOnly) {
      if (node.entries.has(key)) problems.add(keyPlace(node, key), 'NO_EFFECT', `${key} does nothing in a tcp check`)
    }
  }
  const numbers = settle(checkNumbers, ...layers)
  const fast = first('fast_interval')
  const intervalIsWrong = own?.interval === undefined && child(node, 'interval') !== undefined
  if (own?.fast_interval !== undefined && !intervalIsWrong && parseDuration(own.fast_interval)! > numbers.interval) {
    problems.add(child(node, 'fast_interval')!.place, 'OUT_OF_RANGE', 'fast_interval is longer than interval')
  }
  const { shape } = checkSchema
  const config: HealthCheckConfig = {
    ...numbers,
    fastInterval: ms(Math.min(fast === undefined ? 1000 : parseDuration(fast)!, numbers.interval)),
    http:
      type === 'tcp'
        ? null
        : {
            method: settleOne(shape.method, first('method')) as string,
            path: settleOne(shape.path, first('path')) as string,
            host: first('host') ?? null,
            expect: ranges(settleOne(shape.expect, first('expect')) as NonNullable<CheckText['expect']>),
          },
  }
  return { config, place: { port: first('port'), tls: first('tls') } }
}

function ranges(expect: NonNullable<CheckText['expect']>): StatusRange[] {
  const list = Array.isArray(expect) ? expect : [expect]
  return list.filter((each) => each !== undefined).map((each: string | number) => parseStatuses(each)!)
}

/** A server in its long form, with the node of its address and the one that stands for it as a whole. */
interface ServerInput {
  readonly name: string | undefined
  readonly text: Omit<ServerText, 'name'>
  readonly node: Node
  readonly addressNode: Node
}

function serverInputs(text: ServersText, node: Node): ServerInput[] {
  const one = (
    name: string | undefined,
    server: ServerText | string | undefined,
    at: Node | undefined,
  ): ServerInput[] => {
    if (server === undefined || at === undefined) return []
    if (typeof server === 'string') return [{ name, text: { address: server }, node: at, addressNode: at }]
    const addressNode = child(at, 'address')
    return addressNode ? [{ name: name ?? server.name, text: server, node: at, addressNode }] : []
  }
  if (typeof text === 'string') return one(undefined, text, node)
  if (Array.isArray(text))
    return text.flatMap((server: ServerText | string | undefined, i) => one(undefined, server, child(node, i)))
  const named = text as Readonly<Record<string, ServerText | string | undefined>>
  return Object.entries(named).flatMap(([name, server]) => one(name, server, child(node, name)))
}

function resolveServers(
  { name: backend, text, node, zoned, defaults }: BackendInput,
  check: CheckPlace,
  context: ResolveContext,
): ServerConfig[] {
  const { problems } = context
  const servers: ServerConfig[] = []
  const names = new Set<string>()
  const addresses = new Set<string>()
  const serversNode = child(node, 'servers')
  if (text.servers === undefined || !serversNode) return servers
  const inputs = serverInputs(text.servers, serversNode)
  const perServer = text.max_connections_per_server ?? defaults.max_connections_per_server ?? 0
  for (const input of inputs) {
    const parsed = input.text.address === undefined ? null : parseServerAddress(input.text.address)
    if (parsed === null || 'expected' in parsed) continue
    const path = parsed.path === null ? null : absolute(parsed.path, input.addressNode)
    const target = { host: parsed.host, port: parsed.port, path }
    const address = formatAddress(target)
    const name = input.name ?? address
    if (addresses.has(address)) {
      problems.add(
        input.addressNode.place,
        'DUPLICATE_ADDRESS',
        `Another server of ${backend} has the address ${show(input.addressNode)} too`,
      )
    } else if (names.has(name)) {
      const at = child(input.node, 'name') ?? input.addressNode
      problems.add(at.place, 'DUPLICATE_NAME', `Another server of ${backend} has the name ${show(at)} too`)
    }
    addresses.add(address)
    names.add(name)
    const tls = tlsOf(input, parsed, { text: text.tls, node: child(node, 'tls') }, context)
    servers.push({
      ...target,
      name,
      weight: input.text.weight ?? 1,
      maxConnections: limitOf(input, perServer, text.max_connections ?? 0, problems),
      tier: tierOf(input.text, input.node, problems),
      zone: input.text.zone === undefined ? null : String(input.text.zone),
      tls,
      check: {
        ...target,
        port: path === null ? (input.text.check_port ?? check.port ?? target.port) : 0,
        tls: checkTls(check.tls, tls),
      },
    })
  }
  const placed = zoned ? undefined : inputs.find(({ text: { zone } }) => zone !== undefined)
  if (placed) {
    const message = 'zone does nothing: global.zone does not say where this Weir stands'
    problems.add(keyPlace(placed.node as MapNode, 'zone'), 'NO_EFFECT', message)
  }
  return servers
}

/** Limit of a server: its own, or what the backend says for each. */
function limitOf({ text, node }: ServerInput, perServer: number, total: number, problems: Problems): number {
  const own = text.max_connections
  if (own !== undefined && total > 0 && own > total) {
    const message = `max_connections does nothing: the backend as a whole has no more than ${total}`
    problems.add(keyPlace(node as MapNode, 'max_connections'), 'NO_EFFECT', message)
  }
  return own ?? perServer
}

/** What the address says by its scheme goes before what the backend says, and must agree with what the server says. */
function tlsOf(
  { text, node, addressNode }: ServerInput,
  { tls: scheme }: ServerAddress,
  shared: { text: BackendText['tls']; node: Node | undefined },
  context: ResolveContext,
): ServerTlsConfig | null {
  const tlsNode = child(node, 'tls')
  if (scheme !== null && text.tls !== undefined && scheme !== (text.tls !== false)) {
    const place = tlsNode ? keyPlace(node as MapNode, 'tls') : addressNode.place
    context.problems.add(
      place,
      'BAD_VALUE',
      `tls contradicts the address: it begins with ${scheme ? 'https' : 'http'}://`,
    )
  }
  return resolveServerTls({ text: text.tls ?? scheme ?? undefined, node: tlsNode }, shared, context)
}

function checkTls(said: boolean | undefined, traffic: ServerTlsConfig | null): ServerTlsConfig | null {
  if (said === false) return null
  return said === true ? (traffic ?? trustingTls) : traffic
}
