// What Node has beneath its sockets, and does not describe: handles of connections, and where they leave the result of a read.
// With it a connection costs a third less than as a net.Socket, and a read or a write none of the bookkeeping of a stream.
// All that rests on undocumented parts of Node is typed here; `handles` is null where Node is another than the one
// whose handles these are, and then everything goes by net.Socket.
import { getSystemErrorName } from 'node:util'

/** A write that is not over; the bytes have to stay as they are until it is. */
export interface WriteRequest {
  oncomplete: (this: WriteRequest, status: number) => void
  /** Set when it was over before `oncomplete` was. */
  writeStatus?: number | null
}

/** Has `done` called when it is over, which it may be already. */
export function whenWritten(request: WriteRequest, done: WriteRequest['oncomplete']): void {
  request.oncomplete = done
  if (typeof request.writeStatus === 'number') setImmediate(() => done.call(request, request.writeStatus!))
}

/** An open connection: TCP, a unix socket, or TLS on top of either. */
export interface Handle {
  /** Called after every read; may answer with the buffer for the next one. */
  onread: (this: Handle) => Uint8Array | undefined
  /** Bytes that the kernel has not taken yet. */
  readonly writeQueueSize: number
  /** Where reads go to. */
  useUserBuffer(buffer: Uint8Array): void
  readStart(): number
  readStop(): number
  /** @returns 0: the kernel has taken all; another number: it failed; else it is under way */
  writeBuffer(request: null, bytes: Uint8Array): number | WriteRequest
  /** @returns 1: done; else as usual */
  shutdown(request: object): number
  /** `closed` is called with the handle as `this`, as it is by `reset`. */
  close(closed: (this: Handle) => void): void
  /** Not for unix sockets. */
  reset?(closed: (this: Handle) => void): number
  setNoDelay?(noDelay: boolean): number
  getpeername?(name: Endpoint): number
  getsockname?(name: Endpoint): number
}

export interface Endpoint {
  address?: string
  port?: number
}

interface StreamWrap {
  readonly streamBaseState: Int32Array
  readonly kReadBytesOrError: number
  readonly ShutdownWrap: new () => { oncomplete?: () => void }
}

const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]

function findStreamWrap(): StreamWrap | null {
  if (major < 26 || (major === 26 && minor < 10)) return null // writeBuffer takes no null there
  try {
    const found = (process as unknown as { binding(name: string): Partial<StreamWrap> }).binding('stream_wrap')
    const { streamBaseState, kReadBytesOrError, ShutdownWrap } = found
    if (streamBaseState === undefined || kReadBytesOrError === undefined || ShutdownWrap === undefined) return null
    return { streamBaseState, kReadBytesOrError, ShutdownWrap }
  } catch {
    return null
  }
}

/** Null: this Node has other handles. */
export const handles = findStreamWrap()

const state = handles?.streamBaseState ?? new Int32Array(1)
const READ_RESULT = handles?.kReadBytesOrError ?? 0

/** In `onread`: bytes that were read, 0, or the error; END_OF_FILE is one. */
export const readResult = (): number => state[READ_RESULT]!
export const END_OF_FILE = -4095

/** @param syscall read, write or shutdown */
export function handleError(status: number, syscall: string): NodeJS.ErrnoException {
  const code = getSystemErrorName(status)
  return Object.assign(new Error(`${syscall} ${code}`), { code, errno: status, syscall })
}
