// A data plane in the process of the test: a scoreboard, a snapshot with sensible defaults, one worker without a thread.
// Servers are up and ready from the start; nothing probes them. Every bind is on a free port of loopback.
// Only the data side: configuration, health checks and worker threads have tests of their own.
import { balanceSpec, noOverload, openFrontend, plainBackend, rulesSpec } from './specs.ts'
import { DataPlane } from '../../src/data/worker.ts'
import type { Log } from '../../src/data/log.ts'
import type { BackendSpec, BindSpec, FrontendSpec, ServerSpec, Snapshot } from '../../src/messages/snapshot.ts'
import { ADMIN_READY, HEALTH_UP } from '../../src/model/states.ts'
import { bytes, ms } from '../../src/model/units.ts'
import type { ServerTlsSpec, TlsSpec, WorkerTls } from '../../src/messages/tls.ts'
import { serverTlsSpec, tlsSpec, workerTls, type TlsWish } from './tls.ts'
import { createScoreboard, type Scoreboard } from '../../src/scoreboard/scoreboard.ts'
import { createSourceTable } from '../../src/scoreboard/sources.ts'

/** What a test says of a frontend; the rest has the defaults of the configuration. */
export type FrontendWish = Partial<Omit<FrontendSpec, 'slot' | 'timeouts' | 'limits' | 'forward' | 'binds'>> & {
  readonly binds?: readonly BindWish[]
  readonly timeouts?: Partial<FrontendSpec['timeouts']>
  readonly limits?: Partial<FrontendSpec['limits']>
  readonly forward?: Partial<FrontendSpec['forward']>
}

/** With TLS, the certificates are said with it. */
export type BindWish = Partial<Omit<BindSpec, 'tls'>> & { readonly tls?: TlsWish | null }

/** A server by its port on 127.0.0.1, or with more to say of it. */
export type ServerWish =
  | number
  | (Partial<Omit<ServerSpec, 'slot' | 'tls'>> & { readonly tls?: Partial<ServerTlsSpec> | null })

export type BackendWish = Partial<Omit<BackendSpec, 'slot' | 'timeouts' | 'servers'>> & {
  readonly servers: readonly ServerWish[]
  readonly timeouts?: Partial<BackendSpec['timeouts']>
}

export interface Wish {
  /** Default: one http frontend with one bind, whose backend is the first. */
  readonly frontends?: readonly FrontendWish[]
  readonly backends: readonly BackendWish[]
  readonly snapshot?: Partial<Omit<Snapshot, 'frontends' | 'backends'>>
  /** Rows of workers on the scoreboard, and the one that this plane takes. */
  readonly workers?: number
  readonly worker?: number
  /** To start a second worker on the same board. */
  readonly board?: Scoreboard
  readonly sources?: SharedArrayBuffer
  readonly sessions?: Readonly<Record<number, SharedArrayBuffer>>
  /** In place of what the binds say. */
  readonly tls?: WorkerTls
  /** By bind id, for a second worker on the same ports. */
  readonly ports?: Readonly<Record<string, number>>
  readonly log?: Log
}

export interface TestPlane {
  readonly plane: DataPlane
  readonly board: Scoreboard
  readonly snapshot: Snapshot
  /** Real ports by bind id: 'frontend/0' is the first bind of `frontend`, unless the test named it. */
  readonly ports: Readonly<Record<string, number>>
  /** Port of the first bind. */
  readonly port: number
  /** Sets a column of a server and tells the workers of it. */
  set(server: number, column: 'admin' | 'health' | 'weight', value: number): void
  /** Drains: resolves when the last connection is gone, so close the clients first. */
  close(): Promise<void>
}

/** Starts a data plane as wished. @throws ListenError */
export async function startDataPlane(wish: Wish): Promise<TestPlane> {
  const snapshot = snapshotOf(wish)
  const board = wish.board ?? boardFor(snapshot, wish.workers ?? 1)
  const plane = new DataPlane(
    {
      worker: wish.worker ?? 0,
      scoreboard: board.memory,
      snapshot,
      tables: {},
      sources: wish.sources ?? createSourceTable(64, board.shape.workers),
      sessions: wish.sessions ?? {},
      tls: wish.tls ?? tlsOf(wish),
      ports: wish.ports ?? {},
    },
    wish.log ?? (() => {}),
  )
  const ports = await plane.listen(wish.ports ?? {})
  return {
    plane,
    board,
    snapshot,
    ports,
    port: Object.values(ports)[0]!,
    set(server, column, value) {
      Atomics.store(board.shared.server[column], server, value)
      for (const backend of snapshot.backends) Atomics.add(board.shared.backend.generation, backend.slot, 1)
    },
    close: () => plane.drain(),
  }
}

