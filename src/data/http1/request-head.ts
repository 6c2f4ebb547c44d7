// Strict parser of a request head: RFC 9112, sections 2 to 6. One pass over bytes, no allocation; the result is
// overwritten by the next parse. What is in doubt is refused, so that what is forwarded has one meaning only. Routing,
// rewriting and bodies are not its business.
import { reasonIndex, type ReasonCode } from '../../model/reasons.ts'
import { CR, LF, QUESTION, SLASH, SPACE, STAR, TARGET, TOKEN, ZERO } from './characters.ts'
import {
  BAD_FRAMING,
  FIELD_EXPECT,
  FIELD_TRANSFER_ENCODING,
  Fields,
  INCOMPLETE,
  TOO_MANY_FIELDS,
  equalsIgnoringCase,
  forEachItem,
} from './fields.ts'
import { isHost } from './host.ts'

export const METHOD_OTHER = 0
export const METHOD_GET = 1
export const METHOD_HEAD = 2
export const METHOD_POST = 3
export const METHOD_PUT = 4
export const METHOD_DELETE = 5
export const METHOD_OPTIONS = 6
export const METHOD_TRACE = 7
export const METHOD_CONNECT = 8

const methods = {
  GET: METHOD_GET,
  HEAD: METHOD_HEAD,
  POST: METHOD_POST,
  PUT: METHOD_PUT,
  DELETE: METHOD_DELETE,
  OPTIONS: METHOD_OPTIONS,
  TRACE: METHOD_TRACE,
  CONNECT: METHOD_CONNECT,
}

// Methods by length and first letter, as field names are; they are compared as they stand (RFC 9110, section 9.1).
const MAX_METHOD = 7
const byShape: (readonly [name: Uint8Array, method: number] | undefined)[] = Array.from({
  length: (MAX_METHOD + 1) * 32,
})
for (const [name, method] of Object.entries(methods)) {
  byShape[name.length * 32 + (name.charCodeAt(0) & 31)] = [new TextEncoder().encode(name), method]
}

/** Idempotent methods may be sent again when a kept-alive connection turns out closed (RFC 9110, section 9.2.2). */
export const isIdempotent = (method: number): boolean =>
  method !== METHOD_OTHER && method !== METHOD_POST && method !== METHOD_CONNECT

export interface HeadLimits {
  /** Bytes of the whole head. */
  readonly head: number
  readonly fields: number
  /** Bytes of the request target. */
  readonly target: number
}

/** The largest number of fields that any configuration may allow. */
export const MAX_FIELDS = 1024
/** Empty lines before a request line that are forgiven (RFC 9112, section 2.2). */
const MAX_EMPTY_LINES = 4

export class RequestHead {
  readonly fields = new Fields(MAX_FIELDS)
  /** Offset of the first byte of the method. */
  start = 0
  methodEnd = 0
  targetStart = 0
  targetEnd = 0
  /** First byte of the path (or '*'); differs from targetStart in absolute form. */
  pathStart = 0
  /** Host and port: from the absolute form, else from the Host field; empty when there is none. */
  hostStart = 0
  hostEnd = 0
  absolute = false
  /** 0 or 1: HTTP/1.x. */
  minor = 1
  method = METHOD_OTHER
  /** Offset where the field lines start. */
  fieldsStart = 0
}

const failed = (code: ReasonCode): number => -1 - reasonIndex[code]

/** The client wants nothing behind this request, and there is nothing: neither a body nor another request. */
export const isLast = ({ minor, fields }: RequestHead): boolean =>
  !fields.chunked && fields.contentLength <= 0 && (fields.close || minor === 0)

/** The reason of a negative result of parseRequestHead. */
export const failureIndex = (result: number): number => -1 - result

const BAD_REQUEST_LINE = failed('bad_request_line')
const BAD_TARGET = failed('bad_target')
const BAD_VERSION = failed('bad_version')
const BAD_FIELD = failed('bad_field')
const BAD_HOST = failed('bad_host')
const FRAMING = failed('bad_framing')
const URI_TOO_LONG = failed('uri_too_long')
const HEAD_TOO_LARGE = failed('head_too_large')
const FIELDS = failed('too_many_fields')
const BAD_EXPECTATION = failed('bad_expectation')
const CONNECT = failed('connect_method')

const encode = (text: string) => new TextEncoder().encode(text)
const HTTP_1 = encode('HTTP/1.')
const HTTP_SCHEME = encode('http://')
const HTTPS_SCHEME = encode('https://')
const CONTINUE = encode('100-continue')

/**
 * Parses a request head from `at`.
 * @param buffer bytes `at`..`end` are the client's; `buffer[end]` must exist and is overwritten
 * @returns offset behind the head; 0 when it is not complete yet; negative: the failure (see failureIndex)
 */
export function parseRequestHead(
  head: RequestHead,
  buffer: Uint8Array,
  at: number,
  end: number,
  limits: HeadLimits,
): number {
  buffer[end] = 0
  let i = skipEmptyLines(buffer, at, end)
  if (i < 0) return BAD_REQUEST_LINE
  if (i >= end) return INCOMPLETE
  head.start = i
  const line = parseRequestLine(head, buffer, i, end, limits)
  if (line <= 0) return line === INCOMPLETE && end - i >= limits.head ? HEAD_TOO_LARGE : line
  head.fieldsStart = line
  i = head.fields.scan(buffer, line, end, limits.fields)
  if (i > 0) return i - head.start > limits.head ? HEAD_TOO_LARGE : checkFields(head, buffer) || i
  if (i === INCOMPLETE) return end - head.start >= limits.head ? HEAD_TOO_LARGE : INCOMPLETE
  return i === BAD_FRAMING ? FRAMING : i === TOO_MANY_FIELDS ? FIELDS : BAD_FIELD
}

