// One request and its response, on the way from the client's connection to a server and back. It reads top to bottom like
// that way: begin, place, send, receive, finish; then what may go wrong. The client's connection owns the socket, the parser
// and the deadline; the placement finds the servers, the patience says for how long what is waited for, the recovery what is
// tried again; the exchange owns the connection to the server, and moves the bytes.
import { performance } from 'node:perf_hooks'
import { OUTCOME_FAILED, OUTCOME_TIMEOUT } from '../../balance/outcome.ts'
import { reasons, type ReasonCode } from '../../model/reasons.ts'
import type { Millis } from '../../model/units.ts'
import { millisOf } from '../../scoreboard/clock.ts'
import type { WorkerContext } from '../context.ts'
import type { Session } from './session.ts'
import type { Relay } from '../relay/relay.ts'
import { outcomeOfStatus } from '../upstream/attempt.ts'
import type { Backend } from '../upstream/backend.ts'
import { outBuffer, type UpstreamConnection, type UpstreamUser } from '../upstream/connection.ts'
import { Placement, type Placed } from '../upstream/placement.ts'
import type { Server } from '../upstream/server.ts'
import { PHASE_CONNECT, PHASE_PLACE, PHASE_TARPIT, type ExchangeClient } from './exchange-client.ts'
import { enter } from './entry.ts'
import { ownAnswer } from './own-answer.ts'
import { Patience, type Transfer } from './patience.ts'
import { AGAIN_FRESH, GIVE_UP, Recovery } from './recovery.ts'
import { recordExchange } from './record.ts'
import { Request, TOO_LARGE } from './request.ts'
import { METHOD_HEAD, type RequestHead } from './request-head.ts'
import type { ResponseHead } from './response-head.ts'
import {
  RESPONSE_BROKEN,
  RESPONSE_DONE,
  RESPONSE_HELD,
  RESPONSE_SWITCHED,
  RESPONSE_UNWANTED,
  Response,
  type ResponseJudge,
} from './response.ts'

export class Exchange implements UpstreamUser, Placed, ResponseJudge, Transfer {
  context: WorkerContext = null!
  client: ExchangeClient = null!
  backend: Backend | null = null
  readonly request = new Request()
  readonly placement = new Placement(this)
  readonly #attempt = this.placement.attempt
  readonly #patience = new Patience(this)
  readonly response = new Response()
  readonly #recovery = new Recovery(this.placement, this.request, this.response)
  upstream: UpstreamConnection | null = null
  #session: Session | null = null
  /** Reading from the server waits for the client. */
  clientHolds = false
  #refusal: ReasonCode | null = null
  /** Seconds; 0: nothing is said of it. */
  #retryAfter = 0
  #status = 0
  bytesIn = 0
  /** performance.now(): head complete, placed on the present server, server connected, request sent. 0: not reached. */
  startedAt = 0
  placedAt = 0
  connectedAt = 0
  sentAt = 0

  get status(): number {
    return this.#refusal === null ? this.response.status : this.#status
  }

  // The request: from the client's bytes to a server.

  /**
   * Takes a request whose head has been parsed, and what is there of its body.
   * @param at offset behind the head
   * @returns offset behind what was taken; the rest belongs to later requests or waits for the server
   */
  begin(client: ExchangeClient, head: RequestHead, buffer: Buffer, at: number, end: number): number {
    this.#reset(client, head, buffer)
    this.bytesIn = at - head.start
    const entry = enter(client, head, buffer, this.startedAt)
    const { backend, key, home, high } = entry
    this.backend = backend
    this.#session = entry.session
    this.#retryAfter = entry.retryAfter
    if (entry.refusal !== null || backend === null) return this.#turnAway(entry.refusal ?? 'no_route', at)

    const { timeouts, retry } = backend.spec
    this.#patience.limit(this.startedAt, timeouts.request)
    if (this.request.idempotent || retry.methods === 'all') this.request.keep(retry.body)
    if (backend.judgesResponses) this.response.judge = this
    const server = this.placement.begin(backend, key, home, high, this.startedAt)
    if (server === null && !this.placement.waits) return this.#refuse(this.placement.refusal, at)
    return this.#take(server, head, buffer, at, end)
  }

