// A connection whose PROXY header is waited for. Only bytes that are sure to belong to the header are read, a few at a time
// and into a buffer of its own; what follows stays in the kernel for whoever gets the connection next, so that a TLS handshake
// begins on it as on any other. Where a header is optional, bytes that turn out to be none have been read all the same:
// they are handed on with the connection. Whoever sends neither in time, or breaks a header off, is closed.
import { ms } from '../../model/units.ts'
import type { WorkerContext } from '../context.ts'
import type { Timed } from '../io/clock.ts'
import { NO_ADDRESS } from '../io/address.ts'
import { own, pauseReading, plainSocket, type Accepted } from '../io/socket.ts'
import { sharedBuffer, type OwnedSocket, type SocketOwner } from '../io/socket-owner.ts'
import type { Endpoint, ProxyHeader } from './header.ts'
import { BAD_HEADER, NO_HEADER, SHORTEST, isSurelyHeader, parseProxyHeader } from './parse.ts'
import type { ProxyRules } from './rules.ts'

/** A connection that has been asked for its header. It is not being read. */
export interface Introduced {
  readonly socket: OwnedSocket
  /** As peerAddress has it: the client's, or of who sent the header when that tells of no client. */
  readonly address: string | null
  /** Null: none came. */
  readonly header: ProxyHeader | null
  /** Bytes that were no header; null: nothing but the header was read. */
  readonly early: Buffer | null
}

/** Whose connections they are: a listener. */
export interface HeaderHost {
  onIntroduced(reader: HeaderReader, introduced: Introduced): void
  /** There is no header, and no connection any more. @param silent nothing was ever sent, as by a plain check of a port */
  onNoHeader(reader: HeaderReader, silent: boolean): void
}

/** Takes every header of version 1, and those of version 2 without much in them. */
const ROOM = 128
/** For a header that is on its way already when the worker stops. */
const DRAIN_GRACE = ms(300)

export class HeaderReader implements SocketOwner, Timed {
  due = 0
  wheelTick = 0
  wheelNext: Timed | null = null
  wheelPrevious: Timed | null = null
  /** In the list of its bind (listener/connections.ts). */
  listIndex = -1
  readonly #socket: OwnedSocket
  readonly #from: string | null
  readonly #rules: ProxyRules
  readonly #context: WorkerContext
  readonly #host: HeaderHost
  #bytes = Buffer.allocUnsafe(ROOM)
  #length = 0
  /** What the next read goes into: as long as what is wanted. */
  #window: Buffer<ArrayBuffer>
  #done = false
  /** The worker stops, or the bind is gone. */
  #leaving = false

  /** @param from its address, as peerAddress has it */
  constructor(accepted: Accepted, from: string | null, rules: ProxyRules, context: WorkerContext, host: HeaderHost) {
    this.#from = from
    this.#rules = rules
    this.#context = context
    this.#host = host
    this.#window = this.#bytes.subarray(0, SHORTEST)
    this.#socket = own(plainSocket(accepted, this.#window), this)
    context.clock.arm(this, rules.timeout)
  }

  nextBuffer(): Buffer {
    return this.#done ? sharedBuffer : this.#window
  }

  onBytes(buffer: Buffer, n: number): boolean {
    if (this.#done) return false
    this.#take(buffer, n)
    const result = parseProxyHeader(this.#bytes, this.#length)
    if (typeof result === 'object') this.#introduce(result, result.length)
    else if (result === NO_HEADER) this.#withoutHeader()
    else if (result === BAD_HEADER) this.#refuse(false)
    else {
      this.#reserve(this.#length + result)
      this.#window = this.#bytes.subarray(this.#length, this.#length + result)
    }
    return !this.#done
  }

  /** They are there already, unless Node reads in its own way and more than was asked for. */
  #take(buffer: Buffer, n: number): void {
    if (buffer !== this.#window) {
      this.#reserve(this.#length + n)
      buffer.copy(this.#bytes, this.#length, 0, n)
    }
    this.#length += n
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(length)
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }

  #withoutHeader(): void {
    if (this.#rules.required) this.#refuse(false)
    else this.#introduce(null, 0)
  }

  /** After the read that is under way, for which the socket still has to be ours. @param taken bytes of the header */
  #introduce(header: ProxyHeader | null, taken: number): void {
    this.#finish()
    const early = this.#length > taken ? this.#bytes.subarray(taken, this.#length) : null
    const address = header === null || header.source === null ? this.#from : addressOf(header.source)
    queueMicrotask(() => this.#host.onIntroduced(this, { socket: this.#socket, address, header, early }))
  }

  /** @param silent it is nobody's fault */
  #refuse(silent: boolean): void {
    this.#finish()
    this.#socket.destroy()
    this.#host.onNoHeader(this, silent)
  }

  #finish(): void {
    this.#done = true
    this.#context.clock.disarm(this)
  }

  onEnd(): void {
    if (!this.#done) this.#refuse(this.#length === 0)
  }

  onDrain(): void {}

  /** It was reset: a check that has seen enough, or a sender that is gone. What it had sent goes with it. */
  onClosed(): void {
    if (!this.#done) this.#refuse(true)
  }

  /** A client that waits for the server to speak first may be one without a header. */
  onDeadline(): void {
    if (this.#done) return
    if (this.#leaving) return this.#refuse(true)
    if (this.#length > 0 && isSurelyHeader(this.#length, this.#bytes[0]!)) return this.#refuse(false)
    pauseReading(this.#socket)
    this.#withoutHeader()
  }

  drain(): void {
    if (this.#done) return
    this.#leaving = true
    this.#context.clock.arm(this, DRAIN_GRACE)
  }

  cutOff(): void {
    if (!this.#done) this.#refuse(true)
  }
}

const addressOf = ({ address }: Endpoint): string | null => (address === NO_ADDRESS ? null : address)
