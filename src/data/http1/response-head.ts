// Strict parser of a response head: RFC 9112, section 4 and the rest as for requests. Every failure is the server's
// (502); only INCOMPLETE and the offset behind the head are told apart from it.
import { CR, LF, SPACE, VALUE } from './characters.ts'
import { FIELD_TRANSFER_ENCODING, Fields, INCOMPLETE } from './fields.ts'
import { MAX_FIELDS } from './request-head.ts'

/** Bytes of a response head; larger ones are refused. Below the read buffer, so that one read can hold a head. */
export const MAX_RESPONSE_HEAD = 32_768
export const BAD_RESPONSE = -1

export class ResponseHead {
  readonly fields = new Fields(MAX_FIELDS)
  start = 0
  /** 0 or 1: HTTP/1.x. */
  minor = 1
  status = 0
  fieldsStart = 0
}

const HTTP_1 = new TextEncoder().encode('HTTP/1.')

/**
 * Parses a response head from `at`; parameters as of parseRequestHead.
 * @returns offset behind the head, INCOMPLETE or BAD_RESPONSE
 */
export function parseResponseHead(head: ResponseHead, buffer: Uint8Array, at: number, end: number): number {
  buffer[end] = 0
  const line = parseStatusLine(head, buffer, at, end)
  const result = line > 0 ? head.fields.scan(buffer, line, end, MAX_FIELDS) : line
  if (result === INCOMPLETE) return end - at >= MAX_RESPONSE_HEAD ? BAD_RESPONSE : INCOMPLETE
  if (result < 0 || result - at > MAX_RESPONSE_HEAD) return BAD_RESPONSE
  if (head.minor === 0 && head.fields.has(FIELD_TRANSFER_ENCODING)) return BAD_RESPONSE
  head.start = at
  head.fieldsStart = line
  return result
}

/** HTTP-version SP 3DIGIT [ SP reason ] CRLF. Servers that leave out the last space are understood. */
function parseStatusLine(head: ResponseHead, buffer: Uint8Array, at: number, end: number): number {
  let i = at
  for (let k = 0; k < HTTP_1.length; k++, i++) {
    if (buffer[i] !== HTTP_1[k]) return i >= end ? INCOMPLETE : BAD_RESPONSE
  }
  if (end - i < 7) return INCOMPLETE // minor SP 3DIGIT and at least CRLF
  const minor = buffer[i]! - 0x30
  if ((minor !== 0 && minor !== 1) || buffer[i + 1] !== SPACE) return BAD_RESPONSE
  const a = buffer[i + 2]! - 0x30
  const b = buffer[i + 3]! - 0x30
  const c = buffer[i + 4]! - 0x30
  if (a < 1 || a > 9 || b < 0 || b > 9 || c < 0 || c > 9) return BAD_RESPONSE
  head.minor = minor
  head.status = a * 100 + b * 10 + c
  i += 5
  if (buffer[i] === SPACE) {
    i++
    while (VALUE[buffer[i]!] === 1) i++
  }
  if (i >= end) return INCOMPLETE
  if (buffer[i] !== CR) return BAD_RESPONSE
  if (i + 1 >= end) return INCOMPLETE
  return buffer[i + 1] === LF ? i + 2 : BAD_RESPONSE
}
