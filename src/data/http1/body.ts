// The body of one message on its way through: how it is delimited (RFC 9112, section 6.3), how much is left, and the form
// in which it goes on. Chunked bodies are decoded and written anew with our own size lines, or as plain data for a
// client of HTTP/1.0. Whether a message has a body is decided by the caller.
import { CR, LF } from './characters.ts'
import { CHUNK_BAD, CHUNK_DATA, CHUNK_END, ChunkedDecoder } from './chunked.ts'

export const BODY_NONE = 0
export const BODY_LENGTH = 1
export const BODY_CHUNKED = 2
/** Until the server closes: responses only. */
export const BODY_CLOSE = 3

/** What `copy` may need beyond the bytes it is given: one size line, one line end, the last chunk. */
export const CHUNK_OVERHEAD = 32
export const BAD_BODY = -1

export class Body {
  kind = BODY_NONE
  /** Bytes still to come, for BODY_LENGTH. */
  left = 0
  done = true
  /** Bytes that the last `copy` has written. */
  written = 0
  /** Data so far of a chunked body, without its coding. */
  data = 0
  #plain = false
  #decoder: ChunkedDecoder | null = null

  /** @param plain chunked data goes on without the coding */
  start(kind: number, length: number, plain: boolean): void {
    this.kind = kind
    this.left = length
    this.done = kind === BODY_NONE || (kind === BODY_LENGTH && length === 0)
    this.written = this.data = 0
    this.#plain = plain
    if (kind === BODY_CHUNKED) (this.#decoder ??= new ChunkedDecoder()).reset()
  }

  /**
   * Without copying: how far the body reaches in at..end, noted as passed on. Not for chunked bodies.
   * @returns offset behind the last byte of the body
   */
  pass(at: number, end: number): number {
    if (this.kind === BODY_CLOSE) return end
    const n = Math.min(this.left, end - at)
    this.left -= n
    this.done = this.left === 0
    return at + n
  }

  /**
   * Copies what belongs to the body in at..end to `target`, in the form in which it goes on. `target` must have room for
   * end - at + CHUNK_OVERHEAD bytes.
   * @returns offset behind the last byte of the body, or BAD_BODY
   */
  copy(buffer: Buffer, at: number, end: number, target: Buffer, offset: number): number {
    if (this.kind === BODY_CHUNKED) return this.#copyChunks(buffer, at, end, target, offset)
    const until = this.pass(at, end)
    this.written = until - at
    if (this.written > 0) buffer.copy(target, offset, at, until)
    return until
  }

  #copyChunks(buffer: Buffer, at: number, end: number, target: Buffer, offset: number): number {
    const decoder = this.#decoder!
    let o = offset
    decoder.position = at
    for (;;) {
      const result = decoder.next(buffer, end)
      if (result === CHUNK_DATA) {
        const n = decoder.to - decoder.from
        this.data += n
        if (!this.#plain) o = writeSizeLine(target, o, n)
        buffer.copy(target, o, decoder.from, decoder.to)
        o += n
        if (!this.#plain) o = writeLineEnd(target, o)
        continue
      }
      if (result === CHUNK_BAD) return BAD_BODY
      if (result === CHUNK_END) {
        this.done = true
        if (!this.#plain) o = writeLineEnd(target, writeSizeLine(target, o, 0))
      }
      this.written = o - offset
      return decoder.position
    }
  }
}

function writeSizeLine(target: Buffer, at: number, size: number): number {
  let digits = 1
  for (let rest = size >>> 4; rest > 0; rest >>>= 4) digits++
  for (let i = digits - 1, rest = size; i >= 0; i--, rest >>>= 4)
    target[at + i] = '0123456789abcdef'.charCodeAt(rest & 15)
  return writeLineEnd(target, at + digits)
}

function writeLineEnd(target: Buffer, at: number): number {
  target[at] = CR
  target[at + 1] = LF
  return at + 2
}
