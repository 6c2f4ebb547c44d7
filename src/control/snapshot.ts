// The configuration as workers get it: Config to Snapshot. Pure, given the table of slots and the secret of the process:
// numbers in place of names, limits filled in, nothing that a worker does not need (health checks stay here).
import type { BackendConfig, BindConfig, Config, CookieConfig, FrontendConfig, ServerConfig } from '../config/config.ts'
import type { TlsConfig } from '../config/config-tls.ts'
import { deepFreeze } from '../config/freeze.ts'
import type { BackendSpec, BindSpec, CookieSpec, FrontendSpec, ServerSpec, Snapshot } from '../messages/snapshot.ts'
import type { TlsSpec } from '../messages/tls.ts'
import { guardIdentity } from './identity-guard.ts'

/** How many rows of each kind the scoreboard has. */
export interface SlotLimits {
  readonly frontends: number
  readonly backends: number
  readonly servers: number
}

type Kind = keyof SlotLimits

/** Rows that may be given to others, once there are no new ones. */
export interface Reuse {
  /** Nobody counts on it any more. */
  isIdle(kind: Kind, slot: number): boolean
  /** It begins anew. */
  clear(kind: Kind, slot: number): void
}

/**
 * Gives frontends, backends and servers their rows of the scoreboard, by name, and keeps them: a name has the same
 * slot in every snapshot, so that its counters and its health outlive a reload. Only when there is no row left, that of a
 * name that is gone is given away, and not while workers are still finishing requests that count on it.
 */
export class SlotTable {
  readonly #limits: SlotLimits
  readonly #reuse: () => Reuse | null
  readonly #slots: Readonly<Record<Kind, Map<string, number>>> = {
    frontends: new Map(),
    backends: new Map(),
    servers: new Map(),
  }
  /** Names of the configuration that runs, and of the one that is being numbered. */
  #running = namesOf(null)
  #wanted = namesOf(null)

  constructor(limits: SlotLimits, reuse: () => Reuse | null = () => null) {
    this.#limits = limits
    this.#reuse = reuse
  }

  /** This configuration is about to be numbered. */
  begin(config: Config): void {
    this.#wanted = namesOf(config)
  }

  /** The configuration that was numbered last is the one that runs. */
  installed(config: Config): void {
    this.#running = namesOf(config)
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
    const next = slots.size < this.#limits[kind] ? slots.size : this.#takeOver(kind)
    if (next === null) {
      throw new Error(`the scoreboard has no room for more than ${slots.size} ${kind}: restart to make room`)
    }
    slots.set(name, next)
    return next
  }

  /** The row of one that is gone, the one gone for longest first. */
  #takeOver(kind: Kind): number | null {
    const reuse = this.#reuse()
    if (reuse === null) return null
    for (const [name, slot] of this.#slots[kind]) {
      if (this.#running[kind].has(name) || this.#wanted[kind].has(name) || !reuse.isIdle(kind, slot)) continue
      this.#slots[kind].delete(name)
      reuse.clear(kind, slot)
      return slot
    }
    return null
  }
}

function namesOf(config: Config | null): Readonly<Record<Kind, ReadonlySet<string>>> {
  const { frontends = [], backends = [] } = config ?? {}
  return {
    frontends: new Set(frontends.map(({ name }) => name)),
    backends: new Set(backends.map(({ name }) => name)),
    servers: new Set(backends.flatMap(({ name, servers }) => servers.map((server) => `${name}/${server.name}`))),
  }
}

export interface SnapshotContext {
  readonly slots: SlotTable
  readonly version: number
  /** Threads that serve it. */
  readonly workers: number
  /** What `auto` comes to: connections from clients that the limit of open files allows. */
  readonly maxConnections: number
  /** Of this machine, for the choice of a subset: other machines choose others. */
  readonly instance: number
}

/** Deep-frozen. */
export function createSnapshot(config: Config, context: SnapshotContext): Snapshot {
  const { global } = config
  context.slots.begin(config)
  const maxConnections = global.maxConnections === 'auto' ? context.maxConnections : global.maxConnections
  const indexes = new Map(config.backends.map(({ name }, i) => [name, i]))
  const frontends = config.frontends.map((frontend) => frontendSpec(frontend, { ...context, maxConnections, indexes }))
  const backends = config.backends.map((each) => backendSpec(each, { ...context, zone: global.zone, indexes }))
  return deepFreeze({
    version: context.version,
    workers: context.workers,
    maxConnections,
    shutdownTimeout: global.shutdownTimeout,
    lameDuck: global.lameDuck,
    overload: global.overload,
    accessLog: global.accessLog,
    frontends: guardIdentity(frontends, backends),
    backends,
  })
}

type FrontendContext = SnapshotContext & { readonly indexes: ReadonlyMap<string, number> }

function frontendSpec(frontend: FrontendConfig, context: FrontendContext): Omit<FrontendSpec, 'guardsIdentity'> {
  const { name, mode, accessLog, timeouts, limits, clients, trust, health, requests, priority, forward } = frontend
  const index = (backend: string): number => context.indexes.get(backend) ?? -1
  return {
    slot: context.slots.frontend(name),
    name,
    mode,
    binds: frontend.binds.map((bind) => bindSpec(bind, index)),
    maxConnections: frontend.maxConnections ?? context.maxConnections,
    accessLog,
    timeouts,
    limits,
    clients,
    trust,
    health: health && {
      ...health,
      failWhen: health.failWhen.map((condition) => ({ ...condition, backend: index(condition.backend) })),
    },
    requests,
    priority,
    forward,
    routes: frontend.routes.map((route) => ({ ...route, backend: index(route.backend) })),
    backend: frontend.backend === null ? -1 : index(frontend.backend),
  }
}

const bindSpec = ({ tls, backend, ...bind }: BindConfig, index: (backend: string) => number): BindSpec => ({
  ...bind,
  tls: tls && tlsSpec(tls, index),
  backend: backend === null ? -1 : index(backend),
})

/** Without what concerns the certificates, which workers get from elsewhere (certificates/). */
function tlsSpec(tls: TlsConfig, index: (backend: string) => number): TlsSpec {
  const { minVersion, maxVersion, ciphers, groups, alpn, strictSni, tickets, maxHandshakes, clientAuth, hsts } = tls
  const passthrough = tls.passthrough.map((rule) => ({ ...rule, backend: index(rule.backend) }))
  const versions = { minVersion, maxVersion, ciphers, groups }
  return { ...versions, alpn, strictSni, tickets, maxHandshakes, clientAuth, hsts, passthrough }
}

type BackendContext = FrontendContext & { readonly zone: string | null }

function backendSpec(backend: BackendConfig, context: BackendContext): BackendSpec {
  const { slots, zone, instance, indexes } = context
  const { name, mode, balance, pool, slowStart, timeouts, idleConnections } = backend
  const { sendProxy, maxConnections, queue, retries, retry, ejection, breaker, persistence } = backend
  return {
    slot: slots.backend(name),
    name,
    mode,
    balance,
    rules: { ...pool, zone, instance },
    sendProxy,
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
