// One request and its response, on the way from the client's connection to a server and back. It reads top to bottom like
// that way: begin, send, receive, finish; then what may go wrong. The client's connection owns the socket, the parser and
// the deadline; the exchange owns the connection to the server, and decides whether a request may go to another one.
import { performance } from 'node:perf_hooks'
import { OUTCOME_FAILED, OUTCOME_TIMEOUT, type Outcome } from '../../balance/outcome.ts'
import { reasons, type ReasonCode } from '../../model/reasons.ts'
import { microsOf } from '../../scoreboard/clock.ts'
import type { WorkerContext } from '../context.ts'
import { slab } from '../io/flow.ts'
import { READ_BUFFER, unsentBytes } from '../io/socket.ts'
import type { Relay } from '../relay/relay.ts'
import { Attempt, outcomeOfStatus } from '../upstream/attempt.ts'
import type { Backend } from '../upstream/backend.ts'
import type { UpstreamConnection, UpstreamUser } from '../upstream/connection.ts'
import { SURELY_OPEN, type Server } from '../upstream/server.ts'
import { BAD_BODY, BODY_CHUNKED, BODY_LENGTH, BODY_NONE, Body, CHUNK_OVERHEAD } from './body.ts'
import { PHASE_CONNECT, PHASE_RELAY, PHASE_RESPONSE, PHASE_UPLOAD, type ExchangeClient } from './exchange-client.ts'
import { HEAD_OVERHEAD, allowsUpgrade } from './forward.ts'
import { recordExchange } from './record.ts'
import { METHOD_HEAD, isIdempotent, type RequestHead } from './request-head.ts'
import { RESPONSE_BROKEN, RESPONSE_DONE, RESPONSE_HELD, RESPONSE_SWITCHED, Response } from './response.ts'

export class Exchange implements UpstreamUser {
  context: WorkerContext = null!
  client: ExchangeClient = null!
  backend: Backend | null = null
  server: Server | null = null
  #upstream: UpstreamConnection | null = null
  /** What the balancing counts of it, from #send to whatever ends it. */
  readonly #attempt = new Attempt()
  readonly #request = new Body()
  readonly #response = new Response()
  #method = 0
  #key = 0 // what the choice of the server sticks to, with every try
  /** The client wants and understands that its connection stays open; if not, this is its last request. */
  #persistent = false
  #upgrade = false
  /** All that was taken of the request stands in the upstream connection's `out`. */
  #replayable = true
  /** Slots that could not be reached for this request. */
  #tried: number[] | null = null
  #freshTried = false
  /** Reading from the server waits for the client. */
  #upstreamHeld = false
  /** Reading from the client waits for the server. */
  #clientHeld = false
  /** What the slower side had not taken yet when it was looked at. */
  #unsent = 0
  #refusal: ReasonCode | null = null
  retries = 0
  bytesIn = 0
  /** performance.now(): head complete, server connected, request sent. 0: not reached. */
  startedAt = 0
  connectedAt = 0
  sentAt = 0
  /** For the log; filled only when there is one. */
  logMethod = ''
  logTarget = ''
  logHost = ''
  logMinor = 1
  requestId = ''

  get status(): number {
    return this.#refusal === null ? this.#response.status : reasons[this.#refusal].status
  }

  get bytesOut(): number {
    return this.#response.bytesOut
  }

