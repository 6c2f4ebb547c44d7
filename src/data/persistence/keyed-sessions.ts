// Sessions that are told by what a request brings: the address of its client, a field, a cookie or a parameter. Parts are
// named and found as for balancing by a key. Where the balancer gives a key to a server by computing it, which moves some
// keys when servers come and go, a session stays where its first request was sent.
import type { BackendSpec, SessionTableSpec } from '../../messages/snapshot.ts'
import type { RequestHead } from '../http1/request-head.ts'
import { compileParts, type Part } from '../http1/request-key.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import type { KeyedClient } from '../key/origin.ts'
import type { Session, Sessions } from '../http1/session.ts'
import { SessionTable } from './session-table.ts'

export class KeyedSessions implements Sessions {
  readonly #table: SessionTable
  readonly #addParts: Part

  constructor(backend: BackendSpec, spec: SessionTableSpec, memory: SharedArrayBuffer) {
    this.#table = new SessionTable(backend, spec, memory)
    this.#addParts = compileParts(spec.by)
  }

  open(head: RequestHead, buffer: Buffer, client: KeyedClient, now: number): Session {
    const table = this.#table
    const { digest } = table
    digest.begin()
    this.#addParts(digest, buffer, head, client)
    if (digest.length === 0) return noSession
    digest.end()
    const { place, key } = digest
    return new KeyedSession(table, place, key, table.find(place, key, now))
  }
}

class KeyedSession implements Session {
  readonly slot: number
  readonly #table: SessionTable
  readonly #place: number
  readonly #key: number

  constructor(table: SessionTable, place: number, key: number, slot: number) {
    this.#table = table
    this.#place = place
    this.#key = key
    this.slot = slot
  }

  editRequest(): number {
    return 0
  }

  onResponse(slot: number, _head: ResponseHead, _buffer: Buffer, now: number): string {
    this.#table.remember(this.#place, this.#key, slot, now)
    return ''
  }
}

/** Of a request that has nothing by which a session could be told. */
const noSession: Session = { slot: -1, editRequest: () => 0, onResponse: () => '' }
