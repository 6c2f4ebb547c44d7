// The field section of a message: one pass over the bytes that checks every line and notes what framing and forwarding
// need to know. Strict where the RFC lets a recipient be lenient (RFC 9112, section 5): no folding, no bare CR or LF, no
// space before the colon. Nothing is allocated; the result is overwritten by the next scan. What a name means is decided
// in the table below and nowhere else; what to do about it is the business of request-head and response-head.
import { sharedBuffer } from '../io/socket-owner.ts'
import { COLON, COMMA, CR, DELETE, LF, SPACE, TAB, TOKEN, VALUE, ZERO } from './characters.ts'

export const FIELD_OTHER = 0
export const FIELD_HOST = 1
export const FIELD_CONTENT_LENGTH = 2
export const FIELD_TRANSFER_ENCODING = 3
export const FIELD_CONNECTION = 4
/** Hop-by-hop and never forwarded (RFC 9110, section 7.6.1): Keep-Alive, Proxy-Connection, TE, HTTP2-Settings. */
export const FIELD_HOP = 5
export const FIELD_UPGRADE = 6
export const FIELD_EXPECT = 7
export const FIELD_FORWARDED_FOR = 8
/** X-Forwarded-Proto and X-Forwarded-Port: set by us, whatever the client says. */
export const FIELD_FORWARDED_SET = 9
export const FIELD_REQUEST_ID = 10
export const FIELD_VIA = 11

const known: Readonly<Record<string, number>> = {
  host: FIELD_HOST,
  'content-length': FIELD_CONTENT_LENGTH,
  'transfer-encoding': FIELD_TRANSFER_ENCODING,
  connection: FIELD_CONNECTION,
  'keep-alive': FIELD_HOP,
  'proxy-connection': FIELD_HOP,
  te: FIELD_HOP,
  'http2-settings': FIELD_HOP,
  upgrade: FIELD_UPGRADE,
  expect: FIELD_EXPECT,
  'x-forwarded-for': FIELD_FORWARDED_FOR,
  'x-forwarded-proto': FIELD_FORWARDED_SET,
  'x-forwarded-port': FIELD_FORWARDED_SET,
  'x-request-id': FIELD_REQUEST_ID,
  via: FIELD_VIA,
}

// Names by length and first letter; two names never share both, so one comparison settles it.
const MAX_NAME = 32
const byShape: (readonly [name: Uint8Array, kind: number] | undefined)[] = Array.from({ length: MAX_NAME * 32 })
for (const [name, kind] of Object.entries(known)) {
  const shape = name.length * 32 + (name.charCodeAt(0) & 31)
  if (byShape[shape] !== undefined) throw new Error(`fields: ${name} needs a second look at its shape`)
  byShape[shape] = [new TextEncoder().encode(name), kind]
}

/** @returns the kind of the name at start..end, case-insensitively */
export function fieldKind(buffer: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length >= MAX_NAME) return FIELD_OTHER
  const candidate = byShape[length * 32 + (buffer[start]! & 31)]
  if (candidate === undefined) return FIELD_OTHER
  const name = candidate[0]
  for (let i = 0; i < length; i++) {
    if ((buffer[start + i]! | 32) !== name[i]!) return FIELD_OTHER
  }
  return candidate[1]
}

/** Outcomes of a scan; anything above 0 is the offset behind the section. */
export const INCOMPLETE = 0
export const BAD_FIELD = -1
export const BAD_FRAMING = -2
export const TOO_MANY_FIELDS = -3

/** Content-Length was not there. */
export const NO_LENGTH = -1
const MAX_LENGTH = Number.MAX_SAFE_INTEGER

export class Fields {
  count = 0
  /** Per line: where it starts, where its name and its value end, where the next line starts, and its kind. */
  readonly start: Int32Array
  readonly nameEnd: Int32Array
  readonly valueStart: Int32Array
  readonly valueEnd: Int32Array
  readonly next: Int32Array
  readonly kind: Uint8Array
  /** Bit per kind that occurred. */
  kinds = 0
  contentLength = NO_LENGTH
  /** The length was not in its plain decimal form (leading zeros), so that it has to be written anew. */
  lengthOdd = false
  chunked = false
  hosts = 0
  /** Index of the Host line, when `hosts` is not 0. */
  host = 0
  close = false
  keepAlive = false
  /** Connection: upgrade was said. */
  upgrade = false
  /** Connection names other fields, which go no further than here. */
  nominates = false

