// A cookie of Weir's own: put into the response when the client has none that leads to the server that answered. Its value
// is the tag of the server, and where limits are set, a stamp behind it. What a server sets by the same name is left out,
// because a client can keep one cookie of a name only.
import type { BackendSpec, CookieSpec } from '../../messages/snapshot.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import { cutAt, takeOutCookie } from './composed-cookies.ts'
import { findCookie, found, locate, spot } from './request-cookies.ts'
import { ServerTags, TAG_LENGTH } from './server-tags.ts'
import type { Session, Sessions } from '../http1/session.ts'
import { KEEP_PRIVATE, attributesOf, isPrivate, nextSetCookie } from './set-cookie.ts'
import { STAMP_LENGTH, Stamps } from './stamp.ts'

/** Between the tag and the stamp. */
const POINT = 0x2e

export class InsertedCookies implements Sessions {
  readonly #spec: CookieSpec
  readonly #name: Uint8Array
  readonly #tags: ServerTags
  /** Null when sessions have no end. */
  readonly #stamps: Stamps | null
  readonly #attributes: string
  /** Whole lines by slot, when there are no stamps. */
  readonly #lines = new Map<number, string>()
  /** Seconds since 1970. */
  readonly #wallClock: () => number

  /** @param wallClock in seconds since 1970 */
  constructor(backend: BackendSpec, cookie: CookieSpec, wallClock: () => number = () => Math.floor(Date.now() / 1000)) {
    this.#spec = cookie
    this.#name = new TextEncoder().encode(cookie.name)
    this.#tags = new ServerTags(backend, cookie.key)
    this.#stamps = cookie.maxIdle > 0 || cookie.maxLife > 0 ? new Stamps(cookie.key, cookie) : null
    this.#attributes = attributesOf(cookie)
    this.#wallClock = wallClock
    for (const { slot } of backend.servers) this.#lines.set(slot, this.#line(this.#tags.of(slot)))
  }

  open(head: RequestHead, buffer: Buffer): Session {
    if (!findCookie(head.fields, buffer, this.#name)) return new InsertSession(this, -1, false, 0)
    const session = this.#read(buffer)
    if (this.#spec.indirect) {
      locate(head, buffer, this.#name)
      session.takeOut(spot.at, spot.from, spot.to)
    }
    return session
  }

  /** The session that the value stands for that was found. */
  #read(buffer: Buffer): InsertSession {
    const { start, end } = found
    const slot = this.#tags.slotIn(buffer, start, end)
    const known = slot >= 0 && (end - start === TAG_LENGTH || buffer[start + TAG_LENGTH] === POINT)
    if (!known) return new InsertSession(this, -1, false, 0)
    if (this.#stamps === null) return new InsertSession(this, slot, false, 0)
    const stamp = buffer.latin1Slice(start + TAG_LENGTH + 1, Math.min(end, start + TAG_LENGTH + 2 + STAMP_LENGTH))
    const reading = this.#stamps.read(this.#tags.of(slot), stamp, this.#wallClock())
    if (reading === null || reading.expired) return new InsertSession(this, -1, false, 0)
    return new InsertSession(this, slot, reading.old && this.#spec.maxIdle > 0, reading.first)
  }

  takeOut(out: Buffer, headLength: number, length: number): number {
    return takeOutCookie(out, headLength, length, this.#name)
  }

  /** What the server sets by our name goes no further. */
  dropOf(head: ResponseHead, buffer: Buffer): void {
    const { fields } = head
    for (let line = nextSetCookie(fields, buffer, 0, this.#name); line >= 0;) {
      fields.drop(line)
      line = nextSetCookie(fields, buffer, line + 1, this.#name)
    }
  }

  /** @param first when the session began, in seconds; 0: now. @returns the field for the client, and what goes with it */
  fieldsFor(slot: number, first: number, head: ResponseHead, buffer: Buffer): string {
    let line = this.#lines.get(slot)
    if (line === undefined) return '' // of another backend
    if (this.#stamps !== null) {
      const now = this.#wallClock()
      const tag = this.#tags.of(slot)
      line = this.#line(`${tag}.${this.#stamps.write(tag, first || now, now)}`)
    }
    return this.#spec.nocache && !isPrivate(head.fields, buffer) ? line + KEEP_PRIVATE : line
  }

  #line(value: string): string {
    return `Set-Cookie: ${this.#spec.name}=${value}${this.#attributes}\r\n`
  }
}

class InsertSession implements Session {
  readonly slot: number
  readonly #cookies: InsertedCookies
  readonly #renew: boolean
  readonly #first: number
  #takesOut = false
  #at = -1
  #from = 0
  #to = 0

  constructor(cookies: InsertedCookies, slot: number, renew: boolean, first: number) {
    this.#cookies = cookies
    this.slot = slot
    this.#renew = renew
    this.#first = first
  }

  /** The server is not to see the cookie, which stands in this spot (request-cookies.ts). */
  takeOut(at: number, from: number, to: number): void {
    this.#takesOut = true
    this.#at = at
    this.#from = from
    this.#to = to
  }

  editRequest(out: Buffer, headLength: number, length: number): number {
    if (!this.#takesOut) return 0
    const gone = this.#at < 0 ? 0 : cutAt(out, length, this.#at, this.#from, this.#to)
    return gone > 0 ? gone : this.#cookies.takeOut(out, headLength, length)
  }

  onResponse(slot: number, head: ResponseHead, buffer: Buffer): string {
    this.#cookies.dropOf(head, buffer)
    if (slot !== this.slot) return this.#cookies.fieldsFor(slot, 0, head, buffer)
    return this.#renew ? this.#cookies.fieldsFor(slot, this.#first, head, buffer) : ''
  }
}
