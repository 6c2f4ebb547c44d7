// The `global` section as written to a GlobalConfig: paths made absolute, and sockets that are in each other's way.
import { isLoopback, parseBindAddress } from './address.ts'
import type { AccessLogConfig, GlobalConfig, TicketKeysConfig } from './config.ts'
import { absolute, readNamedFile } from './files.ts'
import type { Problems } from './problems.ts'
import { globalSchema, logOptions, overloadOptions, ticketKeysSchema } from './schema-global.ts'
import type { GlobalText } from './schema.ts'
import { readTicketKeys, ticketKeyBytes } from './secrets.ts'
import { settle, settleOne } from './settle.ts'
import { child, keyPlace, show, type MapNode, type Node } from './tree.ts'

/** The absolute path of one that is written under this key, 'log.target' for one in a map. */
type FileOf = (path: string, key: string) => string

export function resolveGlobal(
  text: GlobalText,
  node: Node | undefined,
  root: MapNode,
  problems: Problems,
): GlobalConfig {
  const { shape } = globalSchema
  const file: FileOf = (path, key) =>
    absolute(path, key.split('.').reduce<Node | undefined>((from, step) => child(from, step), node) ?? root)
  const log = settle(logOptions, text.log)
  return {
    workers: settleOne(shape.workers, text.workers) as number | 'auto',
    maxConnections: settleOne(shape.max_connections, text.max_connections) as number | 'auto',
    overload: settle(overloadOptions, text.overload),
    sources: settleOne(shape.sources, text.sources) as number,
    zone: text.zone === undefined ? null : String(text.zone),
    shutdownTimeout: settleOne(shape.shutdown_timeout, text.shutdown_timeout) as GlobalConfig['shutdownTimeout'],
    lameDuck: settleOne(shape.lame_duck, text.lame_duck) as GlobalConfig['lameDuck'],
    admin: admin(text, child(node, 'admin') ?? root, problems),
    ...sockets(text, node, file, problems),
    certificateStore: text.certificate_store === undefined ? null : file(text.certificate_store, 'certificate_store'),
    ticketKeys: ticketKeys(text.ticket_keys, child(node, 'ticket_keys'), problems),
    watch: settleOne(shape.watch, text.watch) as boolean,
    log: {
      ...log,
      target: log.target === 'stderr' || log.target === 'stdout' ? log.target : file(log.target, 'log.target'),
    },
    accessLog: accessLog(text.access_log, file),
  }
}

function admin(text: GlobalText, at: Node, problems: Problems): GlobalConfig['admin'] {
  const written = settleOne(globalSchema.shape.admin, text.admin) as string | number
  const address = typeof written === 'number' || /^\d+$/.test(written) ? `127.0.0.1:${written}` : written
  const parsed = address === 'off' ? null : parseBindAddress(address)
  if (parsed === null || 'expected' in parsed) return null
  if (parsed.host === null || !isLoopback(parsed.host)) {
    const message = `Cannot serve admin at ${show(at)}: it has no access control yet, so only a loopback address such as "127.0.0.1:9180" is allowed`
    problems.add(at.place, 'BAD_ADDRESS', message)
  }
  return parsed.host === null ? null : { host: parsed.host, port: parsed.port, byDefault: text.admin === undefined }
}

type Sockets = Pick<GlobalConfig, 'controlSocket' | 'haproxySocket' | 'controlGroup'>

function sockets(text: GlobalText, node: Node | undefined, file: FileOf, problems: Problems): Sockets {
  const { shape } = globalSchema
  const pathOf = (written: string, key: string): string | null =>
    written === 'off' ? null : file(written.replace(/^unix:/, ''), key)
  const control = settleOne(shape.control_socket, text.control_socket) as string
  const controlSocket = control === 'auto' ? 'auto' : pathOf(control, 'control_socket')
  const haproxySocket = pathOf(settleOne(shape.haproxy_socket, text.haproxy_socket) as string, 'haproxy_socket')
  if (haproxySocket !== null && haproxySocket === controlSocket) {
    const message = 'haproxy_socket and control_socket cannot be one: they speak different languages'
    problems.add(child(node, 'haproxy_socket')!.place, 'BIND_CONFLICT', message)
  }
  const group = text.control_group
  if (group !== undefined && controlSocket === null && haproxySocket === null) {
    const message = 'control_group does nothing: control_socket and haproxy_socket are off'
    problems.add(keyPlace(node as MapNode, 'control_group'), 'NO_EFFECT', message)
  }
  const controlGroup = group === undefined ? null : /^\d+$/.test(String(group)) ? Number(group) : group
  return { controlSocket, haproxySocket, controlGroup }
}

function ticketKeys(
  text: GlobalText['ticket_keys'],
  node: Node | undefined,
  problems: Problems,
): GlobalConfig['ticketKeys'] {
  const long = typeof text === 'object' ? text : { file: text }
  const at = node?.kind === 'map' ? child(node, 'file') : node
  const rotation = settleOne(ticketKeysSchema.shape.rotation, long.rotation) as TicketKeysConfig['rotation']
  if (long.file === undefined || !at) return { file: null, rotation }
  const read = readNamedFile(long.file, at, problems)
  const keys = read === null ? null : readTicketKeys(read)
  if (typeof keys === 'string') {
    const message = `Cannot use ${show(at)}: expected lines of ${ticketKeyBytes} bytes in base64 each, but ${keys}`
    problems.add(at.place, 'BAD_SECRET', message)
  }
  if (node?.kind === 'map' && node.entries.has('rotation')) {
    const message = 'rotation does nothing with a file of keys: they change when the file does'
    problems.add(keyPlace(node, 'rotation'), 'NO_EFFECT', message)
  }
  return { file: absolute(long.file, at), rotation }
}

function accessLog(text: GlobalText['access_log'], file: FileOf): AccessLogConfig | null {
  if (text === undefined || text === 'off') return null
  const long = typeof text === 'string' ? { target: text } : text
  if (long.target === undefined) return null
  const key = typeof text === 'string' ? 'access_log' : 'access_log.target'
  return { format: long.format ?? 'json', target: long.target === 'stdout' ? 'stdout' : file(long.target, key) }
}
