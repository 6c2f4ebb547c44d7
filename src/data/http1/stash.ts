// Bytes from a client that nobody has taken yet: a part of a head, pipelined requests, or a body that the server is not
// ready for. Reading pauses while there are any, except for the rest of a head; so this is at most a head, one read, and as
// much again for growth. Empty, it holds no buffer.
import { CR, LF, SPACE } from './characters.ts'

export class Stash {
  length = 0
  #bytes: Buffer | null = null

  /** Puts bytes into an empty stash. */
  keep(buffer: Buffer, at: number, end: number): void {
    this.length = end - at
    this.#bytes = Buffer.allocUnsafe(this.length + 64)
    buffer.copy(this.#bytes, 0, at, end)
  }

  /** Adds the first `n` bytes of a buffer. @returns false when they can't be the end of a head */
  append(buffer: Buffer, n: number): boolean {
    const before = this.length
    const length = before + n
    if (this.#bytes!.length < length) {
      const larger = Buffer.allocUnsafe(length * 2)
      this.#bytes!.copy(larger, 0, 0, before)
      this.#bytes = larger
    }
    buffer.copy(this.#bytes!, before, 0, n)
    this.length = length
    return hasControl(this.#bytes!, before, length)
  }

  /** Empties it. @returns what was in it, `length` bytes as of before, or null */
  take(): Buffer | null {
    const bytes = this.#bytes
    this.#bytes = null
    this.length = 0
    return bytes
  }

  /** Empty lines before a request that never came are no part of one (RFC 9112, section 2.2). */
  get hasPartOfHead(): boolean {
    for (let i = 0; i < this.length; i++) {
      if (this.#bytes![i] !== CR && this.#bytes![i] !== LF) return true
    }
    return false
  }
}

/** A line has ended, or something has come that no head may contain. */
function hasControl(buffer: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    if (buffer[i]! < SPACE) return true
  }
  return false
}
