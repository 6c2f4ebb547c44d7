// How a connection to a server is opened: TCP, unix socket, TLS, a PROXY header before all else. The options are made once
// per server.
import net from 'node:net'
import tls from 'node:tls'
import type { ServerSpec } from '../../messages/snapshot.ts'
import type { Mode } from '../../model/states.ts'
import { onread, type NodeSocket } from '../io/socket.ts'
import { WRITE_HIGH_WATER } from '../io/socket-owner.ts'
import { serverTls } from '../tls/server-tls.ts'

/** A connection on its way; the socket emits its ready event when it can carry bytes. */
export interface Opened {
  readonly socket: NodeSocket
  readonly readyEvent: 'connect' | 'secureConnect'
}

/** @param header the first bytes on the connection, before its TLS too; null: none */
export type ConnectServer = (header: Uint8Array | null) => Opened

/** A socket that was told to end by an error of a write, and has its last chance to be read. */
type Dying = net.Socket & { dying?: boolean }

/**
 * In place of a socket's `destroy`. A write that fails means that the server reads no more; often it has answered first
 * ("413, and I don't want the rest"), and that answer waits to be read. Two turns of the event loop are enough for that.
 */
function destroyOnceRead<S extends Dying>(this: S, error?: NodeJS.ErrnoException): S {
  if (error?.syscall !== 'write') return net.Socket.prototype.destroy.call(this, error) as S
  if (this.dying !== true) setImmediate(() => setImmediate(() => net.Socket.prototype.destroy.call(this, error)))
  this.dying = true
  return this
}

export function connectTo(spec: ServerSpec, mode: Mode): ConnectServer {
  const target = spec.path === null ? { host: spec.host!, port: spec.port } : { path: spec.path }
  const options = {
    ...target,
    onread,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: false,
    writableHighWaterMark: WRITE_HIGH_WATER,
    highWaterMark: WRITE_HIGH_WATER,
  }
  if (spec.tls === null) {
    return (header) => {
      const socket = net.connect(options as unknown as net.NetConnectOpts) as NodeSocket
      if (header !== null) socket.write(header) // Node keeps it until the socket is connected, and sends it first
      socket.staticReads = true
      socket.destroy = destroyOnceRead
      return { socket, readyEvent: 'connect' }
    }
  }
  const secure = serverTls(spec, mode)
  return (header) => {
    const below = header === null ? null : introduced(target, header)
    const how = { ...options, ...(below !== null && { socket: below }), ...secure.options() }
    const socket = tls.connect(how as unknown as tls.ConnectionOptions)
    secure.attend(socket)
    const owned = socket as unknown as NodeSocket
    if (below !== null) tie(below, owned)
    owned.staticReads = header === null // over another socket, Node reads in its own way
    owned.destroy = destroyOnceRead
    return { socket: owned, readyEvent: 'secureConnect' }
  }
}

/** The connection beneath one of TLS, when something has to be said on it before the handshake. */
function introduced(target: object, header: Uint8Array): net.Socket {
  const socket = net.connect({ ...target, noDelay: true, allowHalfOpen: true } as net.NetConnectOpts)
  socket.once('connect', () => socket.write(header)) // ahead of the handshake, which begins with the same event
  return socket
}

/** They end as one. Why the lower one failed is told before Node closes the upper one, which it does without a reason. */
function tie(below: net.Socket, socket: NodeSocket): void {
  below.prependOnceListener('error', (error) => (socket.failure ??= error))
  socket.once('close', () => below.destroy())
}