  constructor(maxFields: number) {
    this.start = new Int32Array(maxFields)
    this.nameEnd = new Int32Array(maxFields)
    this.valueStart = new Int32Array(maxFields)
    this.valueEnd = new Int32Array(maxFields)
    this.next = new Int32Array(maxFields)
    this.kind = new Uint8Array(maxFields)
  }

  has(kind: number): boolean {
    return (this.kinds & (1 << kind)) !== 0
  }

  /** Leaves a line out of the head that is forwarded. */
  drop(line: number): void {
    this.kind[line] = FIELD_HOP
    this.kinds |= 1 << FIELD_HOP
  }

  /**
   * Scans lines from `at` to the empty line.
   * @param end bytes up to here are valid; `buffer[end]` must be readable and is overwritten with a sentinel
   * @param max at most this many fields, within the size given to the constructor
   * @returns offset behind the empty line, or INCOMPLETE, BAD_FIELD, BAD_FRAMING, TOO_MANY_FIELDS
   */
  scan(buffer: Uint8Array, at: number, end: number, max: number): number {
    this.#reset()
    const { start: starts, nameEnd: nameEnds, valueStart: valueStarts, valueEnd: valueEnds, next, kind: kinds } = this
    buffer[end] = 0 // stops every class loop
    let i = at
    let count = 0
    for (;;) {
      const start = i
      let byte = buffer[i]!
      if (byte === CR) {
        if (i + 1 >= end) return INCOMPLETE
        if (buffer[i + 1] !== LF) return BAD_FIELD
        this.count = count
        return i + 2
      }
      while (TOKEN[byte] === 1) byte = buffer[++i]!
      if (byte !== COLON || i === start) return i >= end ? INCOMPLETE : BAD_FIELD
      const nameEnd = i
      byte = buffer[++i]!
      while (byte === SPACE || byte === TAB) byte = buffer[++i]!
      const valueStart = i
      if (buffer === sharedBuffer && buffer[i + LONG_VALUE]! >= SPACE) byte = buffer[(i = skipPlainWords(i, end))]!
      while ((byte >= SPACE && byte !== DELETE) || byte === TAB) byte = buffer[++i]!
      if (byte !== CR) return i >= end ? INCOMPLETE : BAD_FIELD
      if (i + 1 >= end) return INCOMPLETE
      if (buffer[i + 1] !== LF) return BAD_FIELD
      if (count === max) return TOO_MANY_FIELDS
      let valueEnd = i
      while (valueEnd > valueStart && (buffer[valueEnd - 1] === SPACE || buffer[valueEnd - 1] === TAB)) valueEnd--
      i += 2
      starts[count] = start
      nameEnds[count] = nameEnd
      valueStarts[count] = valueStart
      valueEnds[count] = valueEnd
      next[count] = i
      const kind = fieldKind(buffer, start, nameEnd)
      kinds[count] = kind
      if (kind !== FIELD_OTHER && !this.#note(buffer, kind, count, valueStart, valueEnd)) return BAD_FRAMING
      count++
    }
  }

  #reset(): void {
    this.kinds = 0
    this.contentLength = NO_LENGTH
    this.lengthOdd = this.chunked = this.close = this.keepAlive = this.upgrade = this.nominates = false
    this.hosts = 0
  }

