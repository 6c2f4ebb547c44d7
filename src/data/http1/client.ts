// The connection with a client: reads request heads, hands each request to an exchange, and goes on with the next when
// that is done. Pipelined requests are answered in order, because the next one is looked at only then. An idle
// connection holds no buffer. Also here: the one deadline of the connection, and how it ends.
import { performance } from 'node:perf_hooks'
import type { Socket } from 'node:net'
import { reasonCodes, type ReasonCode } from '../../model/reasons.ts'
import { reasonCell } from '../../scoreboard/reasons.ts'
import { ms, type Millis } from '../../model/units.ts'
import type { WorkerContext } from '../context.ts'
import type { Timed } from '../io/clock.ts'
import { Flow } from '../io/flow.ts'
import { isFull } from '../io/write.ts'
import {
  breakOff,
  own,
  pauseReading,
  resumeReading,
  sharedBuffer,
  unsentBytes,
  type OwnedSocket,
  type SocketOwner,
} from '../io/socket.ts'
import type { ProxyHeader } from '../proxy-protocol/header.ts'
import { Peer } from '../proxy-protocol/peer.ts'
import { Relay, type RelayHost } from '../relay/relay.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import { answer } from './answer.ts'
import { ClientIdentity } from './client-identity.ts'
import { Exchange } from './exchange.ts'
import { PHASE_FLUSH, PHASE_HEAD, PHASE_IDLE, PHASE_LINGER, type ExchangeClient } from './exchange-client.ts'
import { INCOMPLETE } from './fields.ts'
import type { HealthEndpoint } from './health-endpoint.ts'
import type { HttpBind } from './http-bind.ts'
import { Leftover, hasLeftover } from './leftover.ts'
import { PACE_LOOK } from './pace.ts'
import { recordRefusal } from './record.ts'
import { RequestHead, failureIndex, isLast, parseRequestHead } from './request-head.ts'
import { Stash } from './stash.ts'

/** How long a client may go on sending after our last word, and how much, before the connection is cut. */
const LINGER = ms(2000)
const LINGER_BYTES = 16_777_216
/** An idle connection that is to be closed for a shutdown gets this long for a request that is already on its way. */
const DRAIN_GRACE = ms(300)

const requestHead = new RequestHead()
/** Exchanges without a request, for reuse: an idle connection has none. */
const spare: Exchange[] = []
const MAX_SPARE = 1024

export class Http1Client extends ClientIdentity implements SocketOwner, ExchangeClient, RelayHost, Timed {
  due = 0
  wheelTick = 0
  wheelNext: Timed | null = null
  wheelPrevious: Timed | null = null
  readonly socket: OwnedSocket
  headTime = 0
  readonly #context: WorkerContext
  readonly #onClosed: (client: Http1Client) => void
  #exchange: Exchange | null = null
  #phase = PHASE_HEAD
  #flow: Flow | null = null
  readonly #stash = new Stash()
  /** The server has not taken what was sent to it. */
  #held = false
  #reading = true
  /** Our last word has been said; what still comes is thrown away. */
  #closing = false
  #discarded = 0
  /** Of our last word, as of the last look. */
  #unsent = 0
  /** Null: the client has always taken at once what was said. */
  #leftover: Leftover | null = null
  /** performance.now() when a head began that was not there at once; 0: none. */
  #headStartedAt = 0
  /** onBytes or exchangeDone is working through bytes, so that a finished exchange must not start the next. */
  #busy = false
  ended = false
  /** Its bind is gone. */
  #drained = false

  /** @param header that the connection began with, before anything else */
  constructor(
    socket: Socket,
    bind: HttpBind,
    onClosed: (client: Http1Client) => void,
    header: ProxyHeader | null = null,
  ) {
    super(bind, new Peer(socket, header))
    this.socket = own(socket, this)
    this.#context = bind.frontend.context
    this.#onClosed = onClosed
    this.expect(PHASE_HEAD, this.frontend.spec.timeouts.clientHeader)
  }

  get leaving(): boolean {
    return this.#drained || this.#context.draining
  }

