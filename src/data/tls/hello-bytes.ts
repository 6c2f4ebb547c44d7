// The first bytes of a client until its hello is complete: kept as they came, since they go on to whoever has the handshake.
// A hello nearly always comes in one piece, which is read where it lies and copied once.
import { MAX_CLIENT_HELLO, leastMissing, parseClientHello, type ClientHelloResult } from './client-hello.ts'

const nothing = Buffer.alloc(0)

export class HelloBytes {
  /** With room for more. */
  #bytes: Buffer = nothing
  #length = 0
  /** Below this many bytes it can't be complete; never above the limit, at which it is none. */
  #least = 0

  get length(): number {
    return this.#length
  }

  /** All that has come. */
  get all(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  /** @param piece what has come now, which is copied. @returns what parseClientHello makes of all that has come */
  add(piece: Buffer): ClientHelloResult {
    if (this.#length + piece.length < this.#least) {
      this.#append(piece)
      return 'incomplete'
    }
    if (this.#length > 0) this.#append(piece)
    const result = parseClientHello(this.#length > 0 ? this.all : piece)
    if (this.#length === 0) this.#begin(piece, result === 'incomplete')
    if (result === 'incomplete') this.#least = Math.min(MAX_CLIENT_HELLO, this.#length + leastMissing(this.all))
    return result
  }

  #begin(piece: Buffer, withRoom: boolean): void {
    if (withRoom) return this.#append(piece)
    this.#bytes = Buffer.from(piece)
    this.#length = piece.length
  }

  #append(piece: Buffer): void {
    const length = this.#length + piece.length
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, Math.min(2 * length, MAX_CLIENT_HELLO)))
      this.#bytes.copy(larger, 0, 0, this.#length)
      this.#bytes = larger
    }
    piece.copy(this.#bytes, this.#length)
    this.#length = length
  }
}
