// A connection without TLS right on Node's handle: what net.Socket does for the data path, without being a stream. A stream
// keeps its bytes, its events and its state in some ten objects, which for a connection with one request cost as much as the
// request; here are one object and a few numbers. It begins to read at once, into its owner's buffer, and is half open:
// each side ends by itself, and the connection is closed when both have.
// Not here: connecting, TLS, and whom the events are for (socket-owner.ts).
import {
  END_OF_FILE,
  handleError,
  handles,
  readResult,
  whenWritten,
  type Endpoint,
  type Handle,
  type WriteRequest,
} from './node-handle.ts'
import { HOLD, PLACE_BUSY, WRITE_HIGH_WATER, type SocketOwner, type Wire } from './socket-owner.ts'

/** The handle of a TcpSocket. */
type OwnHandle = Handle & { socket?: TcpSocket | null }

interface OwnWrite extends WriteRequest {
  socket: TcpSocket
  /** Keeps them in memory. */
  bytes: Uint8Array
}

/** libuv's UV_ENOTCONN: the peer has reset the connection, there is no side left to close. */
const NOT_CONNECTED = -107
/** What `shutdown` answers when there was nothing to wait for. */
const DONE = 1

export class TcpSocket implements Wire {
  owner!: SocketOwner
  readonly direct = true
  readonly connecting = false
  readonly writableHighWaterMark = WRITE_HIGH_WATER
  destroyed = false
  writableEnded = false
  writableFinished = false
  writableLength = 0
  /** The last of the writes under way. */
  pendingWrite: object | null = null
  failure?: NodeJS.ErrnoException
  /** Named as that of net.Socket, for what is done with either. Null: closed. */
  _handle: OwnHandle | null
  /** What the next read goes to. */
  #buffer: Buffer
  #reading = true
  /** The peer has closed its side. */
  #ended = false
  #closesWhenFinished = false
  #writes = 0
  #peer: Endpoint | null = null
  #own: Endpoint | null = null

  /** @param handle open, and not reading. @param first what the first read goes to */
  constructor(handle: OwnHandle, first: Buffer) {
    this._handle = handle
    this.#buffer = first
    handle.socket = this
    handle.onread = onRead
    handle.useUserBuffer(first)
    handle.readStart()
  }

  // Bytes in.

  /** In `onread`. @returns the buffer for the next read; undefined: the same */
  take(n: number): Buffer | undefined {
    if (n <= 0) {
      this.#noBytes(n)
      return undefined
    }
    const { owner } = this
    const buffer = this.#buffer
    const goOn = owner.onBytes(buffer, n)
    if (this.destroyed) return undefined
    if (!goOn) this.pause()
    const wanted = owner.nextBuffer()
    if (wanted === buffer) return undefined
    this.#buffer = wanted
    return wanted
  }

  #noBytes(n: number): void {
    if (n === 0 || this.destroyed) return
    if (n !== END_OF_FILE) return this.destroy(handleError(n, 'read'))
    this.#ended = true
    this.owner.onEnd()
    if (this.writableFinished) this.destroy()
  }

  pause(): void {
    if (!this.#reading) return
    this.#reading = false
    this._handle?.readStop()
  }

  resume(): void {
    if (this.#reading || this.#ended) return
    this.#reading = true
    this._handle?.readStart()
  }

  // Bytes out.

  /** @returns PLACE_BUSY and HOLD, or 0 */
  send(bytes: Uint8Array): number {
    const handle = this._handle
    if (handle === null || this.writableEnded) return 0
    const result = handle.writeBuffer(null, bytes)
    if (result === 0) return 0
    if (typeof result === 'number') {
      this.destroy(handleError(result, 'write'))
      return 0
    }
    this.#follow(result as OwnWrite, bytes)
    return PLACE_BUSY | HOLD
  }

  write(data: Uint8Array | string, encoding?: 'latin1'): boolean {
    this.send(typeof data === 'string' ? Buffer.from(data, encoding) : data)
    return this.writableLength < WRITE_HIGH_WATER
  }

  #follow(request: OwnWrite, bytes: Uint8Array): void {
    this.#writes++
    this.writableLength += bytes.length
    this.pendingWrite = request
    request.socket = this
    request.bytes = bytes
    whenWritten(request, onWritten)
  }

  onWritten(bytes: number, status: number): void {
    this.#writes--
    this.writableLength -= bytes
    if (this.destroyed) return
    if (status < 0) return this.destroy(handleError(status, 'write'))
    if (this.#writes > 0) return
    this.pendingWrite = null
    if (this.writableEnded) this.#shutDown()
    else this.owner.onDrain()
  }

  // The end.

  end(): void {
    if (this.writableEnded || this.destroyed) return
    this.writableEnded = true
    if (this.#writes === 0) this.#shutDown()
  }

  #shutDown(): void {
    const request = Object.assign(new handles!.ShutdownWrap(), { socket: this, oncomplete: onShutDown })
    const status = this._handle!.shutdown(request)
    if (status === DONE || status === NOT_CONNECTED) this.onShutDown()
    else if (status < 0) this.destroy(handleError(status, 'shutdown'))
  }

  onShutDown(): void {
    this.writableFinished = true
    if (this.#closesWhenFinished || this.#ended) this.destroy()
  }

  destroySoon(): void {
    this.#closesWhenFinished = true
    if (this.writableFinished) this.destroy()
    else this.end()
  }

  destroy(error?: NodeJS.ErrnoException): void {
    this.#leave(error)?.close(onClosed)
  }

  resetAndDestroy(): void {
    const handle = this.#leave()
    if (handle !== null && (handle.reset === undefined || handle.reset(onClosed) !== 0)) handle.close(onClosed)
  }

  #leave(error?: NodeJS.ErrnoException): OwnHandle | null {
    const handle = this._handle
    if (handle === null) return null
    if (error !== undefined) this.failure = error
    this.destroyed = true
    this._handle = null
    handle.onread = ignore
    return handle
  }

  /**
   * Somebody else has the connection from now on: a TLSSocket, or one that reads into a buffer of its own.
   * @returns null: it is closed
   */
  detach(): Handle | null {
    this.pause()
    const handle = this.#leave()
    if (handle !== null) handle.socket = null
    return handle
  }

  // Who is at its ends.

  setNoDelay(noDelay: boolean): void {
    this._handle?.setNoDelay?.(noDelay)
  }

  get remoteAddress(): string | undefined {
    return this.#remote.address
  }

  get remotePort(): number | undefined {
    return this.#remote.port
  }

  get localAddress(): string | undefined {
    return this.#local.address
  }

  get localPort(): number | undefined {
    return this.#local.port
  }

  /** Kept, for when the connection has ended. */
  get #remote(): Endpoint {
    if (this.#peer === null) this._handle?.getpeername?.((this.#peer = {}))
    return this.#peer ?? NOWHERE
  }

  get #local(): Endpoint {
    if (this.#own === null) this._handle?.getsockname?.((this.#own = {}))
    return this.#own ?? NOWHERE
  }
}

const NOWHERE: Endpoint = {}
const ignore = (): undefined => {}

function onRead(this: OwnHandle): Buffer | undefined {
  return this.socket!.take(readResult())
}

function onWritten(this: WriteRequest, status: number): void {
  const { socket, bytes } = this as OwnWrite
  this.oncomplete = ignore
  socket.onWritten(bytes.length, status)
}

function onShutDown(this: { readonly socket: TcpSocket }): void {
  this.socket.onShutDown()
}

function onClosed(this: OwnHandle): void {
  const { socket } = this
  this.socket = null
  socket?.owner.onClosed(socket.failure ?? null)
}