  /** Of the request under way; -1: there is none, or it has no server. */
  get serverSlot(): number {
    return this.#exchange?.placement.server?.slot ?? -1
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
    else if (this.#stash.length > 0) this.#append(buffer, n)
    else this.#take(buffer, n)
    this.#reading = this.#wantsBytes()
    return this.#reading
  }

  /** To the exchange what it wants, then to the parser; what is left is kept. */
  #take(buffer: Buffer, end: number): void {
    let at = 0
    this.#busy = true
    if (this.#exchange !== null) at = this.#exchange.onClientBytes(buffer, 0, end)
    while (at < end && this.#exchange === null && !this.#closing && !this.#choked) {
      this.followBind()
      const result = parseRequestHead(requestHead, buffer, at, end, this.frontend.spec.limits)
      if (result === INCOMPLETE) {
        if (this.#headStartedAt === 0) this.#headStartedAt = performance.now()
        break
      }
      this.#endHead()
      if (result < 0) {
        this.#reject(reasonCodes[failureIndex(result)]!)
        break
      }
      if (this.frontend.health !== null && this.#answersCheck(this.frontend.health, buffer, result)) {
        at = result
        continue
      }
      this.#exchange = spare.pop() ?? new Exchange()
      at = this.#exchange.begin(this, requestHead, buffer, result, end)
    }
    this.#busy = false
    if (at < end && !this.#closing) this.#keep(buffer, at, end)
  }

  /** @returns whether the request was for the health endpoint, which has answered it */
  #answersCheck(health: HealthEndpoint, buffer: Buffer, end: number): boolean {
    if (!health.isFor(requestHead, buffer)) return false
    this.speakForItself()
    const keep = health.answer(this, requestHead, buffer, end - requestHead.start)
    this.#goOn(keep, !keep && isLast(requestHead))
    return true
  }

  /** How long the head took, when it came in pieces. */
  #endHead(): void {
    this.headTime = 0
    if (this.#headStartedAt === 0) return
    this.headTime = performance.now() - this.#headStartedAt
    this.#headStartedAt = 0
  }

  #keep(buffer: Buffer, at: number, end: number): void {
    this.#stash.keep(buffer, at, end)
    if (this.#exchange === null && (this.#phase === PHASE_IDLE || this.#phase === PHASE_FLUSH)) {
      const { clientHeader, clientIdle } = this.frontend.spec.timeouts
      this.expect(PHASE_HEAD, this.#choked ? clientIdle : clientHeader)
    }
  }

  #append(buffer: Buffer, n: number): void {
    // A head is parsed again only when a line has ended, or when something has come that no head may contain.
    const worthALook = this.#stash.append(buffer, n) || this.#stash.length >= this.frontend.spec.limits.head
    if (this.#exchange === null && worthALook) this.#takeStash()
  }

  #takeStash(): void {
    const { length } = this.#stash
    this.#take(this.#stash.take()!, length)
    if (this.ended && this.#exchange === null && !this.#choked) this.#endOfRequests()
  }

  /** Answers pile up because the client does not read them: its next request has to wait. */
  get #choked(): boolean {
    return isFull(this.socket)
  }

  #wantsBytes(): boolean {
    if (this.#closing) return true
    return this.#exchange === null ? this.#stash.length === 0 || !this.#choked : !this.#held && this.#stash.length === 0
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
    if (this.#stash.length > 0 && !this.#busy) this.#takeStash()
    this.#updateReading()
  }

  onDrain(): void {
    if (this.#exchange !== null) return this.#exchange.onClientDrain()
    if (this.#stash.length > 0 && !this.#busy) this.#takeStash()
    this.#updateReading()
  }

  // Answers out, and the next request.

  answer(code: ReasonCode, keep: boolean, bodyless: boolean, retryAfter = 0): void {
    this.socket.write(answer(code, !keep, bodyless, retryAfter, this.frontend.spec.requests.methods), 'latin1')
  }

  exchangeDone(keep: boolean, last: boolean): void {
    const exchange = this.#exchange!
    this.#exchange = null
    if (spare.length < MAX_SPARE) spare.push(exchange)
    this.#flow?.leave()
    this.#held = false
    this.#goOn(keep, last)
  }

  /** A request has been answered. */
  #goOn(keep: boolean, last: boolean): void {
    if (last && this.#stash.length === 0 && unsentBytes(this.socket) === 0) return this.#closeAtOnce()
    if (!keep || (this.ended && this.#stash.length === 0 && !this.#busy)) return this.#close()
    if (this.leaving) this.expect(PHASE_IDLE, DRAIN_GRACE)
    else if (!this.#awaitFlush()) this.expect(PHASE_IDLE, this.frontend.spec.timeouts.keepAlive)
    if (this.#stash.length > 0 && !this.#busy) this.#takeStash()
    this.#updateReading()
  }

  /** A head that can't be understood: what follows it can't either. */
  #reject(reason: ReasonCode, retryAfter = 0): void {
    this.speakForItself()
    recordRefusal(this.#context, this, reason)
    this.answer(reason, false, false, retryAfter)
    this.#close()
  }

  // After an upgrade.

  becomeTunnel(upstream: UpstreamConnection, span: Millis): Relay {
    this.#context.clock.disarm(this)
    const relay = new Relay(this.socket, upstream, this.#context.clock, span, this)
    const { length } = this.#stash
    relay.begin(length > 0 ? this.#stash.take()!.subarray(0, length) : null, this.ended)
    return relay
  }

  onRelayClientClosed(): void {
    this.#onClosed(this)
  }

  onRelayOver(relay: Relay, reason: ReasonCode | null): void {
    this.#exchange!.onTunnelOver(relay, reason)
    this.#exchange = null
  }

  // The end.

  /** Says goodbye, and reads on for a while, so that the client sees our answer and not a reset (RFC 9112, section 9.6). */
  #close(): void {
    this.#closing = true
    this.#stash.take()
    if (this.socket.destroyed) return
    this.socket.end()
    if (!this.#awaitFlush()) this.#linger(unsentBytes(this.socket))
    this.#updateReading()
  }

  /** The client has said that it sends nothing more, and the kernel has all of our answer: there is nothing to wait for. */
  #closeAtOnce(): void {
    this.#closing = true
    if (this.tls) this.socket.destroySoon()
    else this.socket.destroy()
  }

  /** While our last word is on its way, the client has the time that it has for a body. */
  #linger(unsent: number): void {
    this.#unsent = unsent
    this.expect(PHASE_LINGER, unsent > 0 ? this.frontend.spec.timeouts.clientIdle : LINGER)
  }

  /** The end of it, unless a slow client has taken some more of our last word. */
  #endLinger(): void {
    const unsent = unsentBytes(this.socket)
    if (unsent >= this.#unsent) this.socket.destroy()
    else this.#linger(unsent)
  }

  /**
   * Until the client has taken all that was said to it, it is held against the lowest rate.
   * @returns false: it has, or any rate will do
   */
  #awaitFlush(): boolean {
    const { limits } = this.frontend.spec
    if (limits.bodyRate === 0 || !hasLeftover(this.socket)) return false
    this.#leftover ??= new Leftover(this.socket, this.#context.clock, this.frontend.spec)
    this.#leftover.start()
    this.expect(PHASE_FLUSH, PACE_LOOK)
    return true
  }

  #endFlush(): void {
    const unsent = unsentBytes(this.socket)
    if (unsent > 0) return this.#flushOn(this.#leftover!.complaint(unsent))
    if (this.#closing) this.#linger(0)
    else this.expect(PHASE_IDLE, this.frontend.spec.timeouts.keepAlive)
  }

  #flushOn(complaint: ReasonCode | null): void {
    if (complaint === null) return this.expect(PHASE_FLUSH, PACE_LOOK)
    this.#context.row.tables.frontend.reasons[reasonCell(this.frontend.spec.slot, complaint)]!++
    this.abort()
  }

  #discard(n: number): void {
    this.#discarded += n
    if (this.#discarded > LINGER_BYTES) this.socket.destroy()
  }

  abort(): void {
    this.#exchange = null
    this.#closing = true
    breakOff(this.socket)
  }

  onEnd(): void {
    this.ended = true
    if (this.#closing) return
    if (this.#exchange !== null) this.#exchange.onClientEnd()
    else if (this.#stash.length === 0 || !this.#choked) this.#endOfRequests()
  }

  /** The client has closed its side, and all its requests have been answered. */
  #endOfRequests(): void {
    if (this.#closing) return
    if (this.#stash.hasPartOfHead) this.#reject('incomplete_request')
    else this.#close()
  }

  onClosed(): void {
    this.#context.clock.disarm(this)
    this.#flow?.rest()
    this.#closing = true
    this.#stash.take()
    this.#exchange?.onClientClosed()
    this.#exchange = null
    this.#onClosed(this)
  }

  onDeadline(): void {
    if (this.#phase === PHASE_LINGER) this.#endLinger()
    else if (this.#phase === PHASE_IDLE) this.#close()
    else if (this.#phase === PHASE_FLUSH) this.#endFlush()
    else if (this.#phase !== PHASE_HEAD) this.#exchange?.onDeadline(this.#phase)
    else if (this.#choked) this.#stalled()
    else if (this.#stash.hasPartOfHead) this.#reject('request_timeout')
    else this.#close()
  }

  /** The client has more requests, and reads no answers. */
  #stalled(): void {
    this.speakForItself()
    recordRefusal(this.#context, this, 'client_stalled')
    this.abort()
  }

  /** Turns a new connection away. @param retryAfter seconds; 0: not said */
  refuse(reason: ReasonCode, retryAfter = 0): void {
    this.#reject(reason, retryAfter)
  }

  /** The worker is stopping: an idle connection is closed, soon; a busy one after its response. */
  drain(): void {
    this.#drained = true
    const answered = this.#phase === PHASE_IDLE || (this.#phase === PHASE_FLUSH && !this.#closing)
    if (answered || (this.#phase === PHASE_HEAD && this.#stash.length === 0)) {
      this.expect(PHASE_IDLE, DRAIN_GRACE)
    }
  }

  /** The time for a stop is over. */
  cutOff(): void {
    this.socket.destroy()
  }
}
