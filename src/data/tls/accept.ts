// Terminates TLS on an accepted connection at the least cost that Node allows. Measured on Node 26, CPU of the process:
// a TLSSocket around the accepted net.Socket with 'data' events; the same with a static read buffer put in by force;
// and a TLSSocket right on the accepted handle, as tls.connect() has it. Static reads save a third of a small request,
// since nothing is allocated per read. The last way gets them through the documented option `onread`, needs no
// second socket object beneath (5 to 10 % of a handshake when none is made at all), and is what this file does. Only that
// the handle is handed over in `_wrapHandle` is undocumented: where that fails, the first way takes its place.
// Where the certificate is chosen with each handshake, that is asked for right beneath Node's own SNICallback (`oncertcb`), in
// one call: it tells of clients that ask for no name as well, and whether one asks for an OCSP response.
// Not here: deadlines, limits, and what is done with the bytes.
import { Socket } from 'node:net'
import { TLSSocket, type SecureContext, type TLSSocketOptions } from 'node:tls'
import { WRITE_HIGH_WATER } from '../io/socket-owner.ts'
import { TcpSocket } from '../io/tcp-socket.ts'
import { prepareAlert } from './alert.ts'
import type { ClientAuth } from './client-auth.ts'

/** Where bytes are read into, and who takes them. One object may serve all sockets of a worker. */
export interface OnRead {
  readonly buffer: () => Buffer
  /** Called with the socket as `this`; the bytes are good until it returns. False: no more until resume(). */
  readonly callback: (nread: number, buffer: Uint8Array) => boolean
}

/** What a handshake gets (data/tls/contexts.ts says how it is chosen). */
export interface Choice {
  /** Null: it goes on with the default context. */
  readonly context: SecureContext | null
  /** DER, for a client that asks for it; null: there is none. */
  readonly staple: Uint8Array | null
  /** The certificate is on trial. */
  readonly onTrial: boolean
  /** No certificate has the name, and there is to be none: the default context has none either. */
  readonly refused: boolean
}

/** What a handshake that has come to its certificate knows of the client's signature algorithms: 'ECDSA+SHA256' and so on. */
export type Client = Pick<TLSSocket, 'getSharedSigalgs'>

/** @param name as the client sent it; '' when it sent none */
export type Choose = (name: string, client: Client) => Choice

/** What a handshake is begun with. */
export interface Terms {
  readonly options: TLSSocketOptions
  /** Null, or none: the context that is among the options serves every name. Else an SNICallback is among them too. */
  readonly choose?: Choose | null
  /** Null, or none: no certificate is asked for. */
  readonly clientAuth?: ClientAuth | null
}

export type AcceptedSocket = TLSSocket & {
  /** Whether `onread` gets the bytes; if not, the caller listens to 'data'. */
  staticReads: boolean
  /** What was chosen; null: not yet, or there was nothing to choose. A resumed session needs no certificate. */
  choice: Choice | null
  /** Who is to be asked, at 'secure', whether the client may come in; null: every client may. */
  clientAuth: ClientAuth | null
}

/** The handle of a TCP or pipe connection, which Node does not describe. */
type Handle = object
/** What Node has beneath a TLSSocket. */
interface TlsHandle {
  oncertcb?: (this: TlsHandle, hello: { servername: string; OCSPRequest: boolean }) => void
  certCbDone?: () => void
  setOCSPResponse?: (response: Uint8Array) => void
  sni_context?: unknown
}
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
 * @param internals false: nothing that Node does not document, for the test of that way. Bytes come by ordinary events, and
 * certificates are chosen for clients that ask for a name
 */
export function wrapServer(
  raw: Socket | TcpSocket | Handle,
  terms: Terms,
  onread: OnRead,
  internals = true,
): AcceptedSocket {
  const { options, choose = null, clientAuth = null } = terms
  const start = below(raw)
  const onHandle = internals && handlesCanBeWrapped ? wrapHandle(start, options, onread) : null
  const secure = (onHandle ?? new TLSSocket(socketOf(start), options)) as AcceptedSocket
  secure.staticReads = onHandle !== null
  secure.choice = null
  secure.clientAuth = clientAuth
  if (choose !== null && internals) chooseOnHandle(secure, choose)
  if (clientAuth !== null && internals) prepareAlert(secure)
  ;(secure as unknown as Internals)._releaseControl() // errors come out as 'error', as they do from tls.connect()
  secure.on('_tlsError', endOnTlsError)
  return secure
}

/** A record that cannot be read after the handshake is only reported by Node; nothing sensible can follow it. */
function endOnTlsError(this: TLSSocket, error: Error): void {
  this.destroy(error)
}

/** In place of the SNICallback among the options, which does it where Node has no such thing any more. */
function chooseOnHandle(secure: AcceptedSocket, choose: Choose): void {
  const handle: TlsHandle | null = (secure as unknown as Internals)._handle
  if (handle === null || handle.certCbDone === undefined || handle.setOCSPResponse === undefined) return
  // V8 puts a function that is assigned to a property right where it is written into the old generation, and all that it refers to
  // would live until the whole heap is collected.
  const answer: TlsHandle['oncertcb'] = function ({ servername, OCSPRequest }) {
    const choice = choose(servername, secure)
    secure.choice = choice
    if (choice.context !== null) this.sni_context = choice.context.context
    if (OCSPRequest && choice.staple !== null) this.setOCSPResponse!(choice.staple)
    try {
      this.certCbDone!()
    } catch (error) {
      secure.destroy(error as Error)
    }
  }
  handle.oncertcb = answer
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

function wrapHandle(raw: Socket | Handle, common: TLSSocketOptions, onread: OnRead): TLSSocket | null {
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

/** What to begin on: a connection that was read already gives up its handle; closed meanwhile, it has none. */
function below(raw: Socket | TcpSocket | Handle): Socket | Handle {
  return raw instanceof TcpSocket ? (raw.detach() ?? new Socket().destroy()) : raw
}
