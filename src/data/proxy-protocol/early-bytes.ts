// A connection whose header was read, or that was asked for one in vain, goes on: what was read and was no header comes first,
// then reading is taken up again.
import type { TLSSocket } from 'node:tls'
import { resumeReading } from '../io/socket.ts'
import type { Introduced } from './header-reader.ts'

/** @param introduced its socket has a new owner by now, who gets the bytes */
export function goOnReading({ socket, early }: Pick<Introduced, 'socket' | 'early'>): void {
  if (early === null || socket.owner.onBytes(early, early.length)) resumeReading(socket)
}

/**
 * The handshake on the socket begins with what was read already. Node has it that way for the bytes that wait in a socket
 * from which a TLSSocket is made.
 */
export function beginHandshake(secure: TLSSocket, early: Buffer): void {
  ;(secure as unknown as { _handle: { receive(bytes: Buffer): void } | null })._handle?.receive(early)
}