  /** @returns false when the framing is no longer clear (RFC 9112, section 6.3) */
  #note(buffer: Uint8Array, kind: number, line: number, start: number, end: number): boolean {
    const again = this.has(kind)
    this.kinds |= 1 << kind
    switch (kind) {
      case FIELD_CONTENT_LENGTH: {
        if (again || this.chunked) return false
        this.contentLength = decimal(buffer, start, end)
        this.lengthOdd = end - start > 1 && buffer[start] === ZERO
        return this.contentLength >= 0
      }
      case FIELD_TRANSFER_ENCODING:
        if (again || this.contentLength !== NO_LENGTH || !equalsIgnoringCase(buffer, start, end, CHUNKED)) return false
        this.chunked = true
        return true
      case FIELD_HOST:
        this.hosts++
        this.host = line
        return true
      case FIELD_CONNECTION:
        this.#connectionOptions(buffer, start, end)
        return true
      default:
        return true
    }
  }

  #connectionOptions(buffer: Uint8Array, start: number, end: number): void {
    if (equalsIgnoringCase(buffer, start, end, KEEP_ALIVE)) {
      this.keepAlive = true // what clients send; the list below would cost a closure
      return
    }
    if (equalsIgnoringCase(buffer, start, end, CLOSE)) {
      this.close = true
      return
    }
    forEachItem(buffer, start, end, (from, to) => {
      if (equalsIgnoringCase(buffer, from, to, CLOSE)) this.close = true
      else if (equalsIgnoringCase(buffer, from, to, KEEP_ALIVE)) this.keepAlive = true
      else if (equalsIgnoringCase(buffer, from, to, UPGRADE)) this.upgrade = true
      else this.nominates = true
    })
  }
}

/** A value that seems to go on this far is worth being looked at by words. */
const LONG_VALUE = 24

const words = new Int32Array(sharedBuffer.buffer, sharedBuffer.byteOffset, sharedBuffer.length >> 2)

/**
 * Passes over the plain bytes of a value in the shared buffer, four at a time. A word is plain when none of its bytes is
 * below 0x20 or is 0x7f; the two tests are those for "a byte less than n" and "a zero byte" by subtraction and masks.
 * @returns an offset that may stop short of the first byte that is not plain, but is never behind it
 */
function skipPlainWords(at: number, end: number): number {
  let i = at
  while ((i & 3) !== 0) {
    if (VALUE[sharedBuffer[i]!] !== 1) return i
    i++
  }
  for (const last = end - 4; i <= last; i += 4) {
    const word = words[i >> 2]!
    const deleted = word ^ 0x7f7f7f7f
    if (((((word - 0x20202020) & ~word) | ((deleted - 0x01010101) & ~deleted)) & 0x80808080) !== 0) break
  }
  return i
}

const encode = (text: string) => new TextEncoder().encode(text)
const CHUNKED = encode('chunked')
const CLOSE = encode('close')
const KEEP_ALIVE = encode('keep-alive')
const UPGRADE = encode('upgrade')

/** @returns the value of 1*DIGIT, or -2 when it is anything else or too large to count exactly */
export function decimal(buffer: Uint8Array, start: number, end: number): number {
  if (start >= end) return -2
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = buffer[i]! - ZERO
    if (digit < 0 || digit > 9) return -2
    value = value * 10 + digit
    if (value > MAX_LENGTH) return -2
  }
  return value
}

/** @param word lower-cased */
export function equalsIgnoringCase(buffer: Uint8Array, start: number, end: number, word: Uint8Array): boolean {
  if (end - start !== word.length) return false
  for (let i = 0; i < word.length; i++) {
    const byte = buffer[start + i]!
    if ((byte >= 0x41 && byte <= 0x5a ? byte | 32 : byte) !== word[i]!) return false
  }
  return true
}

/** Walks a comma-separated list (RFC 9110, section 5.6.1), skipping empty items; bounds are without surrounding space. */
export function forEachItem(
  buffer: Uint8Array,
  start: number,
  end: number,
  visit: (from: number, to: number) => void,
): void {
  let from = start
  for (let i = start; i <= end; i++) {
    if (i < end && buffer[i] !== COMMA) continue
    let to = i
    while (from < to && (buffer[from] === SPACE || buffer[from] === TAB)) from++
    while (to > from && (buffer[to - 1] === SPACE || buffer[to - 1] === TAB)) to--
    if (to > from) visit(from, to)
    from = i + 1
  }
}
