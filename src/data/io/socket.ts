// The narrow seam between the protocols and sockets: accepted ones without TLS are a TcpSocket (tcp-socket.ts), the others
// are Node's. What it adds to those: one read buffer for all sockets of a worker (no allocation per read), and an owner object
// that gets the events, so that no closure is made per socket. It rests on things that Node does not document:
// node-handle.ts, `onread` for an accepted handle, and `onconnection` of a listening handle; where they are missing,
// ordinary events do the same job more slowly (see `static reads` below).
import net from 'node:net'
import { handles, type Endpoint, type Handle } from './node-handle.ts'
import {
  READ_BUFFER,
  WRITE_HIGH_WATER,
  sharedBuffer,
  type OwnedSocket,
  type SocketOwner,
  type Wire,
} from './socket-owner.ts'
import { TcpSocket } from './tcp-socket.ts'

/** One of Node's, with an owner. */
export type NodeSocket = net.Socket &
  OwnedSocket & {
    /** Bytes are read to a static buffer; without, `own` listens to 'data'. */
    staticReads?: boolean
  }

// Node asks for the next buffer when a socket is made and after every callback; null then means the same one again, and
// spares it a look into the buffer.
let next: Buffer | null = sharedBuffer
const takeNext = (): Buffer => {
  const buffer = next
  next = sharedBuffer
  return buffer as Buffer
}
function onRead(this: unknown, n: number, buffer: Uint8Array): boolean {
  const { owner } = this as NodeSocket
  const goOn = owner.onBytes(buffer as Buffer, n)
  const wanted = owner.nextBuffer()
  next = wanted === buffer ? null : wanted // last, because reads of other sockets may nest inside onBytes
  return goOn
}

/** Static reads: for net.Socket and tls.connect as they stand, for TLSSocket through data/tls/accept. */
export const onread = { buffer: takeNext, callback: onRead }

function onEnd(this: OwnedSocket): void {
  this.owner.onEnd()
}
function onDrain(this: OwnedSocket): void {
  this.owner.onDrain()
}
function onError(this: OwnedSocket, error: NodeJS.ErrnoException): void {
  this.failure ??= error
}
function onClose(this: OwnedSocket): void {
  this.owner.onClosed(this.failure ?? null)
}

/** The fallback for a socket without static reads: the same bytes by way of a 'data' event and a copy. */
function onData(this: NodeSocket, chunk: Buffer): void {
  for (let at = 0; at < chunk.length && !this.destroyed; at += READ_BUFFER) {
    const n = chunk.copy(sharedBuffer, 0, at, Math.min(chunk.length, at + READ_BUFFER))
    if (!this.owner.onBytes(sharedBuffer, n)) this.pause()
  }
}

/** Gives a socket its owner; a later call hands it on to another. */
export function own(socket: Wire, owner: SocketOwner): OwnedSocket {
  const owned = socket as NodeSocket
  const before = owned.owner as SocketOwner | undefined
  owned.owner = owner
  if (before !== undefined || socket instanceof TcpSocket) return owned
  owned.direct = handles !== null && !('encrypted' in socket)
  owned.pendingWrite = null
  if (owned.staticReads !== true) owned.on('data', onData).resume()
  owned.on('end', onEnd)
  owned.on('drain', onDrain)
  owned.on('error', onError)
  owned.on('close', onClose)
  return owned
}

/**
 * Ends a connection so that the peer sees that it was not in order: by a reset, or where there is none, over TLS and on a
 * unix socket, by closing it without what belongs to an orderly end.
 */
export function breakOff(socket: Wire): void {
  const { _handle: handle } = socket as unknown as { _handle: { reset?: unknown } | null }
  // While an orderly end waits for bytes to be taken, a reset is refused, and the socket would never be closed.
  const ending = socket.writableEnded && !socket.writableFinished
  if (typeof handle?.reset === 'function' && !ending && !('encrypted' in socket)) socket.resetAndDestroy()
  else socket.destroy()
}

/** Bytes that were written and that the kernel has not taken yet: the smaller, the further a slow reader has come. */
export function unsentBytes(socket: Wire): number {
  const handle = (socket as unknown as { _handle: { writeQueueSize?: number } | null })._handle
  return handle?.writeQueueSize ?? 0
}

/** Starts reading again after `onBytes` answered false. */
export function resumeReading(socket: Wire): void {
  if (!socket.destroyed) socket.resume()
}

/** Stops reading from outside of onBytes. */
export function pauseReading(socket: Wire): void {
  if (!socket.destroyed) socket.pause()
}

interface ListeningHandle {
  onconnection?: (error: number, handle: object) => void
}

/** A connection as it was accepted: the bare handle, or a socket that does not read yet. */
export type Accepted = Wire | object

/**
 * Calls `accept` for every connection of a listening server (made with `pauseOnConnect`).
 * @param bare false: sockets by the ordinary event, for where Node has changed (and for the test of that way)
 */
export function onConnection(server: net.Server, accept: (accepted: Accepted) => void, bare = true): void {
  const handle = (server as unknown as { _handle: ListeningHandle | null })._handle
  if (!bare || handle?.onconnection === undefined) {
    server.on('connection', accept)
    return
  }
  const ordinary = handle.onconnection
  handle.onconnection = function (error, client): void {
    if (error === 0) accept(client)
    else ordinary.call(this, error, client)
  }
}

/** The address of the client; '' when it is gone already, null when it came by a unix socket. */
export function peerAddress(accepted: Accepted): string | null {
  if (accepted instanceof net.Socket) return accepted.remoteFamily === undefined ? null : (accepted.remoteAddress ?? '')
  const handle = accepted instanceof TcpSocket ? accepted._handle : (accepted as Handle)
  if (handle === null) return ''
  if (handle.getpeername === undefined) return null
  const name: Endpoint = {}
  return handle.getpeername(name) === 0 ? (name.address ?? '') : ''
}

/** The socket of a connection without TLS. It reads as soon as it has an owner. @param first for the first read */
export function plainSocket(accepted: Accepted, first = sharedBuffer): Wire {
  if (accepted instanceof net.Socket || accepted instanceof TcpSocket) return accepted
  if (handles !== null) return new TcpSocket(accepted as Handle, first)
  next = first
  const options = { handle: accepted, allowHalfOpen: true, writableHighWaterMark: WRITE_HIGH_WATER, onread }
  const socket = new net.Socket(options as unknown as net.SocketConstructorOpts) as NodeSocket
  socket.staticReads = true
  return socket
}
