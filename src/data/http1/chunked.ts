// Decoder of the chunked coding (RFC 9112, section 7.1), resumable at every byte. It never holds data back and never
// lets a size line through: the caller gets ranges of plain data and writes its own size lines, so extensions end here.
// Trailer fields are checked, and dropped: a recipient may (RFC 9110, section 6.5.1), and nothing can hide in them then.
import { BACKSLASH, COLON, CR, EQUALS, HEX, LF, QUOTE, SEMICOLON, SPACE, TAB, TOKEN, VALUE } from './characters.ts'

const SIZE = 0
/** After the size or an extension: bad white space, which only another extension may follow. */
const BLANK = 1
const EXT_START = 2
const EXT_NAME = 3
const EXT_NAME_BLANK = 4
const EXT_EQUALS = 5
const EXT_VALUE = 6
const EXT_QUOTED = 7
const EXT_ESCAPED = 8
const EXT_END = 9
const SIZE_LF = 10
const DATA = 11
const DATA_CR = 12
const DATA_LF = 13
const LINE_START = 14
const TRAILER_NAME = 15
const TRAILER_VALUE = 16
const TRAILER_LF = 17
const END_LF = 18

/** Results of `next`. */
export const CHUNK_MORE = 0
export const CHUNK_DATA = 1
export const CHUNK_END = 2
export const CHUNK_BAD = 3

const ENDED = -1 // in place of a count of digits
const MAX_DIGITS = 13 // 2^52 bytes in one chunk; leading zeros do not count
const MAX_LINE = 4096 // the rest of a size line: leading zeros, extensions
const MAX_TRAILERS = 16_384

export class ChunkedDecoder {
  /** Range of data of the last CHUNK_DATA. */
  from = 0
  to = 0
  /** Offset behind what has been consumed. */
  position = 0
  #state = SIZE
  #size = 0
  #digits = 0
  #line = 0
  #trailers = 0

  reset(): void {
    this.#state = SIZE
    this.#size = this.#digits = this.#line = this.#trailers = 0
    this.position = 0
  }

  /**
   * Consumes bytes from `position` to `end`, up to and including the next range of data.
   * @returns CHUNK_DATA: `from`..`to` is data, call again; CHUNK_MORE: all consumed; CHUNK_END: the body ends at
   * `position`; CHUNK_BAD: not chunked coding
   */
  next(buffer: Uint8Array, end: number): number {
    let i = this.position
    while (i < end) {
      if (this.#state === DATA) {
        const n = Math.min(this.#size, end - i)
        this.from = i
        this.to = this.position = i + n
        this.#size -= n
        if (this.#size === 0) this.#state = DATA_CR
        return CHUNK_DATA
      }
      const state = this.#step(buffer[i]!)
      i++
      if (state < 0) return CHUNK_BAD
      this.#state = state
      if (state === SIZE && this.#digits === ENDED) {
        this.position = i
        return CHUNK_END
      }
    }
    this.position = i
    return CHUNK_MORE
  }

  /** One byte outside of data. @returns the next state, or -1 */
  #step(byte: number): number {
    switch (this.#state) {
      case SIZE: {
        const digit = HEX[byte]!
        if (digit < 16) return this.#sizeDigit(digit)
        return this.#digits === 0 && this.#line === 0 ? -1 : afterItem(byte)
      }
      case SIZE_LF:
        if (byte !== LF) return -1
        this.#line = 0
        return this.#size > 0 ? DATA : LINE_START
      case DATA_CR:
        return byte === CR ? DATA_LF : -1
      case DATA_LF:
        if (byte !== LF) return -1
        this.#digits = this.#size = 0
        return SIZE
      case LINE_START:
        if (byte === CR) return END_LF
        return TOKEN[byte] === 1 ? this.#trailer(TRAILER_NAME) : -1
      case TRAILER_NAME:
        return byte === COLON ? TRAILER_VALUE : TOKEN[byte] === 1 ? this.#trailer(TRAILER_NAME) : -1
      case TRAILER_VALUE:
        return byte === CR ? TRAILER_LF : VALUE[byte] === 1 ? this.#trailer(TRAILER_VALUE) : -1
      case TRAILER_LF:
        return byte === LF ? LINE_START : -1
      case END_LF:
        if (byte !== LF) return -1
        this.#digits = ENDED
        return SIZE
      default:
        return ++this.#line > MAX_LINE ? -1 : inExtension(this.#state, byte)
    }
  }

  #sizeDigit(digit: number): number {
    if (this.#size === 0 && digit === 0) return ++this.#line > MAX_LINE ? -1 : SIZE
    if (++this.#digits > MAX_DIGITS) return -1
    this.#size = this.#size * 16 + digit
    return SIZE
  }

  #trailer(state: number): number {
    return ++this.#trailers > MAX_TRAILERS ? -1 : state
  }
}

/** What may follow a size, an extension's name or its value. @returns the next state, or -1 */
function afterItem(byte: number): number {
  if (byte === CR) return SIZE_LF
  if (byte === SEMICOLON) return EXT_START
  return isBlank(byte) ? BLANK : -1
}

/** *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ): RFC 9112, section 7.1.1. */
function inExtension(state: number, byte: number): number {
  switch (state) {
    case BLANK:
      return isBlank(byte) ? BLANK : byte === SEMICOLON ? EXT_START : -1
    case EXT_START:
      return isBlank(byte) ? EXT_START : TOKEN[byte] === 1 ? EXT_NAME : -1
    case EXT_NAME:
      if (TOKEN[byte] === 1) return EXT_NAME
      return byte === EQUALS ? EXT_EQUALS : isBlank(byte) ? EXT_NAME_BLANK : afterItem(byte)
    case EXT_NAME_BLANK:
      return isBlank(byte) ? EXT_NAME_BLANK : byte === EQUALS ? EXT_EQUALS : byte === SEMICOLON ? EXT_START : -1
    case EXT_EQUALS:
      return isBlank(byte) ? EXT_EQUALS : byte === QUOTE ? EXT_QUOTED : TOKEN[byte] === 1 ? EXT_VALUE : -1
    case EXT_VALUE:
      return TOKEN[byte] === 1 ? EXT_VALUE : afterItem(byte)
    case EXT_QUOTED:
      return byte === QUOTE ? EXT_END : byte === BACKSLASH ? EXT_ESCAPED : VALUE[byte] === 1 ? EXT_QUOTED : -1
    case EXT_ESCAPED:
      return VALUE[byte] === 1 ? EXT_QUOTED : -1
    default: // EXT_END
      return afterItem(byte)
  }
}

const isBlank = (byte: number): boolean => byte === SPACE || byte === TAB
