// Sessions of the application, followed by the cookie that it names them with (JSESSIONID, PHPSESSID): the values that
// servers set are learnt, and a request that brings one goes to the server that set it. Applications for clients without
// cookies write the same value into their links, as a parameter of the path: /cart;jsessionid=VALUE. Nothing is changed on
// the way. Only values that a server has set are remembered, so nobody fills the table by making some up.
import type { BackendSpec, SessionTableSpec } from '../../messages/snapshot.ts'
import { EQUALS, QUESTION, SEMICOLON, SLASH } from '../http1/characters.ts'
import { equalsIgnoringCase } from '../http1/fields.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import type { KeyedClient } from '../key/origin.ts'
import { findCookie, found } from './request-cookies.ts'
import type { Session, Sessions } from '../http1/session.ts'
import { SessionTable } from './session-table.ts'
import { nextSetCookie } from './set-cookie.ts'
import { TableSession, type LearningSessions } from './table-session.ts'

export class AppSessions implements Sessions, LearningSessions {
  readonly #table: SessionTable
  readonly #name: Uint8Array
  readonly #lowerName: Uint8Array

  /** @param name of the cookie */
  constructor(backend: BackendSpec, spec: SessionTableSpec, name: string, memory: SharedArrayBuffer) {
    this.#table = new SessionTable(backend, spec, memory)
    this.#name = new TextEncoder().encode(name)
    this.#lowerName = new TextEncoder().encode(name.toLowerCase())
  }

  open(head: RequestHead, buffer: Buffer, _client: KeyedClient, now: number): Session {
    const named =
      findCookie(head.fields, buffer, this.#name) ||
      findPathParameter(buffer, head.pathStart, head.targetEnd, this.#lowerName)
    if (!named || found.start === found.end) return new TableSession(this, 0, 0, -1)
    const { place, key } = this.#digest(buffer)
    return new TableSession(this, place, key, this.#table.find(place, key, now))
  }

  /** A session that is known may have moved to another server, and the server may have set new ones. */
  learn(session: TableSession, slot: number, { fields }: ResponseHead, buffer: Buffer, now: number): void {
    if (session.slot >= 0 && slot !== session.slot) this.#table.remember(session.place, session.key, slot, now)
    for (let line = nextSetCookie(fields, buffer, 0, this.#name); line >= 0;) {
      if (found.end > found.start) {
        const { place, key } = this.#digest(buffer)
        this.#table.remember(place, key, slot, now)
      }
      line = nextSetCookie(fields, buffer, line + 1, this.#name)
    }
  }

  /** Of the value that was found. */
  #digest(buffer: Buffer) {
    const { digest } = this.#table
    digest.begin()
    digest.add(buffer, found.start, found.end)
    digest.end()
    return digest
  }
}

/**
 * Finds `;name=value` in the path of a target (RFC 3986, section 3.3). Names are compared without case, because servers
 * write JSESSIONID into cookies and jsessionid into links.
 * @returns whether there is one; its value is `found`
 */
function findPathParameter(buffer: Buffer, start: number, end: number, lowerName: Uint8Array): boolean {
  for (let at = start; at < end && buffer[at] !== QUESTION; at++) {
    if (buffer[at] !== SEMICOLON) continue
    const equals = at + 1 + lowerName.length
    if (equals >= end || buffer[equals] !== EQUALS || !equalsIgnoringCase(buffer, at + 1, equals, lowerName)) continue
    let to = equals + 1
    while (to < end && buffer[to] !== SEMICOLON && buffer[to] !== SLASH && buffer[to] !== QUESTION) to++
    found.start = equals + 1
    found.end = to
    return true
  }
  return false
}