  get answeredAt(): number {
    return this.#response.answeredAt
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
    this.backend = client.frontend.backendFor(head, buffer)
    if (this.backend === null) return this.#refuse('no_route', at)
    this.#key = client.frontend.keyOf(this.backend, head, buffer, client)
    this.server = this.backend.pick(this.#key, null, microsOf(this.startedAt))
    if (this.server === null) return this.#refuse('no_server', at)

    const upstream = this.server.take(isIdempotent(head.method) ? 0 : this.startedAt - SURELY_OPEN)
    upstream.reserve(end - head.start + client.forwarding.forwardedWithId.length + HEAD_OVERHEAD + CHUNK_OVERHEAD)
    upstream.outLength = this.#compose(upstream.out, head, buffer, at)
    let position = at
    if (!this.#request.done && at < end) {
      position = this.#request.copy(buffer, at, end, upstream.out, upstream.outLength)
      if (position === BAD_BODY) {
        upstream.release(this.startedAt)
        this.server = null
        return this.#refuse('bad_chunk', end)
      }
      upstream.outLength += this.#request.written
      this.bytesIn += position - at
    }
    this.#attempt.begin(this.server, this.startedAt)
    this.#send(upstream)
    return position
  }

  #reset(client: ExchangeClient, head: RequestHead, buffer: Buffer): void {
    const { fields } = head
    const old = head.minor === 0
    this.client = client
    this.context = client.frontend.context
    this.backend = this.server = this.#upstream = null
    this.#method = head.method
    this.#persistent = !fields.close && (!old || fields.keepAlive)
    if (fields.chunked) this.#request.start(BODY_CHUNKED, 0, false)
    else this.#request.start(fields.contentLength > 0 ? BODY_LENGTH : BODY_NONE, fields.contentLength, false)
    this.#upgrade = fields.upgrade && !old && this.#request.done && allowsUpgrade(fields, buffer)
    this.#response.start(client.socket, head.method, old, this.#upgrade)
    this.#replayable = true
    this.#freshTried = this.#upstreamHeld = this.#clientHeld = false
    this.#tried = this.#refusal = null
    this.retries = 0
    this.startedAt = performance.now()
    this.connectedAt = this.sentAt = 0
    if (this.context.accessLog === null) return
    this.logMethod = buffer.latin1Slice(head.start, head.methodEnd)
    this.logTarget = buffer.latin1Slice(head.targetStart, head.targetEnd)
    this.logHost = buffer.latin1Slice(head.hostStart, head.hostEnd)
    this.logMinor = head.minor
  }

  /** Writes the head that the server gets. @returns its length */
  #compose(out: Buffer, head: RequestHead, buffer: Buffer, end: number): number {
    const { frontend, forwarding } = this.client
    const length = frontend.writeHead(out, head, buffer, end, forwarding, this.#upgrade)
    if (this.context.accessLog !== null) this.requestId = frontend.requestIdOf(head, buffer, out, length)
    return length
  }

