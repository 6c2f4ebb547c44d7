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
import { TableSession, type LearningSessions } from './table-session.ts'

export class KeyedSessions implements Sessions, LearningSessions {
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
    return new TableSession(this, place, key, table.find(place, key, now))
  }

  /** Who has answered has the session. */
  learn({ place, key }: TableSession, slot: number, _head: ResponseHead, _buffer: Buffer, now: number): void {
    this.#table.remember(place, key, slot, now)
  }
}

/** Of a request that has nothing by which a session could be told. */
const noSession: Session = { slot: -1, editRequest: () => 0, onResponse: () => '' }
