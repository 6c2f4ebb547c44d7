// Writing bytes to a socket, and knowing at once what became of them. For sockets without TLS it goes straight to the
// handle: what the kernel takes whole, which is the usual case, then costs none of the bookkeeping of a stream. That
// rests on `writeBuffer(null, …)` of Node 26, which answers 0 for "all taken" and a request object for "later"; elsewhere
// every write is an ordinary one (`direct` of the socket), and so is any write while something is waiting, so that the order is kept.
import { getSystemErrorName } from 'node:util'
import type { OwnedSocket } from './socket.ts'

/** Bits of what writeBytes answers; 0: all is taken, and the place of the bytes is free. */
export const PLACE_BUSY = 1
/** Nothing more should be sent until onDrain. */
export const HOLD = 2

interface PendingWrite {
  oncomplete: (this: PendingWrite, status: number) => void
  /** Set when it was over before `oncomplete` was. */
  writeStatus?: number | null
  socket: OwnedSocket
  /** Keeps the bytes in memory. */
  bytes: Buffer
}

interface WritingHandle {
  writeBuffer(request: null, bytes: Buffer): number | PendingWrite
}

/** @returns PLACE_BUSY and HOLD, or 0 */
export function writeBytes(socket: OwnedSocket, bytes: Buffer): number {
  if (socket.direct && socket.pendingWrite === null && socket.writableLength === 0 && !socket.connecting) {
    const handle = (socket as unknown as { _handle: WritingHandle | null })._handle
    if (handle !== null) {
      const result = handle.writeBuffer(null, bytes)
      return result === 0 ? 0 : notTaken(socket, bytes, result)
    }
  }
  const wasIdle = socket.writableLength === 0
  const goOn = socket.write(bytes)
  if (socket.writableLength === 0) return 0
  // TLS encrypts at once when nothing waited before, and reports the write as done later, whatever the kernel has taken.
  const copied = wasIdle && (socket as { encrypted?: boolean }).encrypted === true
  return (copied ? 0 : PLACE_BUSY) | (goOn ? 0 : HOLD)
}

function notTaken(socket: OwnedSocket, bytes: Buffer, result: number | PendingWrite): number {
  if (typeof result === 'number') {
    socket.destroy(writeError(result))
    return 0
  }
  socket.pendingWrite = result
  result.socket = socket
  result.bytes = bytes
  result.oncomplete = onWritten
  if (typeof result.writeStatus === 'number') setImmediate(() => onWritten.call(result, result.writeStatus!))
  return PLACE_BUSY | HOLD
}

function onWritten(this: PendingWrite, status: number): void {
  const { socket } = this
  if (socket.pendingWrite !== this) return
  socket.pendingWrite = null
  if (socket.destroyed) return
  if (status < 0) socket.destroy(writeError(status))
  else socket.owner.onDrain()
}

function writeError(status: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(status)
  return Object.assign(new Error(`write ${code}`), { code, errno: status, syscall: 'write' })
}

/** More is waiting than a slow peer should be given on top. */
export const isFull = (socket: OwnedSocket): boolean =>
  socket.pendingWrite !== null || socket.writableLength >= socket.writableHighWaterMark
