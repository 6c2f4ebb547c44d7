// Moving bytes from one socket to another without letting a buffer be reused while the kernel still needs it.
// Small pieces are copied into the slab, where the copy costs less than a fresh buffer; bulk transfers read into a buffer
// of their own, which is handed to the write as it is. The usual write is taken whole by the kernel, and then the same
// place is used again; only when it is not does the place stay untouched until the garbage collector sees it free.
import { READ_BUFFER, WRITE_HIGH_WATER, sharedBuffer, type OwnedSocket, HOLD, PLACE_BUSY } from './socket-owner.ts'
import { writeBytes } from './write.ts'

const SLAB = 262_144
const NO_BYTES: Buffer = Buffer.alloc(0)

/** Where outgoing bytes are put together: reserve, fill at `offset`, then send. One per worker. */
class Slab {
  buffer: Buffer = Buffer.allocUnsafeSlow(SLAB)
  offset = 0
  /** The last piece that was sent from here: the next one is often as long, and a view costs more than a comparison. */
  #view: Buffer = NO_BYTES

  /** Makes room for `n` bytes from `offset` on. */
  reserve(n: number): void {
    if (this.buffer.length - this.offset >= n) return
    this.#move(Buffer.allocUnsafeSlow(Math.max(SLAB, n)), 0)
  }

  /** Writes `n` bytes from `offset` to the socket. @returns false when it should be given time to drain */
  send(socket: OwnedSocket, n: number): boolean {
    if (this.#view.length !== n) this.#view = this.buffer.subarray(this.offset, this.offset + n)
    const outcome = writeBytes(socket, this.#view)
    if ((outcome & PLACE_BUSY) !== 0) this.#move(this.buffer, this.offset + n)
    return (outcome & HOLD) === 0
  }

  #move(buffer: Buffer, offset: number): void {
    this.buffer = buffer
    this.offset = offset
    this.#view = NO_BYTES
  }
}

export const slab = new Slab()

/** Buffers of bulk transfers: large ones halve the cost of a byte, but only so many are handed out at a time. */
const LARGE = 262_144
const MAX_LARGE = 64
const MAX_FREE = 16
const free: Buffer[] = []
let largeInUse = 0
/**
 * Sockets whose peers are slow: each holds on to as much as a large buffer, in a write that is not over. They count as in
 * use, or a thousand clients that read nothing would keep one each; who comes when all are in use gets by with less.
 */
const stuck = new Set<OwnedSocket>()

/** Notes that a socket holds on to a large buffer; to one at a time, since nothing is written to it before it drains. */
function hold(socket: OwnedSocket): void {
  if (stuck.has(socket)) return
  stuck.add(socket)
  largeInUse++
}

function forgetUnstuck(): void {
  for (const socket of stuck) {
    const waiting = socket.pendingWrite !== null || socket.writableLength > 0
    if (waiting && !socket.destroyed) continue
    stuck.delete(socket)
    largeInUse--
  }
}

/** One direction of a relay. Its owner says when a transfer is worth a buffer of its own, and when it is over. */
export class Flow {
  #own: Buffer | null = null
  #bulk = false
  /** The receiver is slow: until it has taken what it has, no new buffer is bound to this transfer. */
  #stalled = false

  /** Says that much is to come: from the next read on, the transfer has its own buffer. */
  bulk(): void {
    this.#bulk = true
  }

  /**
   * The transfer is over: back to the shared buffer, and its own is free for others. Only for a socket that is inside of
   * onBytes, or destroyed: any other may still read into that buffer once more.
   */
  rest(): void {
    const own = this.#own
    this.leave()
    if (own !== null && own.length === LARGE && free.length < MAX_FREE) free.push(own)
  }

  /** The same at any time: the buffer is left to the socket, which reads into it until its next read has another. */
  leave(): void {
    this.#bulk = this.#stalled = false
    this.#giveUp()
  }

  #giveUp(): void {
    if (this.#own?.length === LARGE) largeInUse--
    this.#own = null
  }

  nextBuffer(): Buffer {
    if (!this.#bulk) return sharedBuffer
    if (this.#stalled) {
      this.#stalled = false
      return sharedBuffer
    }
    return (this.#own ??= this.#take())
  }

  #take(): Buffer {
    if (stuck.size > 0) forgetUnstuck()
    if (largeInUse >= MAX_LARGE) return Buffer.allocUnsafeSlow(READ_BUFFER)
    largeInUse++
    return free.pop() ?? Buffer.allocUnsafeSlow(LARGE)
  }

  /**
   * Sends from..end of what was just read.
   * @returns false when reading should pause until the socket drains
   */
  send(to: OwnedSocket, buffer: Buffer, from: number, end: number): boolean {
    const n = end - from
    if (buffer !== this.#own || n < WRITE_HIGH_WATER) {
      slab.reserve(n)
      buffer.copy(slab.buffer, slab.offset, from, end)
      return slab.send(to, n)
    }
    const outcome = writeBytes(to, buffer.subarray(from, end))
    const busy = (outcome & PLACE_BUSY) !== 0
    if (busy ? buffer.length === LARGE : outcome !== 0 && n > READ_BUFFER) hold(to) // over TLS, as much in a copy
    if (busy) {
      this.#giveUp() // the write keeps it
      this.#stalled = true
    }
    return (outcome & HOLD) === 0
  }
}
