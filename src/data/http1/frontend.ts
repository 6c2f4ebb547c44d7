// An http frontend as one worker sees it: where its requests go, its limits, and the connections that it has.
import type { FrontendSpec } from '../../messages/snapshot.ts'
import type { WorkerContext } from '../context.ts'
import type { KeyedClient } from '../key/origin.ts'
import { NO_KEY } from '../key/parts.ts'
import { compileRoutes, type Route } from '../route/routes.ts'
import type { Backend } from '../upstream/backend.ts'
import { CR, LF } from './characters.ts'
import { FIELD_REQUEST_ID } from './fields.ts'
import { fieldValues, soleValue, writeRequestHead, type RequestForwarding } from './forward.ts'
import type { RequestHead } from './request-head.ts'
import { RequestIds, isRequestId } from './request-id.ts'
import { compileRequestKey, type RequestKey } from './request-key.ts'

export class HttpFrontend {
  readonly spec: FrontendSpec
  readonly context: WorkerContext
  /** Null when the X-Request-ID field is left alone. */
  readonly requestIds: RequestIds | null
  readonly #keepsRequestId: boolean
  readonly #route: Route | null
  readonly #backends: readonly Backend[]
  readonly #default: Backend | null
  /** Of the backends that follow keys; null when none of this frontend's does. */
  readonly #keys: ReadonlyMap<Backend, RequestKey> | null

  constructor(spec: FrontendSpec, backends: readonly Backend[], context: WorkerContext) {
    this.spec = spec
    this.context = context
    this.requestIds = spec.forward.requestId === 'off' ? null : new RequestIds()
    this.#keepsRequestId = spec.forward.requestId === 'keep'
    this.#route = compileRoutes(spec)
    this.#backends = backends
    this.#default = backends[spec.backend] ?? null
    this.#keys = compileKeys(spec, backends, context)
  }

  /** Where a request goes; null: nowhere. */
  backendFor(head: RequestHead, buffer: Buffer): Backend | null {
    if (this.#route === null) return this.#default
    const host = buffer.latin1Slice(head.hostStart, head.hostEnd)
    const target = buffer.latin1Slice(head.pathStart, head.targetEnd)
    const query = target.indexOf('?')
    return this.#backends[this.#route(host, query < 0 ? target : target.slice(0, query))] ?? null
  }

  /** What the choice of a server for this request sticks to: int32. Ask once per request. */
  keyOf(backend: Backend, head: RequestHead, buffer: Buffer, client: KeyedClient): number {
    if (this.#keys === null) return NO_KEY
    const key = this.#keys.get(backend)
    return key === undefined ? NO_KEY : key(buffer, head, client)
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

function compileKeys(
  spec: FrontendSpec,
  backends: readonly Backend[],
  context: WorkerContext,
): ReadonlyMap<Backend, RequestKey> | null {
  const keys = new Map<Backend, RequestKey>()
  for (const index of new Set([spec.backend, ...spec.routes.map((route) => route.backend)])) {
    const backend = backends[index]
    const key = backend === undefined ? null : compileRequestKey(backend.spec.balance, context.dice)
    if (key !== null) keys.set(backend!, key)
  }
  return keys.size === 0 ? null : keys
}