  #reset(client: ExchangeClient, head: RequestHead, buffer: Buffer): void {
    const { request } = this
    this.client = client
    this.context = client.frontend.context
    this.backend = this.upstream = this.#session = this.#refusal = null
    request.start(head, buffer, client.frontend.spec.limits.body)
    this.response.start(client, head.method, head.minor === 0, request.upgrade)
    this.placement.reset()
    this.clientHolds = false
    this.#recovery.begin()
    this.#retryAfter = 0
    this.#patience.begin()
    this.startedAt = performance.now()
    this.placedAt = this.connectedAt = this.sentAt = 0
    if (this.context.accessLog !== null) request.log(head, buffer)
  }

  /** Takes head and body to where they will be sent from. */
  #take(server: Server | null, head: RequestHead, buffer: Buffer, at: number, end: number): number {
    const { request, client } = this
    const upstream = server === null ? null : this.#connectionTo(server, this.startedAt)
    const room = Request.roomFor(client, head, end)
    const out = upstream === null ? outBuffer(room) : upstream.reserve(room)
    const length = request.compose(out, client, head, buffer, at, this.#session)
    const position = request.take(buffer, at, end, out, length)
    if (position < 0) {
      upstream?.release(this.startedAt)
      this.#attempt.end()
      return this.#refuse(position === TOO_LARGE ? 'body_too_large' : 'bad_chunk', end)
    }
    this.bytesIn += position - at
    this.placedAt = this.startedAt
    if (upstream === null) request.park(out, length + request.written)
    else {
      upstream.outLength = length + request.written
      this.#send(upstream)
    }
    return position
  }

  /** A request that can't be repeated must not meet a connection that is about to be closed. */
  #connectionTo(server: Server, now: number): UpstreamConnection {
    return server.take(this.request.idempotent ? 0 : server.sureSince(now), this.client.peer)
  }

  onWait(span: Millis): void {
    this.#patience.expect(PHASE_PLACE, span)
  }

  /** After a wait in the queue, or for another try. */
  onPlace(server: Server, at: number): void {
    this.placedAt = at
    const again = this.placement.retries > 0
    const fresh = again && !this.request.idempotent
    this.#sendKept(fresh ? server.take(Infinity, this.client.peer) : this.#connectionTo(server, at))
  }

  onNoPlace(reason: ReasonCode): void {
    this.fail(reason)
  }

  #sendKept(upstream: UpstreamConnection): void {
    this.request.unpark(upstream)
    this.response.restart()
    this.connectedAt = this.sentAt = 0
    this.#send(upstream)
    if (upstream.ready && this.upstream === upstream) this.#goOn()
  }

  #send(upstream: UpstreamConnection): void {
    this.upstream = upstream
    upstream.user = this
    if (upstream.ready) this.#write(upstream)
    else this.#patience.expect(PHASE_CONNECT, this.backend!.spec.timeouts.connect)
  }

  onUpstreamReady(): void {
    this.connectedAt = performance.now()
    this.#write(this.upstream!)
    this.#goOn()
  }

  #goOn(): void {
    if (!this.request.done && !this.request.held) this.client.continueBody()
  }

  #write(upstream: UpstreamConnection): void {
    upstream.uses++
    this.sentAt = this.connectedAt === 0 ? this.placedAt : this.connectedAt
    if (!upstream.sendOut()) this.#holdClient(upstream)
    this.#awaitNext()
  }

  /**
   * More bytes of the request's body.
   * @returns offset behind what was taken
   */
  onClientBytes(buffer: Buffer, at: number, end: number): number {
    const upstream = this.upstream
    const { request } = this
    if (upstream === null || !upstream.ready || request.done) return at
    const position = request.forward(upstream, this.client, buffer, at, end)
    if (position < 0) {
      this.fail(position === TOO_LARGE ? 'body_too_large' : 'bad_chunk')
      return end
    }
    if (request.held) this.#holdClient(upstream)
    this.bytesIn += position - at
    if (request.done) this.#attempt.requestSent()
    this.#awaitNext()
    return position
  }

  #holdClient(upstream: UpstreamConnection): void {
    this.request.held = true
    this.#patience.hold(upstream.socket)
    this.client.holdBody()
  }

  onUpstreamDrain(): void {
    if (!this.request.held) return
    this.request.held = false
    this.#awaitNext()
    this.client.continueBody()
  }

  /** Bytes have passed, or another side is waited for. */
  #awaitNext(): void {
    const reason = this.#patience.next()
    if (reason !== null) this.fail(reason)
  }

  // The response: from the server's bytes to the client's.

  onUpstreamBytes(buffer: Buffer, n: number): boolean {
    const upstream = this.upstream!
    const lasting = this.request.persistent && this.request.done && !this.client.leaving
    const response = this.response
    const outcome = response.receive(buffer, n, upstream.flow, lasting)
    if (response.begun) this.#attempt.answer(outcomeOfStatus(response.status), response.answeredAt)
    switch (outcome) {
      case RESPONSE_DONE:
        this.#finish(upstream)
        return true
      case RESPONSE_SWITCHED:
        return this.#switchTo(upstream, buffer, n)
      case RESPONSE_BROKEN:
        this.#attempt.fail('responseErrors', OUTCOME_FAILED)
        this.fail('bad_response')
        return true
      case RESPONSE_UNWANTED:
        this.#recover(this.#recovery.unwanted())
        return true
    }
    this.clientHolds = outcome === RESPONSE_HELD
    if (this.clientHolds) this.#patience.hold(this.client.socket)
    if (response.begun) this.#awaitNext()
    return !this.clientHolds
  }

  wants(status: number): boolean {
    return this.#recovery.wants(status)
  }

  linesFor(head: ResponseHead, buffer: Buffer): string {
    if (this.#session === null) return ''
    return this.#session.onResponse(this.placement.server!.slot, head, buffer, millisOf(performance.now()))
  }

  /** The client has taken what was waiting for it. */
  onClientDrain(): void {
    if (!this.clientHolds) return
    this.clientHolds = false
    this.#awaitNext()
    this.upstream?.resume()
  }

  #switchTo(upstream: UpstreamConnection, buffer: Buffer, end: number): boolean {
    this.upstream = null
    const relay = this.client.becomeTunnel(upstream, this.backend!.spec.timeouts.tunnel)
    const at = this.response.switchedAt
    return at === end || relay.passToClient(buffer, at, end)
  }

  #finish(upstream: UpstreamConnection): void {
    this.upstream = null
    const complete = this.request.done
    if (this.response.reusable && complete) upstream.release(this.response.answeredAt)
    else upstream.destroy()
    this.#attempt.end()
    recordExchange(this, null)
    this.client.exchangeDone(this.response.persistent && complete, !this.request.persistent && complete)
  }

  /** The protocol that the request switched to has come to its end. */
  onTunnelOver(relay: Relay, reason: ReasonCode | null): void {
    this.bytesIn += relay.bytesIn
    this.response.bytesOut += relay.bytesOut
    this.#attempt.end()
    recordExchange(this, reason)
  }

  // What may go wrong, and what is tried again.

  onUpstreamEnd(): void {
    this.onUpstreamClosed(null)
  }

  onUpstreamClosed(error: NodeJS.ErrnoException | null): void {
    if (error === null && this.response.untilClose) this.#finish(this.upstream!)
    else this.#recover(this.#recovery.lost(this.upstream!, error, this.sentAt > 0))
  }

  #recover(how: number): void {
    const { reason } = this.#recovery
    if (how === GIVE_UP) return this.fail(reason)
    this.#dropUpstream()
    if (how === AGAIN_FRESH) return this.#sendKept(this.placement.server!.take(Infinity, this.client.peer))
    this.#attempt.end()
    if (!this.placement.again(this.context.dice)) this.fail(reason)
  }

  /** The connection goes; what stood in it to be sent stays. */
  #dropUpstream(): void {
    const upstream = this.upstream
    if (upstream === null) return
    this.request.park(upstream.out, upstream.outLength)
    upstream.destroy()
    this.upstream = null
  }

  /** The deadline of the client's connection has passed, in a phase that belongs to the exchange. */
  onDeadline(phase: number): void {
    if (this.#patience.isOver) return this.#recover(this.#recovery.expired(phase))
    switch (phase) {
      case PHASE_PLACE:
        return this.placement.onDeadline()
      case PHASE_TARPIT:
        return this.fail(this.#refusal!)
      case PHASE_CONNECT:
        return this.#recover(this.#recovery.unreachable('connect_timeout', OUTCOME_TIMEOUT))
    }
    const reason = this.#patience.verdict(phase)
    if (reason === 'response_timeout') this.#recover(this.#recovery.unanswered(phase))
    else if (reason !== null) this.fail(reason)
  }

  /**
   * The client has closed its side: a request that is not complete can't be any more. One that waits for a place gives it
   * up: it nearly always means that the client has left, and others could be served meanwhile.
   */
  onClientEnd(): void {
    if (!this.request.done) this.fail('incomplete_request')
    else if (this.placement.waits) this.#breakOff('client_gone')
  }

  /** The client is gone altogether. */
  onClientClosed(): void {
    this.#leave()
    recordExchange(this, 'client_gone')
  }

  /** A refusal for asking too much may be held back, so that asking in vain takes time. */
  #turnAway(reason: ReasonCode, position: number): number {
    const { tarpit } = this.client.frontend.spec.clients
    if (reason !== 'rate_limited' || tarpit === 0) return this.#refuse(reason, position)
    this.#refusal = reason
    this.client.expect(PHASE_TARPIT, tarpit)
    return position
  }

  #refuse(reason: ReasonCode, position: number): number {
    this.fail(reason)
    return position
  }

  /** Ends the exchange with a reason: as an answer of our own when nothing has been sent, else by breaking off. */
  fail(reason: ReasonCode): void {
    if (this.response.begun) return this.#breakOff(reason)
    this.#leave()
    const { client, request } = this
    const keep = request.persistent && request.done && !client.ended && !client.leaving
    const bodyless = request.method === METHOD_HEAD
    const own = reason === 'circuit_open' ? this.backend!.spec.breaker!.answer : null
    this.#refusal = reason
    this.#status = own === null ? reasons[reason].status : own.status
    if (own === null) client.answer(reason, keep, bodyless, this.#retryAfter)
    else client.socket.write(ownAnswer(own, reason, { close: !keep, bodyless, lines: client.hsts }))
    recordExchange(this, reason)
    client.exchangeDone(keep, false)
  }

  #breakOff(reason: ReasonCode): void {
    this.#leave()
    recordExchange(this, reason)
    this.client.abort()
  }

  /** Neither waits for a server any more nor has anything on one. */
  #leave(): void {
    this.placement.leave()
    this.#dropUpstream()
    this.request.forget()
    this.#attempt.end()
  }
}
