// Terminates TLS on an accepted connection at the least cost that Node allows. Measured on Node 26, CPU of the process:
// a TLSSocket around the accepted net.Socket with 'data' events; the same with a static read buffer put in by force;
// and a TLSSocket right on the accepted handle, as tls.connect() has it. Static reads save a third of a small request,
// since nothing is allocated per read. The last way gets them through the documented option `onread`, needs no
// second socket object beneath (5 to 10 % of a handshake when none is made at all), and is what this file does. Only that
// the handle is handed over in `_wrapHandle` is undocumented: where that fails, the first way takes its place.
// Not here: deadlines, limits, and what is done with the bytes.
import { Socket } from 'node:net'
import { TLSSocket, type TLSSocketOptions } from 'node:tls'
import { WRITE_HIGH_WATER } from '../io/socket.ts'
import type { ServerTls } from './contexts.ts'

/** Where bytes are read into, and who takes them. One object may serve all sockets of a worker. */
export interface OnRead {
  readonly buffer: () => Buffer
  /** Called with the socket as `this`; the bytes are good until it returns. False: no more until resume(). */
  readonly callback: (nread: number, buffer: Uint8Array) => boolean
}

/** `staticReads`: whether `onread` gets the bytes; if not, the caller listens to 'data'. */
export type AcceptedSocket = TLSSocket & { staticReads?: boolean }

/** The handle of a TCP or pipe connection, which Node does not describe. */
type Handle = object
interface Internals {
  _handle: Handle | null
  /** The net.Server that counts this connection. */
  _server: object | null
  _wrapHandle(wrap: Socket | null, handle: Handle | null, hasActiveWrite: boolean): Handle
  _releaseControl(): void
}
const prototype = TLSSocket.prototype as unknown as Internals

/** False once Node turned out not to build a TLSSocket through `_wrapHandle` any more. */
let handlesCanBeWrapped = typeof prototype._wrapHandle === 'function'

/**
 * Starts the server's side of a handshake. The socket emits 'secure' when it is done, and an error ends the socket at
 * any time, before and after. It may be half open: a client that goes away before 'secure' shows as 'end'.
 * @param raw accepted, with nothing read from it yet and not reading (pauseOnConnect, manualStart); an empty shell
 * from here on. Or its bare handle, which saves making a net.Socket at all.
 * @param staticReads false: the way by ordinary events, for the test of it
 */
export function wrapServer(raw: Socket | Handle, tls: ServerTls, onread: OnRead, staticReads = true): AcceptedSocket {
  const onHandle = staticReads && handlesCanBeWrapped ? wrapHandle(raw, tls.options, onread) : null
  const secure: AcceptedSocket = onHandle ?? new TLSSocket(socketOf(raw), tls.options)
  secure.staticReads = onHandle !== null
  ;(secure as unknown as Internals)._releaseControl() // errors come out as 'error', as they do from tls.connect()
  secure.on('_tlsError', endOnTlsError)
  return secure
}

/** A record that cannot be read after the handshake is only reported by Node; nothing sensible can follow it. */
function endOnTlsError(this: TLSSocket, error: Error): void {
  this.destroy(error)
}

/** The handle on its way to the constructor of TLSSocket, which takes no handle as an argument. */
let onItsWay: Handle | null = null

class SocketOnHandle extends TLSSocket {
  /** Called by that constructor; without a socket it would make a handle to connect with. */
  _wrapHandle(wrap: Socket | null, handle: Handle | null, hasActiveWrite: boolean): Handle {
    const own = handle ?? onItsWay
    onItsWay = null
    return prototype._wrapHandle.call(this, wrap, own, hasActiveWrite)
  }
}

function wrapHandle(raw: Socket | Handle, common: TLSSocketOptions, onread: OnRead): AcceptedSocket | null {
  const shell = raw instanceof Socket ? (raw as unknown as Internals) : null
  const handle = shell ? shell._handle : raw
  if (!handle) return null // closed meanwhile
  onItsWay = handle
  const options = { ...common, onread, allowHalfOpen: true, highWaterMark: WRITE_HIGH_WATER }
  const secure = new SocketOnHandle(null as unknown as Socket, options) // the types want a socket, Node does not
  if (onItsWay !== null) {
    onItsWay = null
    handlesCanBeWrapped = false
    secure.destroy()
    return null
  }
  if (shell) {
    ;(secure as unknown as Internals)._server = shell._server
    shell._server = null
    shell._handle = null
  }
  ;(secure as { connecting: boolean }).connecting = false // it is no client: the handle is connected
  return secure
}

const socketOf = (raw: Socket | Handle): Socket =>
  raw instanceof Socket ? raw : new Socket({ handle: raw, allowHalfOpen: true, manualStart: true } as object)
