// The connection with a client: reads request heads, hands each request to an exchange, and goes on with the next when
// that is done. Pipelined requests are answered in order, because the next one is looked at only then. An idle
// connection holds no buffer. How the connection ends is client-ending.ts, and whose it is client-identity.ts.
import { performance } from 'node:perf_hooks'
import { reasonCodes, type ReasonCode } from '../../model/reasons.ts'
import type { Millis } from '../../model/units.ts'
import { Flow } from '../io/flow.ts'
import { isFull } from '../io/write.ts'
import { sharedBuffer, type Wire } from '../io/socket-owner.ts'
import { pauseReading, resumeReading, unsentBytes } from '../io/socket.ts'
import type { ProxyHeader } from '../proxy-protocol/header.ts'
import { Relay, type RelayHost } from '../relay/relay.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import { answer } from './answer.ts'
import { ClientEnding } from './client-ending.ts'
import { Exchange } from './exchange.ts'
import { PHASE_FLUSH, PHASE_HEAD, PHASE_IDLE, PHASE_LINGER, type ExchangeClient } from './exchange-client.ts'
import { INCOMPLETE } from './fields.ts'
import type { HttpBind } from './http-bind.ts'
import { sendOwnPage } from './own-page.ts'
import { recordRefusal } from './record.ts'
import { RequestHead, failureIndex, isLast, parseRequestHead } from './request-head.ts'

const requestHead = new RequestHead()
/** Exchanges without a request, for reuse: an idle connection has none. */
const spare: Exchange[] = []
const MAX_SPARE = 1024

export class Http1Client extends ClientEnding implements ExchangeClient, RelayHost {
  headTime = 0
  readonly #onClosed: (client: Http1Client) => void
  #exchange: Exchange | null = null
  #flow: Flow | null = null
  /** The server has not taken what was sent to it. */
  #held = false
  #reading = true
  /** performance.now() when a head began that was not there at once; 0: none. */
  #headStartedAt = 0
  /** onBytes or exchangeDone is working through bytes, so that a finished exchange must not start the next. */
  #busy = false

  /** @param header that the connection began with, before anything else */
  constructor(
    socket: Wire,
    bind: HttpBind,
    onClosed: (client: Http1Client) => void,
    header: ProxyHeader | null = null,
  ) {
    super(socket, bind, header)
    this.#onClosed = onClosed
    this.expect(PHASE_HEAD, this.frontend.spec.timeouts.clientHeader)
  }

  /** Of the request under way; -1: there is none, or it has no server. */
  get serverSlot(): number {
    return this.#exchange?.placement.server?.slot ?? -1
  }

  get flow(): Flow {
    return (this.#flow ??= new Flow())
  }

  // Bytes in.

  nextBuffer(): Buffer {
    return this.#flow === null ? sharedBuffer : this.#flow.nextBuffer()
  }

  onBytes(buffer: Buffer, n: number): boolean {
    if (this.closing) this.discard(n)
    else if (this.stash.length > 0) this.#append(buffer, n)
    else this.#take(buffer, n)
    this.#reading = this.#wantsBytes()
    return this.#reading
  }

  /** To the exchange what it wants, then to the parser; what is left is kept. */
  #take(buffer: Buffer, end: number): void {
    let at = 0
    this.#busy = true
    if (this.#exchange !== null) at = this.#exchange.onClientBytes(buffer, 0, end)
    while (at < end && this.#exchange === null && !this.closing && !this.#choked) {
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
      if (this.frontend.hasOwnPages && this.#answersItself(buffer, result)) {
        at = result
        continue
      }
      this.#exchange = spare.pop() ?? new Exchange()
      at = this.#exchange.begin(this, requestHead, buffer, result, end)
    }
    this.#busy = false
    if (at < end && !this.closing) this.#keep(buffer, at, end)
  }

  /** @returns whether the request was for a page of Weir's own, which it has got */
  #answersItself(buffer: Buffer, end: number): boolean {
    const page = this.frontend.ownPageFor(requestHead, buffer)
    if (page === null) return false
    this.speakForItself()
    const keep = sendOwnPage(page, this.context, this, requestHead, buffer, end - requestHead.start)
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
    this.stash.keep(buffer, at, end)
    if (this.#exchange === null && (this.phase === PHASE_IDLE || this.phase === PHASE_FLUSH)) {
      const { clientHeader, clientIdle } = this.frontend.spec.timeouts
      this.expect(PHASE_HEAD, this.#choked ? clientIdle : clientHeader)
    }
  }

  #append(buffer: Buffer, n: number): void {
    // A head is parsed again only when a line has ended, or when something has come that no head may contain.
    const worthALook = this.stash.append(buffer, n) || this.stash.length >= this.frontend.spec.limits.head
    if (this.#exchange === null && worthALook) this.#takeStash()
  }

  #takeStash(): void {
    const { length } = this.stash
    this.#take(this.stash.take()!, length)
    if (this.ended && this.#exchange === null && !this.#choked) this.#endOfRequests()
  }

  /** Answers pile up because the client does not read them: its next request has to wait. */
  get #choked(): boolean {
    return isFull(this.socket)
  }

