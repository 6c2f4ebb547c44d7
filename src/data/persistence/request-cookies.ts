// Cookies of a request, found where they stand in its head. RFC 6265, sections 4.2.1 and 5.4: pairs divided by semicolons,
// names compared as they stand, the first of a name counts, a value perhaps in quotes. What is no pair is passed over. Work
// is in proportion to the head, whatever is in it, and nothing is allocated. What is done to them: composed-cookies.ts.
import { EQUALS, QUOTE, SEMICOLON, SPACE, TAB } from '../http1/characters.ts'
import {
  FIELD_CONNECTION,
  FIELD_HOP,
  FIELD_TRANSFER_ENCODING,
  FIELD_UPGRADE,
  equalsIgnoringCase,
  type Fields,
} from '../http1/fields.ts'
import type { RequestHead } from '../http1/request-head.ts'

export const COOKIE = new TextEncoder().encode('cookie')

/** The value that was found last: its place in the buffer, without quotes; in a request, also the index of its line. */
export const found = { start: 0, end: 0, line: 0 }

/** Finds the first cookie of this name in a head as received. @returns whether there is one; its value is `found` */
export function findCookie(fields: Fields, buffer: Buffer, name: Uint8Array): boolean {
  for (let line = 0; line < fields.count; line++) {
    if (!isCookieField(fields, buffer, line)) continue
    const end = fields.valueEnd[line]!
    for (let at = fields.valueStart[line]!; at < end; at = pair.next) {
      if (!readPair(buffer, at, end, name)) continue
      setFound(buffer, pair.start + name.length + 1, pair.end)
      found.line = line
      return true
    }
  }
  return false
}

function isCookieField(fields: Fields, buffer: Buffer, line: number): boolean {
  const start = fields.start[line]!
  const end = fields.nameEnd[line]!
  return end - start === COOKIE.length && equalsIgnoringCase(buffer, start, end, COOKIE)
}

/** Notes where a value stands that begins and ends here, quotes included. */
export function setFound(buffer: Uint8Array, start: number, end: number): void {
  const quoted = end - start >= 2 && buffer[start] === QUOTE && buffer[end - 1] === QUOTE
  found.start = quoted ? start + 1 : start
  found.end = quoted ? end - 1 : end
}

/** What stands between two semicolons, without the white space around it, and where the next begins. */
export const pair = { start: 0, end: 0, next: 0 }

/** Reads the pair at `at` into `pair`. @returns whether it is a cookie of this name */
export function readPair(buffer: Uint8Array, at: number, end: number, name: Uint8Array): boolean {
  let to = at
  while (to < end && buffer[to] !== SEMICOLON) to++
  pair.next = to + 1
  let from = at
  while (from < to && isBlank(buffer[from]!)) from++
  while (to > from && isBlank(buffer[to - 1]!)) to--
  pair.start = from
  pair.end = to
  if (from + name.length >= to || buffer[from + name.length] !== EQUALS) return false
  for (let i = 0; i < name.length; i++) if (buffer[from + i] !== name[i]) return false
  return true
}

const isBlank = (byte: number): boolean => byte === SPACE || byte === TAB

/**
 * What has to be cut out of a composed head so that the cookie that was found is gone: bytes[from, to) of its line, and
 * where this line is to be expected; -1: it has to be looked for, because there is more to it.
 */
export const spot = { at: -1, from: 0, to: 0 }

/** Lines that end here, so that what follows them moves up. */
const ENDS_HERE = (1 << FIELD_CONNECTION) | (1 << FIELD_HOP) | (1 << FIELD_UPGRADE) | (1 << FIELD_TRANSFER_ENCODING)

/** Works out the spot of the cookie that findCookie has just found, for the plain case that nearly all requests are. */
export function locate({ fields, start, absolute }: RequestHead, buffer: Buffer, name: Uint8Array): void {
  spot.at = -1
  if (absolute) return
  let gone = start
  for (let line = 0; line < fields.count; line++) {
    if (line === found.line) continue
    if (isCookieField(fields, buffer, line)) return
    if (line < found.line && ((1 << fields.kind[line]!) & ENDS_HERE) !== 0)
      gone += fields.next[line]! - fields.start[line]!
  }
  const lineStart = fields.start[found.line]!
  if (!findCut(buffer, fields.valueStart[found.line]!, fields.valueEnd[found.line]!, name)) return
  if (spot.from < 0) {
    spot.from = 0
    spot.to = fields.next[found.line]! - lineStart
  } else {
    spot.from -= lineStart
    spot.to -= lineStart
  }
  spot.at = lineStart - gone
}

/** `pair` is the one that goes. @returns false when it is no plain case; `spot.from` is -1 when nothing else is there */
function findCut(buffer: Buffer, start: number, end: number, name: Uint8Array): boolean {
  const { start: from, next } = pair
  let before = from - 1
  while (before >= start && isBlank(buffer[before]!)) before--
  if (before >= start) {
    // behind another pair: with the semicolon between them
    if (before === start || buffer[before - 1] === SEMICOLON || isBlank(buffer[before - 1]!)) return false
    spot.from = before
    spot.to = Math.min(next - 1, end)
  } else if (next >= end) spot.from = -1
  else {
    // in front of another, up to that one
    spot.from = from
    spot.to = next
    while (spot.to < end && isBlank(buffer[spot.to]!)) spot.to++
    if (spot.to === end || buffer[spot.to] === SEMICOLON) return false
  }
  for (let at = next; at < end; at = pair.next) if (readPair(buffer, at, end, name)) return false
  return true
}
