// The end of a listening socket, and of its path when it is a unix socket. Node removes the path of a socket that it has bound
// itself, and no other; but a path belongs to whoever listens on it, however the socket came to him.
import { linkSync, renameSync, unlinkSync } from 'node:fs'
import type { Server } from 'node:net'

export interface ListeningSocket {
  /** Of a unix socket; null: it is none. */
  readonly path: string | null
  /** It was not bound by this server. */
  readonly inherited: boolean
  /** Somebody else listens on the same socket, so that the path is his. */
  readonly handedOver: boolean
}

/**
 * Lets the kernel complete no handshake more while one waits to be accepted: a client's SYN is dropped then, and sent again a
 * second later, when nobody listens any more and it is refused. So no more than one can be lost with the socket, however many
 * come. Unix sockets are left alone: connecting to a full one is an error at once.
 */
export function narrowQueue(server: Server): void {
  const handle = (server as unknown as { _handle: { listen?(backlog: number): number } | null })._handle
  handle?.listen?.(0)
}

export function closeListening(server: Server, { path, inherited, handedOver }: ListeningSocket): void {
  if (path === null || !server.listening || inherited === handedOver) server.close()
  else if (inherited) {
    server.close()
    attempt(() => unlinkSync(path))
  } else {
    // Two names while it is closed, for Node takes the one away; they are one again before anybody can have looked.
    const other = `${path}~`
    const linked = attempt(() => linkSync(path, other))
    server.close()
    if (linked) attempt(() => renameSync(other, path))
  }
}

/** What stands in the way is not worth a crash: the path is gone, or stays behind and is claimed by the next who wants it. */
function attempt(act: () => void): boolean {
  try {
    act()
    return true
  } catch {
    return false
  }
}
