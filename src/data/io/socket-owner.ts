// What the data path knows of a socket, whoever made it: a TcpSocket (tcp-socket.ts) or one of Node's own. And who gets its
// events.
//
// Rules for an owner: bytes handed to `onBytes` are gone when it returns, unless it took the buffer (ownBuffer);
// returning false asks for a pause, but bytes that were already on their way (TLS) may still come.

/** Whoever owns a socket. All methods are called at most once per event, never after `onClosed`. */
export interface SocketOwner {
  /** `n` bytes have been read to the start of `buffer`. Answer false to pause reading until `resumeReading`. */
  onBytes(buffer: Buffer, n: number): boolean
  /** Buffer for the next read of this socket: `sharedBuffer`, or one of the owner's for bulk transfers. */
  nextBuffer(): Buffer
  /** The peer has closed its side; it may still read. */
  onEnd(): void
  /** All bytes that were waiting have been taken by the kernel, after a write that answered false. */
  onDrain(): void
  /** The socket is closed, in order (null) or by an error. */
  onClosed(error: NodeJS.ErrnoException | null): void
}

/** The part of net.Socket that the data path uses; half open sockets only. */
export interface Wire {
  readonly destroyed: boolean
  readonly connecting: boolean
  /** Bytes that were written and are not known to be taken. */
  readonly writableLength: number
  readonly writableHighWaterMark: number
  readonly writableEnded: boolean
  /** Our side is closed, and all that was written before has been taken by the kernel. */
  readonly writableFinished: boolean
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  /** @returns false: no more should be written until it has drained */
  write(bytes: Uint8Array): boolean
  write(text: string, encoding: 'latin1'): boolean
  /** Closes our side, after what was written. */
  end(): unknown
  /** Closes both sides now. */
  destroy(error?: Error): unknown
  /** The same, after what was written. */
  destroySoon(): void
  /** Closes by a reset; not for TLS, nor for unix sockets. */
  resetAndDestroy(): unknown
  pause(): unknown
  resume(): unknown
  setNoDelay(noDelay: boolean): unknown
}

export type OwnedSocket = Wire & {
  owner: SocketOwner
  /** Writes may go straight to the handle, and the one that is under way (io/write.ts). */
  direct: boolean
  pendingWrite: object | null
  failure?: NodeJS.ErrnoException
}

/** Below this many waiting bytes a write asks for no pause, and pieces are copied rather than handed over. */
export const WRITE_HIGH_WATER = 16_384
/** Read buffer of a worker; also the size of the buffers of bulk transfers. */
export const READ_BUFFER = 65_536

/** What every socket of this worker reads into; its contents last until the callback returns. */
export const sharedBuffer = Buffer.allocUnsafeSlow(READ_BUFFER)

/** Bits of what a write answers; 0: all is taken, and the place of the bytes is free. */
export const PLACE_BUSY = 1
/** Nothing more should be sent until onDrain. */
export const HOLD = 2