/** @returns offset of the first byte that is not part of an empty line, or -1 */
function skipEmptyLines(buffer: Uint8Array, at: number, end: number): number {
  let i = at
  for (let lines = 0; i < end && buffer[i] === CR; lines++) {
    if (i + 1 >= end) return end
    if (buffer[i + 1] !== LF || lines === MAX_EMPTY_LINES) return -1
    i += 2
  }
  return i
}

/** method SP target SP HTTP-version CRLF (RFC 9112, section 3), single spaces only. Same results as parseRequestHead. */
function parseRequestLine(head: RequestHead, buffer: Uint8Array, at: number, end: number, limits: HeadLimits): number {
  let i = at
  while (TOKEN[buffer[i]!] === 1) i++
  if (buffer[i] !== SPACE || i === at) return i >= end ? INCOMPLETE : BAD_REQUEST_LINE
  head.methodEnd = i
  const target = ++i
  while (TARGET[buffer[i]!] === 1) i++
  if (i - target > limits.target) return URI_TOO_LONG
  if (buffer[i] !== SPACE || i === target) return i >= end ? INCOMPLETE : BAD_TARGET
  head.targetStart = target
  head.targetEnd = i++
  for (let k = 0; k < HTTP_1.length; k++, i++) {
    if (buffer[i] !== HTTP_1[k]) return i >= end ? INCOMPLETE : badVersion(buffer, i, k)
  }
  const minor = buffer[i]! - ZERO
  if (i >= end) return INCOMPLETE
  if (minor !== 1 && minor !== 0) return badVersion(buffer, i, HTTP_1.length)
  head.minor = minor
  if (i + 1 >= end) return INCOMPLETE
  if (buffer[i + 1] !== CR) return BAD_REQUEST_LINE
  if (i + 2 >= end) return INCOMPLETE
  if (buffer[i + 2] !== LF) return BAD_REQUEST_LINE
  head.method = methodOf(buffer, at, head.methodEnd)
  return parseTarget(head, buffer) || i + 3
}

/** 505 where the version is well-formed but another, 400 where it is not a version at all. */
function badVersion(buffer: Uint8Array, at: number, matched: number): number {
  const digit = buffer[at]!
  return matched >= 5 && digit >= ZERO && digit <= ZERO + 9 ? BAD_VERSION : BAD_REQUEST_LINE
}

function methodOf(buffer: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length > MAX_METHOD) return METHOD_OTHER
  const candidate = byShape[length * 32 + (buffer[start]! & 31)]
  if (candidate === undefined) return METHOD_OTHER
  const name = candidate[0]
  for (let i = 0; i < length; i++) {
    if (buffer[start + i] !== name[i]) return METHOD_OTHER
  }
  return candidate[1]
}

/** The four forms of RFC 9112, section 3.2. @returns 0 or a failure */
function parseTarget(head: RequestHead, buffer: Uint8Array): number {
  const start = head.targetStart
  const end = head.targetEnd
  head.absolute = false
  head.pathStart = start
  head.hostStart = head.hostEnd = 0
  if (head.method === METHOD_CONNECT) return CONNECT
  if (buffer[start] === SLASH) return 0
  if (buffer[start] === STAR) return end - start === 1 && head.method === METHOD_OPTIONS ? 0 : BAD_TARGET
  const scheme = hasPrefix(buffer, start, end, HTTP_SCHEME) || hasPrefix(buffer, start, end, HTTPS_SCHEME)
  if (scheme === 0) return BAD_TARGET
  let i = start + scheme
  head.hostStart = i
  while (i < end && buffer[i] !== SLASH && buffer[i] !== QUESTION) i++
  head.hostEnd = i
  head.pathStart = i
  head.absolute = true
  return i > head.hostStart && isHost(buffer, head.hostStart, i) ? 0 : BAD_TARGET
}

function hasPrefix(buffer: Uint8Array, start: number, end: number, word: Uint8Array): number {
  return end - start >= word.length && equalsIgnoringCase(buffer, start, start + word.length, word) ? word.length : 0
}

/** What needs the whole section: Host, framing of HTTP/1.0, Expect. @returns 0 or a failure */
function checkFields(head: RequestHead, buffer: Uint8Array): number {
  const { fields } = head
  if (fields.hosts > 1 || (fields.hosts === 0 && head.minor === 1)) return BAD_HOST
  if (fields.hosts === 1) {
    const start = fields.valueStart[fields.host]!
    const end = fields.valueEnd[fields.host]!
    if (!isHost(buffer, start, end)) return BAD_HOST
    if (!head.absolute) {
      head.hostStart = start
      head.hostEnd = end
    }
  }
  if (head.minor === 0 && fields.has(FIELD_TRANSFER_ENCODING)) return FRAMING
  if (head.method === METHOD_TRACE && (fields.contentLength > 0 || fields.chunked)) return FRAMING // RFC 9110, section 9.3.8
  return fields.has(FIELD_EXPECT) ? checkExpect(head, buffer) : 0
}

function checkExpect(head: RequestHead, buffer: Uint8Array): number {
  const { fields } = head
  for (let line = 0; line < fields.count; line++) {
    if (fields.kind[line] !== FIELD_EXPECT) continue
    let others = 0
    forEachItem(buffer, fields.valueStart[line]!, fields.valueEnd[line]!, (from, to) => {
      if (!equalsIgnoringCase(buffer, from, to, CONTINUE)) others++
    })
    if (others > 0) return BAD_EXPECTATION
  }
  return 0
}
