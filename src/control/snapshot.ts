// The configuration as workers get it: Config to Snapshot. Pure, given the table of slots and the secret of the process:
// numbers in place of names, limits filled in, nothing that a worker does not need (health checks stay here).
import type { BackendConfig, BindConfig, Config, CookieConfig, FrontendConfig, ServerConfig } from '../config/config.ts'
import { deepFreeze } from '../config/freeze.ts'
import { ms } from '../model/units.ts'
import type { BackendSpec, BindSpec, CookieSpec, FrontendSpec, ServerSpec, Snapshot } from '../messages/snapshot.ts'

/** How many rows of each kind the scoreboard has. */
export interface SlotLimits {
  readonly frontends: number
  readonly backends: number
  readonly servers: number
}

type Kind = keyof SlotLimits

/**
 * Gives frontends, backends and servers their rows of the scoreboard, by name, and keeps them: a name has the same
 * slot in every snapshot, so that its counters and its health outlive a reload. Rows of what is gone are not given
 * away, because workers may still be finishing requests that count on them.
 */
export class SlotTable {
  readonly #limits: SlotLimits
  readonly #slots: Readonly<Record<Kind, Map<string, number>>> = {
    frontends: new Map(),
    backends: new Map(),
    servers: new Map(),
  }

  constructor(limits: SlotLimits) {
    this.#limits = limits
  }

  frontend(name: string): number {
    return this.#slot('frontends', name)
  }

  backend(name: string): number {
    return this.#slot('backends', name)
  }

  server(backend: string, name: string): number {
    return this.#slot('servers', `${backend}/${name}`)
  }

  /** @throws when the scoreboard has no row left: a restart with a larger one is needed */
  #slot(kind: Kind, name: string): number {
    const slots = this.#slots[kind]
    const known = slots.get(name)
    if (known !== undefined) return known
    const next = slots.size
    if (next >= this.#limits[kind])
      throw new Error(`the scoreboard has no room for more than ${next} ${kind}: restart to make room`)
    slots.set(name, next)
    return next
  }
}

export interface SnapshotContext {
  readonly slots: SlotTable
  readonly version: number
  /** What `auto` comes to: connections from clients that the limit of open files allows. */
  readonly maxConnections: number
  /** Of this machine, for the choice of a subset: other machines choose others. */
  readonly instance: number
  /** 48 secret bytes (crypto.randomBytes), made once in the life of the process. */
  readonly ticketKeys: Uint8Array
}

/** Deep-frozen, except for the bytes of the ticket keys. */
export function createSnapshot(config: Config, context: SnapshotContext): Snapshot {
  const { global } = config
  const maxConnections = global.maxConnections === 'auto' ? context.maxConnections : global.maxConnections
  const indexes = new Map(config.backends.map(({ name }, i) => [name, i]))
  return deepFreeze({
    version: context.version,
    maxConnections,
    shutdownTimeout: global.shutdownTimeout,
    lameDuck: ms(0),
    overload: global.overload,
    accessLog: global.accessLog,
    frontends: config.frontends.map((frontend) => frontendSpec(frontend, { ...context, maxConnections, indexes })),
    backends: config.backends.map((backend) => backendSpec(backend, { ...context, zone: global.zone, indexes })),
  })
}

type FrontendContext = SnapshotContext & { readonly indexes: ReadonlyMap<string, number> }

function frontendSpec(frontend: FrontendConfig, context: FrontendContext): FrontendSpec {
  const { name, mode, accessLog, timeouts, limits, clients, requests, priority, forward } = frontend
  const index = (backend: string): number => context.indexes.get(backend) ?? -1
  return {
    slot: context.slots.frontend(name),
    name,
    mode,
    binds: frontend.binds.map((bind) => bindSpec(bind, context.ticketKeys)),
    maxConnections: frontend.maxConnections ?? context.maxConnections,
    accessLog,
    timeouts,
    limits,
    clients,
    trust: { networks: [], field: 'x-forwarded-for' },
    health: null,
    requests,
    priority,
    forward: { ...forward, xForwarded: forward.xForwarded ? 'append' : 'preserve' },
    routes: frontend.routes.map((route) => ({ ...route, backend: index(route.backend) })),
    backend: frontend.backend === null ? -1 : index(frontend.backend),
  }
}

const bindSpec = (bind: BindConfig, ticketKeys: Uint8Array): BindSpec => ({
  ...bind,
  proxy: null,
  tls: bind.tls === null ? null : { ...bind.tls, ticketKeys },
})

type BackendContext = FrontendContext & { readonly zone: string | null }

function backendSpec(backend: BackendConfig, context: BackendContext): BackendSpec {
  const { slots, zone, instance, indexes } = context
  const { name, mode, balance, pool, slowStart, timeouts, idleConnections } = backend
  const { maxConnections, queue, retries, retry, ejection, breaker, persistence } = backend
  return {
    slot: slots.backend(name),
    name,
    mode,
    balance,
    rules: { ...pool, zone, instance },
    sendProxy: null,
    slowStart,
    servers: backend.servers.map((server) => serverSpec(server, slots.server(name, server.name))),
    timeouts,
    maxConnections,
    queue,
    retries,
    retry,
    ejection,
    breaker: breaker && {
      ...breaker,
      fallback: breaker.fallback === null ? -1 : (indexes.get(breaker.fallback) ?? -1),
    },
    persistence: persistence && { ...persistence, cookie: persistence.cookie && cookieSpec(persistence.cookie) },
    idleConnections,
  }
}

const cookieSpec = ({ httponly, samesite, ...same }: CookieConfig): CookieSpec => ({
  ...same,
  httpOnly: httponly,
  sameSite: samesite,
})

const serverSpec = (server: ServerConfig, slot: number): ServerSpec => {
  const { name, host, port, path, weight, maxConnections, tier, zone, tls } = server
  return { slot, name, host, port, path, weight, maxConnections, tier, zone, tls }
}