/** The snapshot that a wish comes to. Slots are places in the lists; servers are numbered over all backends. */
export function snapshotOf(wish: Wish): Snapshot {
  let slot = 0
  const backends = wish.backends.map((backend, i) => backendSpec(backend, i, () => slot++))
  const frontends = (wish.frontends ?? [{}]).map(frontendSpec)
  return {
    version: 1,
    maxConnections: 20_000,
    shutdownTimeout: ms(5000),
    lameDuck: ms(0),
    overload: noOverload,
    accessLog: null,
    ...wish.snapshot,
    frontends,
    backends,
  }
}

function frontendSpec(wish: FrontendWish, slot: number): FrontendSpec {
  const name = wish.name ?? (slot === 0 ? 'web' : `web${slot}`)
  return {
    mode: 'http',
    maxConnections: 20_000,
    ...openFrontend,
    guardsIdentity: (wish.binds ?? []).some(({ tls }) => Boolean(tls?.clientAuth?.fields)),
    accessLog: true,
    routes: [],
    backend: 0,
    ...wish,
    slot,
    name,
    binds: (wish.binds ?? [{}]).map((bind, i) => ({
      id: `${name}/${i}`,
      host: '127.0.0.1',
      port: 0,
      path: null,
      proxy: null,
      backend: -1,
      ...bind,
      tls: bind.tls ? specOf(bind.tls) : null,
    })),
    timeouts: {
      clientHeader: ms(10_000),
      clientIdle: ms(60_000),
      bodyGrace: ms(5000),
      keepAlive: ms(75_000),
      tlsHandshake: ms(10_000),
      ...wish.timeouts,
    },
    limits: {
      head: bytes(16_384),
      fields: 100,
      target: bytes(8192),
      body: bytes(0),
      bodyRate: bytes(0),
      ...wish.limits,
    },
    forward: { xForwarded: 'append', requestId: 'keep', via: null, ...wish.forward },
  }
}

function specOf(wish: TlsWish): TlsSpec {
  const spec: Record<string, unknown> = { ...wish }
  for (const key of ['certificates', 'ticketKeys']) delete spec[key]
  return tlsSpec(spec)
}

/** What the binds of a wish serve. */
function tlsOf(wish: Wish): WorkerTls {
  const binds = snapshotOf(wish).frontends.flatMap(({ binds: specs }, i) =>
    specs.map(({ id }, k) => [id, wish.frontends?.[i]?.binds?.[k]?.tls ?? null] as const),
  )
  return workerTls(Object.fromEntries(binds.flatMap(([id, tls]) => (tls === null ? [] : [[id, tls]]))))
}

function backendSpec(wish: BackendWish, slot: number, nextServer: () => number): BackendSpec {
  return {
    mode: 'http',
    balance: balanceSpec('roundrobin'),
    rules: rulesSpec(),
    slowStart: ms(0),
    ...plainBackend,
    retries: 3,
    idleConnections: 256,
    ...wish,
    slot,
    name: wish.name ?? (slot === 0 ? 'app' : `app${slot}`),
    servers: wish.servers.map((server, i) => serverSpec(server, i, nextServer())),
    timeouts: {
      connect: ms(5000),
      serverResponse: ms(60_000),
      serverIdle: ms(60_000),
      tunnel: ms(3_600_000),
      idleConnection: ms(30_000),
      request: ms(0),
      ...wish.timeouts,
    },
  }
}

function serverSpec(wish: ServerWish, place: number, slot: number): ServerSpec {
  const said: Exclude<ServerWish, number> = typeof wish === 'number' ? { port: wish } : wish
  return {
    name: `s${place + 1}`,
    host: '127.0.0.1',
    port: 0,
    path: null,
    weight: 1,
    maxConnections: 0,
    tier: 0,
    zone: null,
    ...said,
    tls: said.tls ? serverTlsSpec(said.tls) : null,
    slot,
  }
}

function boardFor(snapshot: Snapshot, workers: number): Scoreboard {
  const servers = snapshot.backends.flatMap((backend) => backend.servers)
  const board = createScoreboard({
    workers,
    frontends: snapshot.frontends.length,
    backends: snapshot.backends.length,
    servers: Math.max(1, servers.length),
  })
  for (const { slot, weight } of servers) {
    board.shared.server.admin[slot] = ADMIN_READY
    board.shared.server.health[slot] = HEALTH_UP
    board.shared.server.weight[slot] = weight
    board.learnt.server.factor[slot] = 1
  }
  return board
}
