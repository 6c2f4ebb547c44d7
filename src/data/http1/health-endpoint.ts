// What a tier above (an ELB, Route 53, another Weir) asks to learn whether it may send traffic here: one path that Weir
// answers itself (own-page.ts). Ready is the process that is not about to stop and whose pools have enough servers; alive,
// by the path with /live behind it, is every process that can answer.
// The servers are looked at when the question comes: checks are rare, and an answer from memory would be old.
import type { HealthEndpointSpec } from '../../messages/snapshot.ts'
import { ADMIN_READY, HEALTH_UP } from '../../model/states.ts'
import type { WorkerContext } from '../context.ts'
import type { Backend } from '../upstream/backend.ts'
import { QUESTION } from './characters.ts'
import type { OwnPage } from './own-page.ts'
import type { RequestHead } from './request-head.ts'

export class HealthEndpoint {
  readonly #ready: Uint8Array
  readonly #live: Uint8Array
  readonly #counted: boolean
  readonly #pools: readonly { readonly backend: Backend; readonly fewerThan: number }[]
  readonly #context: WorkerContext

  constructor({ path, failWhen, counted }: HealthEndpointSpec, backends: readonly Backend[], context: WorkerContext) {
    const encoder = new TextEncoder()
    this.#ready = encoder.encode(path)
    this.#live = encoder.encode(path.endsWith('/') ? `${path}live` : `${path}/live`)
    this.#counted = counted
    this.#pools = failWhen.map(({ backend, fewerThan }) => ({ backend: backends[backend]!, fewerThan }))
    this.#context = context
  }

  /** @returns null: the request is for another path. The query does not matter */
  pageFor(head: RequestHead, buffer: Uint8Array): OwnPage | null {
    const live = isPath(this.#live, head, buffer)
    if (!live && !isPath(this.#ready, head, buffer)) return null
    const reasons = live ? [] : this.whyNotReady()
    const ok = reasons.length === 0
    return {
      status: ok ? 200 : 503,
      contentType: 'text/plain; charset=utf-8',
      body: ok ? 'ok\n' : `${reasons.join('\n')}\n`, // names of backends are ASCII
      counted: this.#counted,
    }
  }

  /** In words, one reason each; none: this Weir takes traffic. */
  whyNotReady(): string[] {
    const reasons: string[] = []
    // Of the process: a worker that ends because another has taken its place is no reason to look elsewhere.
    const { draining } = this.#context.board.shared.process
    if (Atomics.load(draining, 0) !== 0) reasons.push('shutting down')
    for (const { backend, fewerThan } of this.#pools) {
      const { name, servers } = backend.spec
      const up = servers.reduce((sum, { slot }) => sum + (this.#isUp(slot) ? 1 : 0), 0)
      if (up < fewerThan) reasons.push(`backend ${name}: ${up} of ${servers.length} up, needs ${fewerThan}`)
    }
    return reasons
  }

  #isUp(slot: number): boolean {
    const { admin, health } = this.#context.board.shared.server
    return health[slot] === HEALTH_UP && admin[slot] === ADMIN_READY
  }
}

/** @returns null for a frontend that has none */
export function compileHealth(
  spec: HealthEndpointSpec | null,
  backends: readonly Backend[],
  context: WorkerContext,
): HealthEndpoint | null {
  return spec === null ? null : new HealthEndpoint(spec, backends, context)
}

function isPath(path: Uint8Array, { pathStart, targetEnd }: RequestHead, buffer: Uint8Array): boolean {
  const end = pathStart + path.length
  if (end > targetEnd || (end < targetEnd && buffer[end] !== QUESTION)) return false
  for (let i = 0; i < path.length; i++) if (buffer[pathStart + i] !== path[i]) return false
  return true
}
