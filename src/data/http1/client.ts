// The connection with a client: reads request heads, hands each request to an exchange, and goes on with the next when
// that is done. Pipelined requests are answered in order, because the next one is looked at only then. An idle
// connection holds no buffer. Also here: the one deadline of the connection, and how it ends.
import type { Socket } from 'node:net'
import { reasonCodes, type ReasonCode } from '../../model/reasons.ts'
import { ms, type Millis } from '../../model/units.ts'
import { hashAddress } from '../../balance/hash.ts'
import type { BindSpec } from '../../messages/snapshot.ts'
import type { WorkerContext } from '../context.ts'
import type { Timed } from '../io/clock.ts'
import { Flow } from '../io/flow.ts'
import { own, pauseReading, resumeReading, sharedBuffer, type OwnedSocket, type SocketOwner } from '../io/socket.ts'
import { plainAddress } from '../io/address.ts'
import { answer } from './answer.ts'
import { SPACE } from './characters.ts'
import { Exchange, PHASE_HEAD, PHASE_IDLE, PHASE_LINGER, type ExchangeClient } from './exchange.ts'
import { INCOMPLETE } from './fields.ts'
import type { RequestForwarding } from './forward.ts'
import type { HttpFrontend } from './frontend.ts'
import { recordRefusal } from './record.ts'
import { RequestHead, failureIndex, parseRequestHead } from './request-head.ts'

/** How long a client may go on sending after our last word, and how much, before the connection is cut. */
const LINGER = ms(2000)
const LINGER_BYTES = 1_048_576
/** An idle connection that is to be closed for a shutdown gets this long for a request that is already on its way. */
const DRAIN_GRACE = ms(300)

const requestHead = new RequestHead()
/** Exchanges without a request, for reuse: an idle connection has none. */
const spare: Exchange[] = []
const MAX_SPARE = 1024

export class Http1Client implements SocketOwner, ExchangeClient, Timed {
  due = 0
  wheelTick = 0
  wheelNext: Timed | null = null
  wheelPrevious: Timed | null = null
  readonly socket: OwnedSocket
  readonly frontend: HttpFrontend
  readonly forwarding: RequestForwarding
  readonly address: string
  readonly port: number
  readonly #context: WorkerContext
  readonly #onClosed: (client: Http1Client) => void
  #exchange: Exchange | null = null
  #phase = PHASE_HEAD
  #flow: Flow | null = null
  /** Bytes that nobody has taken yet: a part of a head, pipelined requests, or a body that the server is not ready for. */
  #stash: Buffer | null = null
  #stashLength = 0
  /** The server has not taken what was sent to it. */
  #held = false
  #reading = true
  /** Our last word has been said; what still comes is thrown away. */
  #closing = false
  #discarded = 0
  /** onBytes or exchangeDone is working through bytes, so that a finished exchange must not start the next. */
  #busy = false
  ended = false

  constructor(socket: Socket, frontend: HttpFrontend, bind: BindSpec, onClosed: (client: Http1Client) => void) {
    this.socket = own(socket, this)
    this.frontend = frontend
    this.#context = frontend.context
    this.#onClosed = onClosed
    this.address = plainAddress(socket.remoteAddress)
    this.port = socket.remotePort ?? 0
    this.forwarding = forwardingOf(frontend, this.address, bind)
    this.expect(PHASE_HEAD, frontend.spec.timeouts.clientHeader)
  }

  get key(): number {
    return hashAddress(this.address)
  }

