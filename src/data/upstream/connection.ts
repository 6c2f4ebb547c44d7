// One connection to a server. It has a user while a request or a tunnel is on it, and none while it is idle. It keeps
// the bytes of the request head until the answer begins, so that the request can go to another server instead.
import { own, pauseReading, resumeReading } from '../io/socket.ts'
import { type OwnedSocket, type SocketOwner, HOLD, PLACE_BUSY } from '../io/socket-owner.ts'
import { Flow } from '../io/flow.ts'
import { writeBytes } from '../io/write.ts'
import type { ConnectServer } from './connect.ts'

/** Who uses the connection now. After `onUpstreamClosed` nothing more is heard of it. */
export interface UpstreamUser {
  onUpstreamReady(): void
  /** As SocketOwner.onBytes. */
  onUpstreamBytes(buffer: Buffer, n: number): boolean
  onUpstreamEnd(): void
  onUpstreamDrain(): void
  onUpstreamClosed(error: NodeJS.ErrnoException | null): void
}

/** The server that a connection leads to, and that keeps it while nobody uses it. */
export interface ConnectionHome {
  /** Connections open or being opened. */
  count(change: 1 | -1): void
  /** Takes the connection back for reuse, or closes it. */
  keep(connection: UpstreamConnection, now: number): void
  /** It was idle, and is closed. */
  forget(connection: UpstreamConnection): void
}

const HEAD_BUFFER = 2048
/** A larger buffer is not kept on an idle connection. */
const MAX_KEPT = 16_384
const EMPTY = Buffer.alloc(0)

/** For a request of up to `n` bytes that may go to a server later. */
export const outBuffer = (n: number): Buffer => Buffer.allocUnsafeSlow(Math.max(n, HEAD_BUFFER))

export class UpstreamConnection implements SocketOwner {
  readonly socket: OwnedSocket
  /** The way from the server to the client. */
  readonly flow = new Flow()
  user: UpstreamUser | null = null
  ready = false
  /** It began with a PROXY header, which is about one client: no other's request may come on it. */
  ofOneClient = false
  /** Requests begun on it. */
  uses = 0
  /** performance.now() when it became idle. */
  idleSince = 0
  /** For how long it had been idle when it was taken last, in ms. */
  idleFor = 0
  /** The request as it was or will be written: head, and what was at hand of the body. */
  out: Buffer = EMPTY
  outLength = 0
  #closed = false
  /** What was sent last of `out`: often as long as the next. */
  #sent: Buffer = EMPTY
  /** The kernel has not taken all of `out` yet. */
  #outBusy = false

  readonly #home: ConnectionHome

  constructor(home: ConnectionHome, opened: ReturnType<ConnectServer>) {
    this.#home = home
    this.socket = own(opened.socket, this)
    home.count(1)
    opened.socket.once(opened.readyEvent, () => {
      if (opened.socket.destroyed) return // it is not the server that it should be (tls/server-tls.ts)
      this.ready = true
      this.user?.onUpstreamReady()
    })
  }

  /** Makes room for `n` bytes of request. @returns `out` */
  reserve(n: number): Buffer {
    if (this.out.length < n) this.out = outBuffer(n)
    return this.out
  }

  /** Takes more of the request into `out`, for another try; what is there has been sent. */
  append(bytes: Buffer, from: number, end: number): void {
    const length = this.outLength + end - from
    if (this.out.length < length) {
      const larger = outBuffer(length * 2)
      this.out.copy(larger, 0, 0, this.outLength)
      this.out = larger
    }
    bytes.copy(this.out, this.outLength, from, end)
    this.outLength = length
  }

  /** Writes the request that stands in `out`. */
  sendOut(): boolean {
    if (this.#sent.buffer !== this.out.buffer || this.#sent.length !== this.outLength) {
      this.#sent = this.out.subarray(0, this.outLength)
    }
    const outcome = writeBytes(this.socket, this.#sent)
    this.#outBusy = (outcome & PLACE_BUSY) !== 0
    return (outcome & HOLD) === 0
  }

  /** Done with, and good for another request: goes back to its server. */
  release(now: number): void {
    this.user = null
    this.flow.rest()
    if (this.#outBusy || this.out.length > MAX_KEPT) {
      this.out = EMPTY
      this.#outBusy = false
    }
    this.#home.keep(this, now)
  }

  pause(): void {
    pauseReading(this.socket)
  }

  resume(): void {
    resumeReading(this.socket)
  }

  /** Closes it now; its user hears nothing more. */
  destroy(): void {
    this.user = null
    this.flow.rest()
    this.socket.destroy()
  }

  nextBuffer(): Buffer {
    return this.flow.nextBuffer()
  }

  onBytes(buffer: Buffer, n: number): boolean {
    if (this.user !== null) return this.user.onUpstreamBytes(buffer, n)
    this.#unasked()
    return false
  }

  onEnd(): void {
    if (this.user !== null) this.user.onUpstreamEnd()
    else this.#unasked()
  }

  onDrain(): void {
    this.user?.onUpstreamDrain()
  }

  onClosed(error: NodeJS.ErrnoException | null): void {
    if (this.#closed) return
    this.#closed = true
    this.ready = false
    this.flow.rest() // whoever used it, a relay too, is done with its buffer
    this.#home.count(-1)
    const { user } = this
    this.user = null
    if (user === null) this.#home.forget(this)
    else user.onUpstreamClosed(error)
  }

  /** The server closed an idle connection, or spoke on it without being asked: nothing that comes from it can be trusted. */
  #unasked(): void {
    this.#home.forget(this)
    this.socket.destroy()
  }
}
