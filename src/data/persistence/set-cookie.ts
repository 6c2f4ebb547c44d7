// Cookies that a response sets: found by name in its head, and made. RFC 6265, sections 4.1 and 5.2: one cookie a line, its
// name before the first '=', its value up to the first ';', white space around either is none of it.
import type { CookieSpec } from '../../messages/snapshot.ts'
import { EQUALS, SEMICOLON, SPACE, TAB } from '../http1/characters.ts'
import { equalsIgnoringCase, forEachItem, type Fields } from '../http1/fields.ts'
import { setFound } from './request-cookies.ts'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const SET_COOKIE = encode('set-cookie')
const CACHE_CONTROL = encode('cache-control')
const PRIVATE = encode('private')
const NO_STORE = encode('no-store')

/**
 * The next line from `line` on that sets a cookie of this name; its value is `found` (request-cookies.ts), without quotes.
 * @returns -1: none does
 */
export function nextSetCookie(fields: Fields, buffer: Buffer, line: number, name: Uint8Array): number {
  for (let i = line; i < fields.count; i++) {
    if (!equalsIgnoringCase(buffer, fields.start[i]!, fields.nameEnd[i]!, SET_COOKIE)) continue
    if (findValue(buffer, fields.valueStart[i]!, fields.valueEnd[i]!, name)) return i
  }
  return -1
}

function findValue(buffer: Buffer, start: number, end: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (buffer[start + i] !== name[i]) return false
  let at = start + name.length
  while (at < end && isBlank(buffer[at]!)) at++
  if (at >= end || buffer[at] !== EQUALS) return false
  let from = at + 1
  let to = from
  while (to < end && buffer[to] !== SEMICOLON) to++
  while (from < to && isBlank(buffer[from]!)) from++
  while (to > from && isBlank(buffer[to - 1]!)) to--
  setFound(buffer, from, to)
  return true
}

const isBlank = (byte: number): boolean => byte === SPACE || byte === TAB

/** A response that sets a cookie must be kept by no cache that others share (RFC 9111, section 5.2.2). */
export const KEEP_PRIVATE = 'Cache-Control: private\r\n'

/** No shared cache will keep it, by its own words. */
export function isPrivate(fields: Fields, buffer: Buffer): boolean {
  let said = false
  for (let line = 0; line < fields.count; line++) {
    if (!equalsIgnoringCase(buffer, fields.start[line]!, fields.nameEnd[line]!, CACHE_CONTROL)) continue
    forEachItem(buffer, fields.valueStart[line]!, fields.valueEnd[line]!, (from, to) => {
      if (equalsIgnoringCase(buffer, from, to, PRIVATE) || equalsIgnoringCase(buffer, from, to, NO_STORE)) said = true
    })
  }
  return said
}

/** What stands behind the value of a cookie that Weir sets. It has no end of its own: it goes when the browser does. */
export function attributesOf({ path, domain, httpOnly, secure, sameSite }: CookieSpec): string {
  let text = `; Path=${path}`
  if (domain !== null) text += `; Domain=${domain}`
  if (httpOnly) text += '; HttpOnly'
  if (secure) text += '; Secure'
  if (sameSite !== null) text += `; SameSite=${sameSite}`
  return text
}
