// An http frontend as one worker sees it: where its requests go, its limits, and the connections that it has.
import type { BackendSpec, FrontendSpec, Priority } from '../../messages/snapshot.ts'
import type { WorkerContext } from '../context.ts'
import type { KeyedClient } from '../key/origin.ts'
import { NO_KEY } from '../key/parts.ts'
import type { Sessions } from './session.ts'
import { compileRoutes, type Route } from '../route/routes.ts'
import type { Backend } from '../upstream/backend.ts'
import { challengePage } from './challenge-page.ts'
import { CR, LF } from './characters.ts'
import { FIELD_REQUEST_ID } from './fields.ts'
import { fieldValues, soleValue, writeRequestHead, type RequestForwarding } from './forward.ts'
import type { OwnPage } from './own-page.ts'
import { METHOD_GET, METHOD_HEAD, type RequestHead } from './request-head.ts'
import { compileGate, type RequestGate } from './request-gate.ts'
import { RequestIds, isRequestId } from './request-id.ts'
import type { RequestKey } from './request-key.ts'
import { compileHealth, type HealthEndpoint } from './health-endpoint.ts'
import { compileTrust, type TrustedProxies } from './client-address.ts'

/** What a route leads to. */
export interface Target {
  /** null: nowhere. */
  readonly backend: Backend | null
  readonly high: boolean
}

/** What all frontends share of a backend, by its configuration; null: there is no such thing. */
export interface CompiledBackends {
  /** What the choice of a server sticks to. */
  readonly keyOf: (backend: BackendSpec) => RequestKey | null
  /** What keeps clients on its servers. */
  readonly sessionsOf: (backend: BackendSpec) => Sessions | null
}

export class HttpFrontend {
  readonly spec: FrontendSpec
  readonly context: WorkerContext
  /** Null when the X-Request-ID field is left alone. */
  readonly requestIds: RequestIds | null
  /** Null when it lets everything in. */
  readonly gate: RequestGate | null
  /** Null when nobody is trusted to speak for others. */
  readonly trust: TrustedProxies | null
  /** Null when there is none. */
  readonly #health: HealthEndpoint | null
  readonly #keepsRequestId: boolean
  readonly #route: Route | null
  readonly #default: Target
  /** Of the routes, in their order. */
  readonly #targets: readonly Target[]
  /** Of the backends that follow keys; null when none of this frontend's does. */
  readonly #keys: ReadonlyMap<Backend, RequestKey> | null
  /** Of the backends that keep clients on their servers; null when none does. */
  readonly #sessions: ReadonlyMap<Backend, Sessions> | null

  constructor(spec: FrontendSpec, backends: readonly Backend[], context: WorkerContext, compiled: CompiledBackends) {
    this.spec = spec
    this.context = context
    this.requestIds = spec.forward.requestId === 'off' ? null : new RequestIds()
    this.gate = compileGate(spec, context)
    this.trust = compileTrust(spec.trust)
    this.#health = compileHealth(spec.health, backends, context)
    this.#keepsRequestId = spec.forward.requestId === 'keep'
    this.#route = compileRoutes(spec)
    const target = (backend: number, priority: Priority): Target => ({
      backend: backends[backend] ?? null,
      high: priority === 'high',
    })
    this.#default = target(spec.backend, spec.priority)
    this.#targets = spec.routes.map(({ backend, priority }) => target(backend, priority ?? spec.priority))
    this.#keys = reached(spec, backends, compiled.keyOf)
    this.#sessions = reached(spec, backends, compiled.sessionsOf)
  }

  /** A request may be for a page of Weir's own. Pages of ACME come and go while the frontend stays. */
  get hasOwnPages(): boolean {
    return this.#health !== null || this.context.tls.httpChallenges !== null
  }

  /** @returns null: the request is for a server. Pages are read, so it is GET and HEAD alone that get them */
  ownPageFor(head: RequestHead, buffer: Buffer): OwnPage | null {
    if (head.method !== METHOD_GET && head.method !== METHOD_HEAD) return null
    const { httpChallenges } = this.context.tls
    const challenge = httpChallenges === null ? null : challengePage(httpChallenges, head, buffer)
    return challenge ?? this.#health?.pageFor(head, buffer) ?? null
  }

  /** Where a request goes, and how soon when it has to wait. */
  targetOf(head: RequestHead, buffer: Buffer): Target {
    if (this.#route === null) return this.#default
    const host = buffer.latin1Slice(head.hostStart, head.hostEnd)
    const target = buffer.latin1Slice(head.pathStart, head.targetEnd)
    const query = target.indexOf('?')
    return this.#targets[this.#route(host, query < 0 ? target : target.slice(0, query))] ?? this.#default
  }

  /** What the choice of a server for this request sticks to: int32. Ask once per request. */
  keyOf(backend: Backend, head: RequestHead, buffer: Buffer, client: KeyedClient): number {
    if (this.#keys === null) return NO_KEY
    const key = this.#keys.get(backend)
    return key === undefined ? NO_KEY : key(buffer, head, client)
  }

  /** What keeps clients on the servers of this backend; null: nothing. */
  sessionsOf(backend: Backend): Sessions | null {
    return this.#sessions === null ? null : (this.#sessions.get(backend) ?? null)
  }

  /** Writes the head of a request as its server gets it. @returns its length */
  writeHead(
    out: Buffer,
    head: RequestHead,
    buffer: Buffer,
    end: number,
    forwarding: RequestForwarding,
    upgrade: boolean,
  ): number {
    const ownId = this.requestIds !== null && !this.#keepsIdOf(head, buffer)
    let o = writeRequestHead(out, head, buffer, end, forwarding, ownId, upgrade)
    if (ownId) {
      o = this.requestIds.write(out, o)
      out[o++] = CR
      out[o++] = LF
    }
    out[o++] = CR
    out[o++] = LF
    return o
  }

  /** The request id of a head that writeHead has written to `out`, for the log; '' when it has none. */
  requestIdOf(head: RequestHead, buffer: Buffer, out: Buffer, length: number): string {
    if (this.requestIds !== null && !this.#keepsIdOf(head, buffer)) return this.requestIds.read(out, length - 4)
    return fieldValues(head.fields, buffer, FIELD_REQUEST_ID)
  }

  /** The client sent one id that is fit to be passed on, and is trusted with that. */
  #keepsIdOf(head: RequestHead, buffer: Buffer): boolean {
    if (!this.#keepsRequestId || !head.fields.has(FIELD_REQUEST_ID)) return false
    return isRequestId(soleValue(head.fields, buffer, FIELD_REQUEST_ID))
  }
}

/** What there is of the backends that this frontend's requests may come to; null: none of them has such a thing. */
function reached<T>(
  spec: FrontendSpec,
  backends: readonly Backend[],
  of: (backend: BackendSpec) => T | null,
): ReadonlyMap<Backend, T> | null {
  const found = new Map<Backend, T>()
  const indexes = new Set([spec.backend, ...spec.routes.map((route) => route.backend)])
  for (const index of indexes) {
    const backend = backends[index]
    if (backend === undefined) continue
    indexes.add(backend.spec.breaker?.fallback ?? -1) // a set's loop comes to what is added on the way
    const one = of(backend.spec)
    if (one !== null) found.set(backend, one)
  }
  return found.size === 0 ? null : found
}
