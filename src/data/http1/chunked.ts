// Decoder of the chunked coding (RFC 9112, section 7.1), resumable at every byte. It never holds data back and never
// lets a size line through: the caller gets ranges of plain data and writes its own size lines, so extensions end here.
// Trailer fields are checked, and dropped: a recipient may (RFC 9110, section 6.5.1), and nothing can hide in them then.
import { COLON, CR, HEX, LF, SEMICOLON, SPACE, TAB, TOKEN, VALUE } from './characters.ts'

const SIZE = 0
const SIZE_BLANK = 1
const EXTENSION = 2
const SIZE_LF = 3
const DATA = 4
const DATA_CR = 5
const DATA_LF = 6
const LINE_START = 7
const TRAILER_NAME = 8
const TRAILER_VALUE = 9
const TRAILER_LF = 10
const END_LF = 11

/** Results of `next`. */
export const CHUNK_MORE = 0
export const CHUNK_DATA = 1
export const CHUNK_END = 2
export const CHUNK_BAD = 3

const ENDED = -1 // in place of a count of digits
const MAX_DIGITS = 13 // 2^52 bytes in one chunk
const MAX_LINE = 4096 // an extension
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
        if (digit < 16) {
          if (++this.#digits > MAX_DIGITS) return -1
          this.#size = this.#size * 16 + digit
          return SIZE
        }
        return this.#digits === 0 ? -1 : this.#afterSize(byte)
      }
      case SIZE_BLANK: // BWS before an extension only (RFC 9112, section 7.1.1)
        return byte === SPACE || byte === TAB ? this.#within(SIZE_BLANK) : byte === SEMICOLON ? EXTENSION : -1
      case EXTENSION:
        return byte === CR ? SIZE_LF : VALUE[byte] === 1 ? this.#within(EXTENSION) : -1
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
      default: // END_LF
        if (byte !== LF) return -1
        this.#digits = ENDED
        return SIZE
    }
  }

  #afterSize(byte: number): number {
    if (byte === CR) return SIZE_LF
    if (byte === SEMICOLON) return EXTENSION
    return byte === SPACE || byte === TAB ? SIZE_BLANK : -1
  }

  #within(state: number): number {
    return ++this.#line > MAX_LINE ? -1 : state
  }

  #trailer(state: number): number {
    return ++this.#trailers > MAX_TRAILERS ? -1 : state
  }
}
