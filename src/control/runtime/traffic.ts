// What can be done to traffic rather than to a server: frontends that pause, connections that are closed, all servers of a
// backend at once. And the connections and sessions that there are, to be looked at before.
import { nearestNetwork, parseNetwork } from '../../config/network.ts'
import type { ConnectionInfo, ConnectionMatch } from '../../messages/messages.ts'
import type { AdminState } from '../../model/states.ts'
import { loadOf, sessionsOf, whenEmpty } from './load.ts'
import { findBackend, findFrontend, findServer, RequestProblem } from './problem.ts'
import type { Runtime } from './runtime.ts'
import { answerOf, type ServerAnswer } from './servers.ts'
import type { Who } from './who.ts'

/** A paused frontend takes no new connection: they wait for as long as parking lets them, and are then refused. */
export function pauseFrontend(runtime: Runtime, frontend: string, paused: boolean, who: Who) {
  const { slot } = findFrontend(runtime.view.snapshot, frontend)
  if (paused) runtime.mark([{ field: 'paused', frontend, value: true, configured: false }], who)
  else runtime.unmark((each) => each.field === 'paused' && each.frontend === frontend)
  runtime.report(who, `frontend ${frontend} ${paused ? 'paused' : 'resumed'}`, { frontend, paused })
  return { frontend, paused, connections: runtime.view.board.shared.frontend.connections[slot]! }
}

/** All servers of a backend; one line of the log for all of them. @param wait ms to wait until they are empty */
export async function setBackendAdmin(
  runtime: Runtime,
  backend: string,
  { admin, wait = 0 }: { readonly admin: AdminState; readonly wait?: number },
  who: Who,
): Promise<{ readonly backend: string; readonly servers: readonly ServerAnswer[] }> {
  const spec = findBackend(runtime.view.snapshot, backend)
  if (admin === 'ready') {
    runtime.unmark((each) => each.field === 'admin' && each.backend === backend)
    for (const { slot } of spec.servers) runtime.operator.balance.setAdmin(slot, 'ready')
  } else {
    const all = spec.servers.map(({ name: server }) => ({ field: 'admin', backend, server, value: admin }) as const)
    runtime.mark(
      all.map((each) => ({ ...each, configured: 'ready' })),
      who,
    )
  }
  runtime.report(who, `backend ${backend}: all ${spec.servers.length} servers -> ${admin}`, { backend, to: admin })
  const found = spec.servers.map((server) => ({ backend: spec, server }))
  if (admin !== 'ready' && wait > 0) await Promise.all(found.map((each) => whenEmpty(runtime.operator, each, wait)))
  return { backend, servers: found.map((each) => answerOf(runtime, each)) }
}

/** As an operator says which connections he means; what is left out is any. */
export interface ConnectionWish {
  readonly frontend?: string
  /** 'app/s1'. */
  readonly server?: string
  /** 'address/bits' or an address. */
  readonly from?: string
}

export interface ShownConnection extends Omit<ConnectionInfo, 'server'> {
  readonly worker: number
  /** 'app/s1', or null. */
  readonly server: string | null
}

export async function showConnections(runtime: Runtime, wish: ConnectionWish) {
  const { snapshot } = runtime.view
  const names = new Map(
    snapshot.backends.flatMap(({ name, servers }) =>
      servers.map((server) => [server.slot, `${name}/${server.name}`] as const),
    ),
  )
  const { found, list } = await askWorkers(runtime, wish, false)
  const shown = list.map((each): ShownConnection => ({
    ...each,
    server: each.server < 0 ? null : (names.get(each.server) ?? 'gone'),
  }))
  return { found, connections: shown.toSorted((a, b) => a.frontend.localeCompare(b.frontend) || a.worker - b.worker) }
}

/** Closes them now, whatever is under way on them. At least one thing has to be said of them. */
export async function killConnections(runtime: Runtime, wish: ConnectionWish, who: Who) {
  const said = Object.entries(wish).filter(([, value]) => value !== undefined)
  if (said.length === 0)
    throw new RequestProblem(422, 'which connections?', 'a frontend, a server, or the network they come from')
  const { found: closed } = await askWorkers(runtime, wish, true)
  const words = said.map(([key, value]) => `${key} ${value}`).join(', ')
  runtime.report(who, `${closed} ${closed === 1 ? 'connection' : 'connections'} closed (${words})`, { closed, ...wish })
  return { closed }
}

function askWorkers({ view, operator }: Runtime, { frontend, server, from }: ConnectionWish, close: boolean) {
  const { connections } = operator
  if (connections === null) throw new RequestProblem(501, 'this Weir cannot look at its connections')
  const at = server?.indexOf('/') ?? -1
  if (server !== undefined && at < 1) throw new RequestProblem(422, `"${server}" is no server`, 'BACKEND/SERVER')
  const match: ConnectionMatch = {
    frontend: frontend === undefined ? null : findFrontend(view.snapshot, frontend).slot,
    server:
      server === undefined ? null : findServer(view.snapshot, server.slice(0, at), server.slice(at + 1)).server.slot,
    networks: from === undefined ? null : [requireNetwork(from)],
  }
  return connections(match, close)
}

function requireNetwork(written: string): string {
  const parsed = parseNetwork(written)
  if ('text' in parsed) return parsed.text
  const expected = parsed.expected.replace(/^expected /, '')
  throw new RequestProblem(422, `"${written}" is no network`, expected, nearestNetwork(written))
}

/** How many sessions belong to each server; only tables can be counted. */
export function showSessions({ view, operator }: Runtime) {
  return view.snapshot.backends.flatMap((backend) => {
    const { persistence, servers, name } = backend
    if (persistence === null) return []
    const by = persistence.table === null ? `cookie ${persistence.cookie!.name}` : 'table'
    const counts = sessionsOf(operator, backend)
    return servers.map((server) => ({
      backend: name,
      server: server.name,
      by,
      sessions: counts?.get(server.slot) ?? null,
      inflight: loadOf(operator, { backend, server }).inflight,
    }))
  })
}