  get flow(): Flow {
    return (this.#flow ??= new Flow())
  }

  expect(phase: number, span: Millis): void {
    this.#phase = phase
    this.#context.clock.arm(this, span)
  }

  // Bytes in.

  nextBuffer(): Buffer {
    return this.#flow === null ? sharedBuffer : this.#flow.nextBuffer()
  }

  onBytes(buffer: Buffer, n: number): boolean {
    if (this.#closing) this.#discard(n)
    else if (this.#stashLength > 0) this.#append(buffer, n)
    else this.#take(buffer, n)
    this.#reading = this.#wantsBytes()
    return this.#reading
  }

  /** To the exchange what it wants, then to the parser; what is left is kept. */
  #take(buffer: Buffer, end: number): void {
    let at = 0
    this.#busy = true
    if (this.#exchange !== null) at = this.#exchange.onClientBytes(buffer, 0, end)
    while (at < end && this.#exchange === null && !this.#closing) {
      const result = parseRequestHead(requestHead, buffer, at, end, this.frontend.spec.limits)
      if (result === INCOMPLETE) break
      if (result < 0) {
        this.#reject(reasonCodes[failureIndex(result)]!)
        break
      }
      this.#exchange = spare.pop() ?? new Exchange(this.#context)
      at = this.#exchange.begin(this, requestHead, buffer, result, end)
    }
    this.#busy = false
    if (at < end && !this.#closing) this.#keep(buffer, at, end)
  }

  #keep(buffer: Buffer, at: number, end: number): void {
    this.#stashLength = end - at
    this.#stash = Buffer.allocUnsafe(this.#stashLength + 64)
    buffer.copy(this.#stash, 0, at, end)
    if (this.#exchange === null && this.#phase === PHASE_IDLE) {
      this.expect(PHASE_HEAD, this.frontend.spec.timeouts.clientHeader)
    }
  }

  #append(buffer: Buffer, n: number): void {
    const before = this.#stashLength
    const length = before + n
    if (this.#stash!.length < length) {
      const larger = Buffer.allocUnsafe(length * 2)
      this.#stash!.copy(larger, 0, 0, before)
      this.#stash = larger
    }
    buffer.copy(this.#stash!, before, 0, n)
    this.#stashLength = length
    // A head is parsed again only when a line has ended, or when something has come that no head may contain.
    const worthALook = length >= this.frontend.spec.limits.head || hasControl(this.#stash!, before, length)
    if (this.#exchange === null && worthALook) this.#takeStash()
  }

  #takeStash(): void {
    const stash = this.#stash!
    const length = this.#stashLength
    this.#stash = null
    this.#stashLength = 0
    this.#take(stash, length)
  }

  #wantsBytes(): boolean {
    return this.#exchange === null || this.#closing || !(this.#held || this.#stashLength > 0)
  }

  #updateReading(): void {
    const wants = this.#wantsBytes()
    if (wants === this.#reading || this.#busy) return
    this.#reading = wants
    if (wants) resumeReading(this.socket)
    else pauseReading(this.socket)
  }

  holdBody(): void {
    this.#held = true
    this.#updateReading()
  }

  continueBody(): void {
    this.#held = false
    if (this.#stashLength > 0 && !this.#busy) this.#takeStash()
    this.#updateReading()
  }

  onDrain(): void {
    this.#exchange?.onClientDrain()
  }

  // Answers out, and the next request.

  answer(code: ReasonCode, keep: boolean, bodyless: boolean): void {
    this.socket.write(answer(code, !keep, bodyless), 'latin1')
  }

  exchangeDone(keep: boolean): void {
    const exchange = this.#exchange!
    this.#exchange = null
    if (spare.length < MAX_SPARE) spare.push(exchange)
    this.#flow?.rest()
    this.#held = false
    if (!keep || this.ended) return this.#close()
    const spans = this.frontend.spec.timeouts
    this.expect(PHASE_IDLE, this.#context.draining ? DRAIN_GRACE : spans.keepAlive)
    if (this.#stashLength > 0 && !this.#busy) this.#takeStash()
    this.#updateReading()
  }

  /** A head that can't be understood: what follows it can't either. */
  #reject(reason: ReasonCode): void {
    recordRefusal(this.#context, this.frontend.spec, reason)
    this.answer(reason, false, false)
    this.#close()
  }

  // The end.

  /** Says goodbye, and reads on for a while, so that the client sees our answer and not a reset (RFC 9112, section 9.6). */
  #close(): void {
    this.#closing = true
    this.#stash = null
    this.#stashLength = 0
    if (this.socket.destroyed) return
    this.socket.end()
    this.expect(PHASE_LINGER, LINGER)
    this.#updateReading()
  }

  #discard(n: number): void {
    this.#discarded += n
    if (this.#discarded > LINGER_BYTES) this.socket.destroy()
  }

  abort(): void {
    this.#exchange = null
    this.#closing = true
    this.socket.resetAndDestroy()
  }

  onEnd(): void {
    this.ended = true
    if (this.#closing) return
    if (this.#exchange !== null) this.#exchange.onClientEnd()
    else if (this.#stashLength > 0) this.#reject('incomplete_request')
    else this.#close()
  }

  onClosed(): void {
    this.#context.clock.disarm(this)
    this.#closing = true
    this.#stash = null
    this.#stashLength = 0
    this.#exchange?.onClientClosed()
    this.#exchange = null
    this.#onClosed(this)
  }

  onDeadline(): void {
    if (this.#phase === PHASE_LINGER) this.socket.destroy()
    else if (this.#phase === PHASE_IDLE) this.#close()
    else if (this.#phase !== PHASE_HEAD) this.#exchange?.onDeadline(this.#phase)
    else if (this.#stashLength > 0) this.#reject('request_timeout')
    else this.#close()
  }

  /** Turns a new connection away. */
  refuse(reason: ReasonCode): void {
    this.#reject(reason)
  }

  /** The worker is stopping: an idle connection is closed, soon; a busy one after its response. */
  drain(): void {
    if (this.#phase === PHASE_IDLE || (this.#phase === PHASE_HEAD && this.#stashLength === 0)) {
      this.expect(PHASE_IDLE, DRAIN_GRACE)
    }
  }
}

function hasControl(buffer: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    if (buffer[i]! < SPACE) return true
  }
  return false
}

function forwardingOf(frontend: HttpFrontend, address: string, bind: BindSpec): RequestForwarding {
  const { forward } = frontend.spec
  const port = bind.port
  const forwarded = forward.xForwarded
    ? `X-Forwarded-For: ${address}\r\nX-Forwarded-Proto: ${bind.tls === null ? 'http' : 'https'}\r\nX-Forwarded-Port: ${port}\r\n`
    : ''
  return {
    forwarded,
    forwardedWithId: frontend.requestIds === null ? forwarded : `${forwarded}X-Request-ID: ${frontend.requestIds.prefix}`,
    via: forward.via,
    defaultHost: bind.host === null ? 'localhost' : `${bind.host.includes(':') ? `[${bind.host}]` : bind.host}:${port}`,
  }
}