  #wantsBytes(): boolean {
    if (this.closing) return true
    return this.#exchange === null ? this.stash.length === 0 || !this.#choked : !this.#held && this.stash.length === 0
  }

  protected updateReading(): void {
    const wants = this.#wantsBytes()
    if (wants === this.#reading || this.#busy) return
    this.#reading = wants
    if (wants) resumeReading(this.socket)
    else pauseReading(this.socket)
  }

  holdBody(): void {
    this.#held = true
    this.updateReading()
  }

  continueBody(): void {
    this.#held = false
    if (this.stash.length > 0 && !this.#busy) this.#takeStash()
    this.updateReading()
  }

  onDrain(): void {
    if (this.#exchange !== null) return this.#exchange.onClientDrain()
    if (this.stash.length > 0 && !this.#busy) this.#takeStash()
    this.updateReading()
  }

  // Answers out, and the next request.

  answer(code: ReasonCode, keep: boolean, bodyless: boolean, retryAfter = 0): void {
    const { methods } = this.frontend.spec.requests
    this.socket.write(answer(code, { close: !keep, bodyless, retryAfter, methods, lines: this.hsts }), 'latin1')
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
    if (last && this.stash.length === 0 && unsentBytes(this.socket) === 0) return this.closeAtOnce()
    if (!keep || (this.ended && this.stash.length === 0 && !this.#busy)) return this.close()
    this.awaitRequest()
    if (this.stash.length > 0 && !this.#busy) this.#takeStash()
    this.updateReading()
  }

  /** A head that can't be understood: what follows it can't either. */
  #reject(reason: ReasonCode, retryAfter = 0): void {
    this.speakForItself()
    recordRefusal(this.context, this, reason)
    this.answer(reason, false, false, retryAfter)
    this.close()
  }

  // After an upgrade.

  becomeTunnel(upstream: UpstreamConnection, span: Millis): Relay {
    this.context.clock.disarm(this)
    const relay = new Relay(this.socket, upstream, this.context.clock, span, this)
    const { length } = this.stash
    relay.begin(length > 0 ? this.stash.take()!.subarray(0, length) : null, this.ended)
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

  override abort(): void {
    this.#exchange = null
    super.abort()
  }

  onEnd(): void {
    this.ended = true
    if (this.closing) return
    if (this.#exchange !== null) this.#exchange.onClientEnd()
    else if (this.stash.length === 0 || !this.#choked) this.#endOfRequests()
  }

  /** The client has closed its side, and all its requests have been answered. */
  #endOfRequests(): void {
    if (this.closing) return
    if (this.stash.hasPartOfHead) this.#reject('incomplete_request')
    else this.close()
  }

  onClosed(): void {
    this.context.clock.disarm(this)
    this.#flow?.rest()
    this.closing = true
    this.stash.take()
    this.#exchange?.onClientClosed()
    this.#exchange = null
    this.#onClosed(this)
  }

  onDeadline(): void {
    if (this.phase === PHASE_LINGER) this.endLinger()
    else if (this.phase === PHASE_IDLE) this.close()
    else if (this.phase === PHASE_FLUSH) this.endFlush()
    else if (this.phase !== PHASE_HEAD) this.#exchange?.onDeadline(this.phase)
    else if (this.#choked) this.#stalled()
    else if (this.stash.hasPartOfHead) this.#reject('request_timeout')
    else this.close()
  }

  /** The client has more requests, and reads no answers. */
  #stalled(): void {
    this.speakForItself()
    recordRefusal(this.context, this, 'client_stalled')
    this.abort()
  }

  /** Turns a new connection away. @param retryAfter seconds; 0: not said */
  refuse(reason: ReasonCode, retryAfter = 0): void {
    this.#reject(reason, retryAfter)
  }
}
