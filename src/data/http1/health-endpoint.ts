// What a tier above (an ELB, Route 53, another Weir) asks to learn whether it may send traffic here: one path that Weir
// answers itself, before anything that could refuse or route a request. Ready is the process that is not about to stop and
// whose pools have enough servers; alive, by the path with /live behind it, is every process that can answer.
// The servers are looked at when the question comes: checks are rare, and an answer from memory would be old.
import { performance } from 'node:perf_hooks'
import type { HealthEndpointSpec } from '../../messages/snapshot.ts'
import { ADMIN_READY, HEALTH_UP } from '../../model/states.ts'
import type { WorkerContext } from '../context.ts'
import type { Backend } from '../upstream/backend.ts'
import { QUESTION } from './characters.ts'
import { recordOwnAnswer, type RecordedClient } from './record.ts'
import { METHOD_GET, METHOD_HEAD, type RequestHead } from './request-head.ts'

/** What the endpoint needs of the connection that the request came by. */
export interface CheckedClient extends RecordedClient {
  readonly socket: { write(text: string, encoding: 'latin1'): boolean }
  /** The connection is to end after the response that is under way. */
  readonly leaving: boolean
}

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

  /** Whether a request is for the endpoint: GET or HEAD, and exactly its path; the query does not matter. */
  isFor(head: RequestHead, buffer: Uint8Array): boolean {
    if (head.method !== METHOD_GET && head.method !== METHOD_HEAD) return false
    return isPath(this.#ready, head, buffer) || isPath(this.#live, head, buffer)
  }

  /**
   * Answers a request that is for it.
   * @param bytesIn of its head
   * @returns whether the connection goes on: not with HTTP/1.0, and not when a body follows, which nobody wants
   */
  answer(client: CheckedClient, head: RequestHead, buffer: Buffer, bytesIn: number): boolean {
    const startedAt = performance.now()
    const { fields } = head
    const reasons = isPath(this.#live, head, buffer) ? [] : this.whyNotReady()
    const keep = head.minor === 1 && !fields.close && !fields.chunked && fields.contentLength <= 0 && !client.leaving
    const status = reasons.length === 0 ? 200 : 503
    const message = messageOf(status, reasons, keep, head.method === METHOD_HEAD)
    client.socket.write(message, 'latin1')
    if (this.#counted) {
      const { length } = message
      recordOwnAnswer(this.#context, client, head, buffer, { status, bytesIn, bytesOut: length, startedAt })
    }
    return keep
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

/** Names of backends are ASCII, so characters are bytes. */
function messageOf(status: 200 | 503, reasons: readonly string[], keep: boolean, bodyless: boolean): string {
  const body = status === 200 ? 'ok\n' : `${reasons.join('\n')}\n`
  return (
    `HTTP/1.1 ${status === 200 ? '200 OK' : '503 Service Unavailable'}\r\n` +
    `Date: ${new Date().toUTCString()}\r\n` +
    'Content-Type: text/plain; charset=utf-8\r\n' +
    `Content-Length: ${body.length}\r\n` +
    `Cache-Control: no-store\r\n${keep ? '' : 'Connection: close\r\n'}\r\n${bodyless ? '' : body}`
  )
}
