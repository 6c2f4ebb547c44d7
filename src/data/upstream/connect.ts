// How a connection to a server is opened: TCP, unix socket, TLS. The options are made once per server.
import net from 'node:net'
import tls from 'node:tls'
import type { ServerSpec } from '../../messages/snapshot.ts'
import type { Mode } from '../../model/states.ts'
import { WRITE_HIGH_WATER, onread, type OwnedSocket } from '../io/socket.ts'
import { serverTls } from '../tls/server-tls.ts'

/** Opens a connection; the socket emits its ready event ('connect' or 'secureConnect') when it can carry bytes. */
export type ConnectServer = () => { readonly socket: OwnedSocket; readonly readyEvent: 'connect' | 'secureConnect' }

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
    return () => {
      const socket = net.connect(options as unknown as net.NetConnectOpts) as OwnedSocket
      socket.staticReads = true
      socket.destroy = destroyOnceRead
      return { socket, readyEvent: 'connect' }
    }
  }
  const secure = serverTls(spec, mode)
  return () => {
    const socket = tls.connect({ ...options, ...secure.options() } as unknown as tls.ConnectionOptions)
    secure.remember(socket)
    const owned = socket as unknown as OwnedSocket
    owned.staticReads = true
    owned.destroy = destroyOnceRead
    return { socket: owned, readyEvent: 'secureConnect' }
  }
}
