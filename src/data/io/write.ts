// Writing bytes to a socket, and knowing at once what became of them. Without TLS it goes straight to the handle: what the
// kernel takes whole, which is the usual case, then costs none of the bookkeeping of a stream. Where Node is another than the one
// whose handles are known (node-handle.ts), and over TLS, every write is an ordinary one (`direct` of the socket), and so is
// any write while something is waiting, so that the order is kept.
import { handleError, whenWritten, type Handle, type WriteRequest } from './node-handle.ts'
import { HOLD, PLACE_BUSY, type OwnedSocket } from './socket-owner.ts'
import { TcpSocket } from './tcp-socket.ts'

interface PendingWrite extends WriteRequest {
  socket: OwnedSocket
  /** Keeps the bytes in memory. */
  bytes: Buffer
}

/** @returns PLACE_BUSY and HOLD, or 0 */
export function writeBytes(socket: OwnedSocket, bytes: Buffer): number {
  if (socket instanceof TcpSocket) return socket.send(bytes)
  if (socket.direct && socket.pendingWrite === null && socket.writableLength === 0 && !socket.connecting) {
    const handle = (socket as unknown as { _handle: Handle | null })._handle
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

function notTaken(socket: OwnedSocket, bytes: Buffer, result: number | WriteRequest): number {
  if (typeof result === 'number') {
    socket.destroy(handleError(result, 'write'))
    return 0
  }
  const request = result as PendingWrite
  socket.pendingWrite = request
  request.socket = socket
  request.bytes = bytes
  whenWritten(request, onWritten)
  return PLACE_BUSY | HOLD
}

function onWritten(this: WriteRequest, status: number): void {
  const { socket } = this as PendingWrite
  if (socket.pendingWrite !== this) return
  socket.pendingWrite = null
  if (socket.destroyed) return
  if (status < 0) socket.destroy(handleError(status, 'write'))
  else socket.owner.onDrain()
}

/** More is waiting than a slow peer should be given on top. */
export const isFull = (socket: OwnedSocket): boolean =>
  socket.pendingWrite !== null || socket.writableLength >= socket.writableHighWaterMark
