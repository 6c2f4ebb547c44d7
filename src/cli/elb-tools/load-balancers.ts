// Load balancers and instances, as the tools of Elastic Load Balancing know them, in a running Weir: a load balancer is a
// frontend, its instances are the servers of its default backend. An instance is called by the name of its server, or by its
// address.
import { hostname } from 'node:os'
import type { BackendStatus, FrontendStatus, ServerStatus, Status } from '../../control/admin/status.ts'
import type { Config } from '../../config/config.ts'
import { textOf, ToolError, type Arguments } from './arguments.ts'
import type { ToolCall } from './tool.ts'

export interface LoadBalancer {
  readonly name: string
  /** That clients use, as far as Weir can tell. */
  readonly dnsName: string
  readonly frontend: FrontendStatus
  /** Null: it has no default backend, so no instances. */
  readonly backend: BackendStatus | null
  /** When its Weir was started, ISO 8601: it keeps no other date. */
  readonly createdAt: string
}

/** What is known of the servers of a backend when nothing else is: where one goes that has an address without port. */
type ConfiguredFrontend = Pick<Config['frontends'][number], 'name' | 'backend' | 'binds' | 'routes'>

export async function loadBalancers({ ask }: Pick<ToolCall, 'ask'>): Promise<readonly LoadBalancer[]> {
  const status = (await ask({ method: 'GET', path: '/v1/status' })) as Status
  const { frontends } = (await ask({ method: 'GET', path: '/v1/config' })) as {
    frontends: readonly ConfiguredFrontend[]
  }
  const configured = new Map(frontends.map((each) => [each.name, each]))
  const startedAt = new Date(Date.now() - status.uptime * 1000)
  startedAt.setMilliseconds(0)
  return status.frontends.map((frontend) => {
    const backend = defaultBackend(configured.get(frontend.name))
    return {
      name: frontend.name,
      dnsName: dnsNameOf(frontend),
      frontend,
      backend: status.backends.find(({ name }) => name === backend) ?? null,
      createdAt: startedAt.toISOString(),
    }
  })
}

/** @throws ToolError when there is none of that name */
export async function loadBalancer(call: Pick<ToolCall, 'ask'>, name: string): Promise<LoadBalancer> {
  const all = await loadBalancers(call)
  const found = all.find((each) => each.name === name)
  if (found !== undefined) return found
  throw new ToolError(`There is no ACTIVE Load Balancer named '${name}'`)
}

/** With its backend. @throws ToolError */
export async function farmOf(call: ToolCall): Promise<LoadBalancer & { readonly backend: BackendStatus }> {
  const found = await loadBalancer(call, nameIn(call))
  const { backend } = found
  if (backend === null) throw new ToolError(`${found.name} has no default backend, so that it has no instances`)
  return { ...found, backend }
}

/** The load balancer that is meant: the only word, or --lb. @throws ToolError */
export function nameIn(given: Arguments): string {
  const names = [...given.words, ...[textOf(given, 'lb')].filter((name) => name !== null)]
  if (names.length === 0) throw new ToolError('which load balancer? Its name is missing')
  if (names.length > 1) throw new ToolError(`one load balancer at a time: what is "${names[1]}"?`)
  return names[0]!
}

/** @returns null where no server has that name or address */
export const instanceOf = ({ servers }: BackendStatus, id: string): ServerStatus | null =>
  servers.find(({ name }) => name === id) ??
  servers.find(({ address }) => address === id || address.replace(/:\d+$/, '') === id) ??
  null

/** The one that takes what no rule sends elsewhere. */
function defaultBackend(frontend: ConfiguredFrontend | undefined): string | null {
  if (frontend === undefined) return null
  return (
    frontend.backend ??
    frontend.binds.find(({ backend }) => backend !== null)?.backend ??
    (frontend.routes.length === 1 ? frontend.routes[0]!.backend : null)
  )
}

/** The address that it listens on, or the name of this machine where that is all of them. */
function dnsNameOf({ binds }: FrontendStatus): string {
  const host = binds.map(({ address }) => /^(.*):\d+$/.exec(address)?.[1]).find((each) => each !== undefined)
  return host === undefined || ['0.0.0.0', '[::]', '::', '*'].includes(host) ? hostname() : host
}
