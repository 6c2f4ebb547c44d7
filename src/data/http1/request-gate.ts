// What a request is held against before it is routed: its method, the size of its body, the form of its path, how much its
// source has asked for, and whether load is being shed. Compiled once per frontend, to nothing where no rule can refuse.
// What it refuses has cost one look at the head; no server hears of it.
import type { RequestRulesSpec, FrontendSpec } from '../../messages/snapshot.ts'
import type { ReasonCode } from '../../model/reasons.ts'
import type { WorkerContext } from '../context.ts'
import type { Overload } from '../overload.ts'
import { QUESTION } from './characters.ts'
import { normalizePath } from './normalize-path.ts'
import type { RequestHead } from './request-head.ts'

/** As much as the gate must know of who sent the request. */
export interface GatedClient {
  /** Null when this frontend has no rules about its clients. */
  readonly source: GatedSource | null
}

export interface GatedSource {
  /** Never limited or shed. */
  readonly exempt: boolean
  /** @param now performance.now(). @returns 0: go ahead; else the seconds to wait, at least 1 */
  allowRequest(now: number): number
}

export class RequestGate {
  /** After a refusal: what the answer's Retry-After says, in seconds; 0: nothing. */
  retryAfter = 0
  readonly #methods: readonly Uint8Array[] | null
  /** Bytes; Infinity: any number. */
  readonly #maxBody: number
  readonly #normalizePath: RequestRulesSpec['normalizePath']
  readonly #limitsRate: boolean
  readonly #neverShed: ReadonlySet<string>
  readonly #overload: Overload

  constructor({ limits, clients, requests }: FrontendSpec, overload: Overload) {
    const encoder = new TextEncoder()
    this.#methods = requests.methods === null ? null : requests.methods.map((name) => encoder.encode(name))
    this.#maxBody = limits.body === 0 ? Infinity : limits.body
    this.#normalizePath = requests.normalizePath
    this.#limitsRate = clients.requestRate !== null
    this.#neverShed = new Set(requests.neverShed)
    this.#overload = overload
  }

  /**
   * Brings the path to its one form, and says why a request is not let in. To be asked once per request, after which
   * offsets in `head` may be others: of the method, the target and what stands before it.
   * @param now performance.now()
   * @returns null: it is let in
   */
  refuses(head: RequestHead, buffer: Buffer, client: GatedClient, now: number): ReasonCode | null {
    this.retryAfter = 0
    if (this.#methods !== null && !isAmong(this.#methods, buffer, head)) return 'method_not_allowed'
    if (head.fields.contentLength > this.#maxBody) return 'body_too_large'
    if (this.#normalizePath !== null && !normalizePath(head, buffer, this.#normalizePath)) return 'bad_path'
    if (this.#limitsRate && client.source !== null) {
      this.retryAfter = client.source.allowRequest(now)
      if (this.retryAfter > 0) return 'rate_limited'
    }
    return this.#overload.level > 0 && this.#sheds(head, buffer, client) ? 'overloaded' : null
  }

  #sheds(head: RequestHead, buffer: Buffer, client: GatedClient): boolean {
    if (this.#neverShed.size > 0 && this.#neverShed.has(pathOf(head, buffer))) return false
    if (!this.#overload.sheds(client.source?.exempt ?? false)) return false
    this.retryAfter = this.#overload.retryAfter
    return true
  }
}

/** @returns null when there is nothing that could refuse a request */
export function compileGate(spec: FrontendSpec, { overload }: WorkerContext): RequestGate | null {
  const { limits, clients, requests } = spec
  const open =
    requests.methods === null &&
    limits.body === 0 &&
    requests.normalizePath === null &&
    clients.requestRate === null &&
    !overload.enabled
  return open ? null : new RequestGate(spec, overload)
}

/** Methods are compared as they stand (RFC 9110, section 9.1). */
function isAmong(methods: readonly Uint8Array[], buffer: Buffer, { start, methodEnd }: RequestHead): boolean {
  for (const method of methods) {
    if (method.length !== methodEnd - start) continue
    let i = 0
    while (i < method.length && method[i] === buffer[start + i]) i++
    if (i === method.length) return true
  }
  return false
}

/** Without query; '/' where the absolute form has none. */
function pathOf({ pathStart, targetEnd }: RequestHead, buffer: Buffer): string {
  let end = pathStart
  while (end < targetEnd && buffer[end] !== QUESTION) end++
  return end === pathStart ? '/' : buffer.latin1Slice(pathStart, end)
}
