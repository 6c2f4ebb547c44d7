// How a connection to a server is opened: TCP, unix socket, TLS. The options are made once per server.
import net from 'node:net'
import tls from 'node:tls'
import type { ServerSpec } from '../../messages/snapshot.ts'
import type { Mode } from '../../model/states.ts'
import { WRITE_HIGH_WATER, onread, type OwnedSocket } from '../io/socket.ts'
import { serverTls } from '../tls/server-tls.ts'

/** Opens a connection; the socket emits its ready event ('connect' or 'secureConnect') when it can carry bytes. */
export type ConnectServer = () => { readonly socket: OwnedSocket; readonly readyEvent: 'connect' | 'secureConnect' }

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
      return { socket, readyEvent: 'connect' }
    }
  }
  const secure = serverTls(spec, mode)
  return () => {
    const socket = tls.connect({ ...options, ...secure.options() } as unknown as tls.ConnectionOptions)
    secure.remember(socket)
    const owned = socket as unknown as OwnedSocket
    owned.staticReads = true
    return { socket: owned, readyEvent: 'secureConnect' }
  }
}
