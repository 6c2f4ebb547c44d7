// A cookie of the application, which also says which server set it. `rewrite`: its value is replaced by the tag of the
// server, for an application that sets a cookie for this purpose alone. `prefix`: the tag comes before its value, and is
// taken off again before a server sees it, for clients that take few cookies. Either way there is a session only once the
// application has set its cookie, with the attributes that it chose.
import type { BackendSpec, CookieSpec } from '../../messages/snapshot.ts'
import type { RequestHead } from '../http1/request-head.ts'
import type { ResponseHead } from '../http1/response-head.ts'
import { takeOffPrefix } from './composed-cookies.ts'
import { findCookie, found } from './request-cookies.ts'
import { ServerTags, TAG_LENGTH, looksLikeTag } from './server-tags.ts'
import type { Session, Sessions } from '../http1/session.ts'
import { KEEP_PRIVATE, isPrivate, nextSetCookie } from './set-cookie.ts'

/** Between a tag and the value of the server. */
const TILDE = 0x7e

/** Whether the value that was found has a tag in front, perhaps of a server that is gone. */
const hasTag = (bytes: Buffer): boolean =>
  found.end - found.start > TAG_LENGTH &&
  bytes[found.start + TAG_LENGTH] === TILDE &&
  looksLikeTag(bytes.latin1Slice(found.start, found.start + TAG_LENGTH))

export class ServerCookies implements Sessions {
  readonly #name: Uint8Array
  readonly #tags: ServerTags
  readonly #prefix: boolean
  readonly #nocache: boolean

  constructor(backend: BackendSpec, cookie: CookieSpec) {
    this.#name = new TextEncoder().encode(cookie.name)
    this.#tags = new ServerTags(backend, cookie.key)
    this.#prefix = cookie.mode === 'prefix'
    this.#nocache = cookie.nocache
  }

  open(head: RequestHead, buffer: Buffer): Session {
    if (!findCookie(head.fields, buffer, this.#name)) return new ServerCookieSession(this, -1, false)
    const ours = this.#prefix ? hasTag(buffer) : isBareTag()
    return new ServerCookieSession(this, ours ? this.#tags.slotIn(buffer, found.start, found.end) : -1, this.#prefix)
  }

  /** What the server sees is what it has set, whatever became of the server that is named in front of it. */
  takeOff(out: Buffer, headLength: number, length: number): number {
    return takeOffPrefix(out, headLength, length, this.#name, TAG_LENGTH + 1, hasTag)
  }

  /** @returns lines in place of those that set the cookie */
  fieldsFor(slot: number, head: ResponseHead, buffer: Buffer): string {
    const { fields } = head
    let lines = ''
    for (let line = nextSetCookie(fields, buffer, 0, this.#name); line >= 0;) {
      const before = buffer.latin1Slice(fields.valueStart[line], found.start)
      const after = buffer.latin1Slice(this.#prefix ? found.start : found.end, fields.valueEnd[line])
      lines += `Set-Cookie: ${before}${this.#tags.of(slot)}${this.#prefix ? '~' : ''}${after}\r\n`
      fields.drop(line)
      line = nextSetCookie(fields, buffer, line + 1, this.#name)
    }
    return lines !== '' && this.#nocache && !isPrivate(fields, buffer) ? lines + KEEP_PRIVATE : lines
  }
}

const isBareTag = (): boolean => found.end - found.start === TAG_LENGTH

class ServerCookieSession implements Session {
  readonly slot: number
  readonly #cookies: ServerCookies
  /** A prefix may have to go. */
  readonly #prefixed: boolean

  constructor(cookies: ServerCookies, slot: number, prefixed: boolean) {
    this.#cookies = cookies
    this.slot = slot
    this.#prefixed = prefixed
  }

  editRequest(out: Buffer, headLength: number, length: number): number {
    return this.#prefixed ? this.#cookies.takeOff(out, headLength, length) : 0
  }

  onResponse(slot: number, head: ResponseHead, buffer: Buffer): string {
    return this.#cookies.fieldsFor(slot, head, buffer)
  }
}