  #send(upstream: UpstreamConnection): void {
    this.#upstream = upstream
    upstream.user = this
    if (upstream.ready) this.#write(upstream)
    else this.client.expect(PHASE_CONNECT, this.backend!.spec.timeouts.connect)
  }

  onUpstreamReady(): void {
    this.connectedAt = performance.now()
    this.#write(this.#upstream!)
    if (!this.#request.done && !this.#clientHeld) this.client.continueBody()
  }

  #write(upstream: UpstreamConnection): void {
    upstream.uses++
    this.sentAt = this.connectedAt === 0 ? this.startedAt : this.connectedAt
    if (!upstream.sendOut()) this.#holdClient(upstream)
    this.#awaitNext()
  }

  /**
   * More bytes of the request's body.
   * @returns offset behind what was taken
   */
  onClientBytes(buffer: Buffer, at: number, end: number): number {
    const upstream = this.#upstream
    if (upstream === null || !upstream.ready || this.#request.done) return at
    this.#replayable = false
    const position = this.#forwardBody(upstream, buffer, at, end)
    if (position === BAD_BODY) {
      this.fail('bad_chunk')
      return end
    }
    this.bytesIn += position - at
    if (this.#request.done) this.#attempt.requestSent()
    this.#awaitNext()
    return position
  }

  #forwardBody(upstream: UpstreamConnection, buffer: Buffer, at: number, end: number): number {
    const { client } = this
    const request = this.#request
    let goOn = true
    let until: number
    if (request.kind === BODY_LENGTH) {
      until = request.pass(at, end)
      goOn = client.flow.send(upstream.socket, buffer, at, until)
      if (request.left > READ_BUFFER) client.flow.bulk()
    } else {
      slab.reserve(end - at + CHUNK_OVERHEAD)
      until = request.copy(buffer, at, end, slab.buffer, slab.offset)
      if (until !== BAD_BODY && request.written > 0) goOn = slab.send(upstream.socket, request.written)
    }
    if (!goOn) this.#holdClient(upstream)
    return until
  }

  #holdClient(upstream: UpstreamConnection): void {
    this.#clientHeld = true
    this.#unsent = unsentBytes(upstream.socket)
    this.client.holdBody()
  }

  onUpstreamDrain(): void {
    if (!this.#clientHeld) return
    this.#clientHeld = false
    this.#awaitNext()
    this.client.continueBody()
  }

  /** The next deadline: for the client's body, then for the server's answer, then for either to go on. */
  #awaitNext(): void {
    const { client } = this
    const spans = this.backend!.spec.timeouts
    const { clientIdle } = client.frontend.spec.timeouts
    if (this.#response.begun) client.expect(PHASE_RELAY, this.#upstreamHeld ? clientIdle : spans.serverIdle)
    else if (this.#request.done) client.expect(PHASE_RESPONSE, spans.serverResponse)
    else client.expect(PHASE_UPLOAD, this.#clientHeld ? spans.serverIdle : clientIdle)
  }

  // The response: from the server's bytes to the client.

  onUpstreamBytes(buffer: Buffer, n: number): boolean {
    const upstream = this.#upstream!
    const lasting = this.#persistent && this.#request.done && !this.context.draining
    const response = this.#response
    const outcome = response.receive(buffer, n, upstream.flow, lasting)
    if (response.begun) this.#attempt.answer(outcomeOfStatus(response.status), response.answeredAt)
    if (outcome === RESPONSE_DONE) {
      this.#finish(upstream)
      return true
    }
    if (outcome === RESPONSE_SWITCHED) return this.#switchTo(upstream, buffer, n)
    if (outcome === RESPONSE_BROKEN) {
      this.#attempt.fail('responseErrors', OUTCOME_FAILED)
      this.fail('bad_response')
      return true
    }
    this.#upstreamHeld = outcome === RESPONSE_HELD
    if (this.#upstreamHeld) this.#unsent = unsentBytes(this.client.socket)
    if (response.begun) this.#awaitNext()
    return !this.#upstreamHeld
  }

  /** The client has taken what was waiting for it. */
  onClientDrain(): void {
    if (!this.#upstreamHeld) return
    this.#upstreamHeld = false
    this.#awaitNext()
    this.#upstream?.resume()
  }

  #switchTo(upstream: UpstreamConnection, buffer: Buffer, end: number): boolean {
    this.#upstream = null
    const relay = this.client.becomeTunnel(upstream, this.backend!.spec.timeouts.tunnel)
    const at = this.#response.switchedAt
    return at === end || relay.passToClient(buffer, at, end)
  }

  #finish(upstream: UpstreamConnection): void {
    this.#upstream = null
    const complete = this.#request.done
    if (this.#response.reusable && complete) upstream.release(this.#response.answeredAt)
    else upstream.destroy()
    this.#attempt.end()
    recordExchange(this, null)
    this.client.exchangeDone(this.#response.persistent && complete, !this.#persistent && complete)
  }

  /** The protocol that the request switched to has come to its end. */
  onTunnelOver(relay: Relay, reason: ReasonCode | null): void {
    this.bytesIn += relay.bytesIn
    this.#response.bytesOut += relay.bytesOut
    this.#attempt.end()
    recordExchange(this, reason)
  }

  // What may go wrong.

  onUpstreamEnd(): void {
    this.onUpstreamClosed(null)
  }

  onUpstreamClosed(error: NodeJS.ErrnoException | null): void {
    if (error === null && this.#response.untilClose) this.#finish(this.#upstream!)
    else this.#lost(error)
  }

  /** The connection to the server is gone before the response was complete. */
  #lost(error: NodeJS.ErrnoException | null): void {
    if (this.sentAt === 0) return this.#unreachable(this.server!.connectReason(error), OUTCOME_FAILED)
    const repeatable = this.#replayable && isIdempotent(this.#method) && this.#response.untouched
    // It had closed a kept-alive connection when the request arrived (RFC 9112, section 9.3.1): not held against it.
    if (repeatable && !this.#freshTried && this.#upstream!.uses > 1) {
      this.#attempt.count('responseErrors')
      this.#freshTried = true
      return this.#sendAgain(this.server!, true, performance.now())
    }
    this.#attempt.fail('responseErrors', OUTCOME_FAILED)
    if (this.#response.begun) return this.#breakOff('server_aborted')
    if (!repeatable) return this.fail('server_closed')
    // It broke off on a request of its own: one other server may try, and no third, lest one request take down all.
    if (this.#tried !== null) return this.fail('server_closed')
    this.#redispatch('server_closed')
  }

  /** The server could not be reached, so nothing was sent: another one gets the request. */
  #unreachable(reason: ReasonCode, outcome: Outcome): void {
    this.#attempt.fail('connectErrors', outcome)
    this.#redispatch(reason)
  }

  /** To another server, or to an end with this reason. */
  #redispatch(reason: ReasonCode): void {
    const backend = this.backend!
    const tried = (this.#tried ??= [])
    tried.push(this.server!.slot)
    const now = performance.now()
    const next = tried.length > backend.spec.retries ? null : backend.pick(this.#key, tried, microsOf(now))
    if (next === null) return this.fail(reason)
    this.context.row.counters.backend.redispatches[backend.spec.slot]!++
    this.#sendAgain(next, false, now)
  }

  #sendAgain(server: Server, fresh: boolean, now: number): void {
    const { out, outLength } = this.#upstream!
    this.#dropUpstream()
    this.server = server
    this.#attempt.begin(server, now)
    this.sentAt = this.connectedAt = 0
    this.#clientHeld = false
    const upstream = server.take(fresh || !isIdempotent(this.#method) ? Infinity : 0)
    upstream.out = out
    upstream.outLength = outLength
    this.retries++
    this.#attempt.count('retries')
    this.#send(upstream)
  }

  /** The deadline of the client's connection has passed, in a phase that belongs to the exchange. */
  onDeadline(phase: number): void {
    if (phase === PHASE_CONNECT) this.#unreachable('connect_timeout', OUTCOME_TIMEOUT)
    else if (this.#crawls()) this.#awaitNext()
    else if (phase === PHASE_UPLOAD && !this.#clientHeld) this.fail('request_timeout')
    else if (phase !== PHASE_RELAY) {
      this.#attempt.fail('responseErrors', OUTCOME_TIMEOUT)
      this.fail('response_timeout')
    } else this.#breakOff(this.#upstreamHeld ? 'client_stalled' : 'server_stalled')
  }

  /** The side that is waited for has taken some of what it was sent, only not all. */
  #crawls(): boolean {
    if (!this.#upstreamHeld && !this.#clientHeld) return false
    const before = this.#unsent
    this.#unsent = unsentBytes(this.#upstreamHeld ? this.client.socket : this.#upstream!.socket)
    return this.#unsent < before
  }

  /** The client has closed its side: a request that is not complete can't be any more. */
  onClientEnd(): void {
    if (!this.#request.done) this.fail('incomplete_request')
  }

  /** The client is gone altogether. */
  onClientClosed(): void {
    this.#dropUpstream()
    recordExchange(this, 'client_gone')
  }

  #refuse(reason: ReasonCode, position: number): number {
    this.fail(reason)
    return position
  }

  /** Ends the exchange with a reason: as an answer of our own when nothing has been sent, else by breaking off. */
  fail(reason: ReasonCode): void {
    if (this.#response.begun) return this.#breakOff(reason)
    this.#dropUpstream()
    const { client } = this
    const keep = this.#persistent && this.#request.done && !client.ended && !this.context.draining
    this.#refusal = reason
    client.answer(reason, keep, this.#method === METHOD_HEAD)
    recordExchange(this, reason)
    client.exchangeDone(keep, false)
  }

  #breakOff(reason: ReasonCode): void {
    this.#dropUpstream()
    recordExchange(this, reason)
    this.client.abort()
  }

  #dropUpstream(): void {
    if (this.#upstream === null) return
    this.#upstream.destroy()
    this.#upstream = null
    this.#attempt.end()
  }
}
