// An http frontend as one worker sees it: where its requests go, its limits, and the connections that it has.
import type { FrontendSpec } from '../../messages/snapshot.ts'
import type { WorkerContext } from '../context.ts'
import { compileRoutes, type Route } from '../route/routes.ts'
import type { Backend } from '../upstream/backend.ts'
import type { RequestHead } from './request-head.ts'
import { RequestIds } from './request-id.ts'

export class HttpFrontend {
  readonly spec: FrontendSpec
  readonly context: WorkerContext
  /** Null when the X-Request-ID field is left alone. */
  readonly requestIds: RequestIds | null
  readonly keepsRequestId: boolean
  readonly #route: Route | null
  readonly #backends: readonly Backend[]
  readonly #default: Backend | null

  constructor(spec: FrontendSpec, backends: readonly Backend[], context: WorkerContext) {
    this.spec = spec
    this.context = context
    this.requestIds = spec.forward.requestId === 'off' ? null : new RequestIds()
    this.keepsRequestId = spec.forward.requestId === 'keep'
    this.#route = compileRoutes(spec)
    this.#backends = backends
    this.#default = backends[spec.backend] ?? null
  }

  /** Where a request goes; null: nowhere. */
  backendFor(head: RequestHead, buffer: Buffer): Backend | null {
    if (this.#route === null) return this.#default
    const host = buffer.latin1Slice(head.hostStart, head.hostEnd)
    const target = buffer.latin1Slice(head.pathStart, head.targetEnd)
    const query = target.indexOf('?')
    return this.#backends[this.#route(host, query < 0 ? target : target.slice(0, query))] ?? null
  }
}
