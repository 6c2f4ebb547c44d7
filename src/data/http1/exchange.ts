// One request and its response, on the way from the client's connection to a server and back. It reads top to bottom like
// that way: begin, pick, send, answer head, body, finish; then what may go wrong. The client's connection owns the socket,
// the parser and the deadline; the exchange owns the connection to the server.
import { reasons, type ReasonCode } from '../../model/reasons.ts'
import type { Millis } from '../../model/units.ts'
import type { WorkerContext } from '../context.ts'
import { READ_BUFFER, type OwnedSocket } from '../io/socket.ts'
import { slab, type Flow } from '../io/flow.ts'
import type { Backend } from '../upstream/backend.ts'
import type { UpstreamConnection, UpstreamUser } from '../upstream/connection.ts'
import type { Server } from '../upstream/server.ts'
import { BAD_BODY, BODY_CHUNKED, BODY_CLOSE, BODY_LENGTH, BODY_NONE, Body, CHUNK_OVERHEAD } from './body.ts'
import { CR, LF } from './characters.ts'
import { FIELD_REQUEST_ID, FIELD_UPGRADE, INCOMPLETE, NO_LENGTH } from './fields.ts'
import {
  HEAD_OVERHEAD,
  SAY_CLOSE,
  SAY_KEEP_ALIVE,
  SAY_NOTHING,
  SAY_UPGRADE,
  fieldValues,
  writeRequestHead,
  writeResponseHead,
  type RequestForwarding,
} from './forward.ts'
import type { HttpFrontend } from './frontend.ts'
import { recordExchange } from './record.ts'
import { METHOD_HEAD, isIdempotent, type RequestHead } from './request-head.ts'
import { BAD_RESPONSE, ResponseHead, parseResponseHead } from './response-head.ts'

/** What a connection with a client waits for; decides what its deadline means. */
export const PHASE_HEAD = 0
export const PHASE_IDLE = 1
export const PHASE_CONNECT = 2
export const PHASE_UPLOAD = 3
export const PHASE_RESPONSE = 4
export const PHASE_RELAY = 5
export const PHASE_TUNNEL = 6
export const PHASE_LINGER = 7

/** What an exchange needs of the client's connection. */
export interface ExchangeClient {
  readonly socket: OwnedSocket
  readonly frontend: HttpFrontend
  readonly forwarding: RequestForwarding
  readonly address: string
  readonly port: number
  /** Hash of the client's address. */
  readonly key: number
  /** The way from the client to the server. */
  readonly flow: Flow
  /** The client has closed its side. */
  readonly ended: boolean
  /** Sets the deadline and says what it means. */
  expect(phase: number, span: Millis): void
  /** Bytes of the body may flow again: those kept back, then new ones. */
  continueBody(): void
  /** Reading waits while the server does not take what was sent. */
  holdBody(): void
  /** Writes an answer of Weir's own. The connection goes on only with `keep`. */
  answer(code: ReasonCode, keep: boolean, bodyless: boolean): void
  /** The exchange is over. @param keep the connection is good for another request */
  exchangeDone(keep: boolean): void
  /** The exchange broke off in the middle of the response: the client must see that it is not complete. */
  abort(): void
}

/** 1xx responses before the final one that are believed. */
const MAX_INFORMATIONAL = 32

const responseHead = new ResponseHead()

export class Exchange implements UpstreamUser {
  readonly context: WorkerContext
  client: ExchangeClient = null!
  backend: Backend | null = null
  server: Server | null = null
  #upstream: UpstreamConnection | null = null
  readonly #request = new Body()
  readonly #response = new Body()
  method = 0
  #minor = 1
  /** The client wants and understands that the connection stays open. */
  #persistent = false
  #upgrade = false
  #tunnel = false
  /** All that was taken of the request stands in the upstream connection's `out`. */
  #replayable = true
  /** Slots that could not be reached for this request. */
  #tried: number[] | null = null
  #freshTried = false
  /** The head of the response has been sent to the client. */
  #begun = false
  #informational = 0
  /** A part of a response head, until the rest comes. */
  #partial: Buffer | null = null
  #reusable = false
  #upstreamHeld = false
  status = 0
  bytesIn = 0
  bytesOut = 0
  /** performance.now(): head complete, server connected, request sent, response head here. 0: not reached. */
  startedAt = 0
  connectedAt = 0
  sentAt = 0
  answeredAt = 0
  /** For the log; filled only when there is one. */
  logMethod = ''
  logTarget = ''
  logHost = ''
  logMinor = 1
  requestId = ''

  constructor(context: WorkerContext) {
    this.context = context
  }

  // The request: from the client's bytes to a server.

  /**
   * Takes a request whose head has been parsed, and what is there of its body.
   * @param at offset behind the head
   * @returns offset behind what was taken; the rest belongs to later requests or waits for the server
   */
  begin(client: ExchangeClient, head: RequestHead, buffer: Buffer, at: number, end: number): number {
    this.#reset(client, head)
    this.bytesIn = at - head.start
    const { fields } = head
    const { frontend } = client
    if (this.context.accessLog !== null) this.#describe(head, buffer)
    if (fields.chunked) this.#request.start(BODY_CHUNKED, 0, false)
    else this.#request.start(fields.contentLength > 0 ? BODY_LENGTH : BODY_NONE, fields.contentLength, false)
    this.#upgrade = fields.upgrade && head.minor === 1 && this.#request.done && allowsUpgrade(head, buffer)

    this.backend = frontend.backendFor(head, buffer)
    if (this.backend === null) return this.#refuse('no_route', at)
    this.server = this.backend.pick(client.key, null)
    if (this.server === null) return this.#refuse('no_server', at)
    const upstream = this.server.take(false)

    upstream.reserve(end - head.start + client.forwarding.forwardedWithId.length + HEAD_OVERHEAD + CHUNK_OVERHEAD)
    const length = this.#compose(upstream.out, head, buffer, at)
    let position = at
    upstream.outLength = length
    if (!this.#request.done && at < end) {
      position = this.#request.copy(buffer, at, end, upstream.out, length)
      if (position === BAD_BODY) {
        upstream.release(this.startedAt)
        this.server = null
        return this.#refuse('bad_chunk', end)
      }
      upstream.outLength += this.#request.written
      this.bytesIn += position - at
    }
    this.server.begin()
    this.#send(upstream)
    return position
  }

  #reset(client: ExchangeClient, head: RequestHead): void {
    this.client = client
    this.backend = this.server = this.#upstream = null
    this.method = head.method
    this.#minor = this.logMinor = head.minor
    const { fields } = head
    this.#persistent = !fields.close && (head.minor === 1 || fields.keepAlive)
    this.#tunnel = this.#freshTried = this.#begun = this.#reusable = this.#upstreamHeld = false
    this.#replayable = true
    this.#tried = null
    this.#informational = 0
    this.#partial = null
    this.#response.start(BODY_NONE, 0, false)
    this.status = this.bytesOut = 0
    this.startedAt = performance.now()
    this.connectedAt = this.sentAt = this.answeredAt = 0
  }

  #describe(head: RequestHead, buffer: Buffer): void {
    this.logMethod = buffer.latin1Slice(head.start, head.methodEnd)
    this.logTarget = buffer.latin1Slice(head.targetStart, head.targetEnd)
    this.logHost = buffer.latin1Slice(head.hostStart, head.hostEnd)
  }

  /** Writes the head that the server gets. @returns its length */
  #compose(out: Buffer, head: RequestHead, buffer: Buffer, end: number): number {
    const { forwarding, frontend } = this.client
    const { requestIds } = frontend
    const ownId = requestIds !== null && !(frontend.keepsRequestId && hasRequestId(head, buffer))
    let o = writeRequestHead(out, head, buffer, end, forwarding, ownId, this.#upgrade)
    if (ownId) {
      const id = o
      o = requestIds.write(out, o)
      if (this.context.accessLog !== null) this.requestId = requestIds.prefix + out.latin1Slice(id, o)
      out[o++] = CR
      out[o++] = LF
    } else if (this.context.accessLog !== null) this.requestId = fieldValues(head.fields, buffer, FIELD_REQUEST_ID)
    out[o++] = CR
    out[o++] = LF
    return o
  }

  #send(upstream: UpstreamConnection): void {
    this.#upstream = upstream
    upstream.user = this
    if (upstream.ready) this.#write(upstream)
    else this.client.expect(PHASE_CONNECT, this.backend!.spec.timeouts.connect)
  }

  #write(upstream: UpstreamConnection): void {
    upstream.uses++
    this.sentAt = this.connectedAt === 0 ? this.startedAt : this.connectedAt
    if (!upstream.sendOut()) this.client.holdBody()
    this.#awaitNext()
  }

  /** The deadline after progress of the request: the client's for its body, then the server's for its answer. */
  #awaitNext(): void {
    if (this.#begun) this.#awaitRelay()
    else if (this.#request.done) this.client.expect(PHASE_RESPONSE, this.backend!.spec.timeouts.serverResponse)
    else this.client.expect(PHASE_UPLOAD, this.client.frontend.spec.timeouts.clientIdle)
  }

  onUpstreamReady(): void {
    this.connectedAt = performance.now()
    this.#write(this.#upstream!)
    if (!this.#request.done) this.client.continueBody()
  }

  /**
   * More bytes from the client: of the body, or of a tunnel.
   * @returns offset behind what was taken
   */
  onClientBytes(buffer: Buffer, at: number, end: number): number {
    const upstream = this.#upstream
    if (upstream === null || !upstream.ready || (this.#request.done && !this.#tunnel)) return at
    const { client } = this
    if (this.#tunnel) {
      this.bytesIn += end - at
      if (!client.flow.send(upstream.socket, buffer, at, end)) client.holdBody()
      client.expect(PHASE_TUNNEL, this.backend!.spec.timeouts.tunnel)
      return end
    }
    this.#replayable = false
    const position = this.#forwardBody(upstream, buffer, at, end)
    if (position === BAD_BODY) {
      this.fail('bad_chunk')
      return end
    }
    this.bytesIn += position - at
    if (this.#request.done) client.flow.rest()
    this.#awaitNext()
    return position
  }

  #forwardBody(upstream: UpstreamConnection, buffer: Buffer, at: number, end: number): number {
    const { client } = this
    if (this.#request.kind === BODY_LENGTH) {
      const until = this.#request.pass(at, end)
      if (this.#request.left > READ_BUFFER) client.flow.bulk()
      if (!client.flow.send(upstream.socket, buffer, at, until)) client.holdBody()
      return until
    }
    slab.reserve(end - at + CHUNK_OVERHEAD)
    const until = this.#request.copy(buffer, at, end, slab.buffer, slab.offset)
    if (until === BAD_BODY || this.#request.written === 0) return until
    if (!slab.send(upstream.socket, this.#request.written)) client.holdBody()
    return until
  }

  onUpstreamDrain(): void {
    this.client.continueBody()
  }

  // The response: from the server's bytes to the client.

  onUpstreamBytes(buffer: Buffer, n: number): boolean {
    if (this.#begun) return this.#tunnel ? this.#relayTunnel(buffer, 0, n) : this.#relayBody(buffer, n)
    if (this.#partial === null) return this.#receiveHead(buffer, n)
    const whole = Buffer.concat([this.#partial, buffer.subarray(0, n)])
    this.#partial = null
    return this.#receiveHead(whole, whole.length)
  }

  #receiveHead(buffer: Buffer, end: number): boolean {
    let at = 0
    for (;;) {
      const result = parseResponseHead(responseHead, buffer, at, end)
      if (result === INCOMPLETE) {
        if (at < end) this.#partial = Buffer.from(buffer.subarray(at, end))
        return true
      }
      if (result === BAD_RESPONSE) return this.#broken('bad_response')
      if (responseHead.status >= 200) return this.#beginResponse(buffer, result, end)
      if (responseHead.status === 101) {
        return this.#upgrade ? this.#beginTunnel(buffer, result, end) : this.#broken('bad_response')
      }
      if (++this.#informational > MAX_INFORMATIONAL) return this.#broken('bad_response')
      if (this.#minor === 1) this.#writeHead(buffer, result, SAY_NOTHING, true, 0)
      at = result
      if (at >= end) return true
    }
  }

  /** Puts a head into the slab. @returns offset behind it; with `more` it is left there for the body to follow */
  #writeHead(buffer: Buffer, end: number, saying: number, dropLength: boolean, more: number): number {
    slab.reserve(end - responseHead.start + HEAD_OVERHEAD + more)
    const o = writeResponseHead(slab.buffer, slab.offset, responseHead, buffer, end, saying, dropLength)
    if (more === 0) {
      this.bytesOut += o - slab.offset
      slab.send(this.client.socket, o - slab.offset)
    }
    return o
  }

  #beginResponse(buffer: Buffer, headEnd: number, end: number): boolean {
    const { fields, status } = responseHead
    const response = this.#response
    const plain = this.#minor === 0
    if (this.method === METHOD_HEAD || status === 204 || status === 304) response.start(BODY_NONE, 0, false)
    else if (fields.chunked) response.start(BODY_CHUNKED, 0, plain)
    else if (fields.contentLength !== NO_LENGTH) response.start(BODY_LENGTH, fields.contentLength, false)
    else response.start(BODY_CLOSE, 0, false)
    this.status = status
    this.answeredAt = performance.now()

    const unbounded = response.kind === BODY_CLOSE
    this.#reusable = !unbounded && (responseHead.minor === 1 ? !fields.close : fields.keepAlive)
    const lasting = this.#persistent && this.#request.done && !this.context.draining
    this.#persistent = lasting && !unbounded && !(plain && response.kind === BODY_CHUNKED)
    const saying = !this.#persistent ? SAY_CLOSE : plain ? SAY_KEEP_ALIVE : SAY_NOTHING
    const dropLength = status === 204 || (plain && fields.chunked)

    let o = this.#writeHead(buffer, headEnd, saying, dropLength, end - headEnd + CHUNK_OVERHEAD)
    let at = headEnd
    if (!response.done && at < end) {
      at = response.copy(buffer, headEnd, end, slab.buffer, o)
      if (at === BAD_BODY) return this.#broken('bad_response')
      o += response.written
    }
    this.#begun = true
    this.bytesOut += o - slab.offset
    const goOn = slab.send(this.client.socket, o - slab.offset)
    if (unbounded || response.left > READ_BUFFER) this.#upstream!.flow.bulk()
    return this.#relayed(at < end, goOn)
  }

  #relayBody(buffer: Buffer, n: number): boolean {
    const response = this.#response
    if (response.kind !== BODY_CHUNKED) {
      const until = response.pass(0, n)
      this.bytesOut += until
      return this.#relayed(until < n, this.#upstream!.flow.send(this.client.socket, buffer, 0, until))
    }
    slab.reserve(n + CHUNK_OVERHEAD)
    const until = response.copy(buffer, 0, n, slab.buffer, slab.offset)
    if (until === BAD_BODY) return this.#broken('bad_response')
    this.bytesOut += response.written
    const goOn = response.written === 0 || slab.send(this.client.socket, response.written)
    return this.#relayed(until < n, goOn)
  }

  /** After a piece of the response. @param excess the server sent more than its response @returns whether to read on */
  #relayed(excess: boolean, goOn: boolean): boolean {
    if (excess) this.#reusable = false
    if (this.#response.done) {
      this.#finish()
      return true
    }
    this.#upstreamHeld = !goOn
    this.#awaitRelay()
    return goOn
  }

  #awaitRelay(): void {
    const { client } = this
    const spans = this.backend!.spec.timeouts
    client.expect(PHASE_RELAY, this.#upstreamHeld ? client.frontend.spec.timeouts.clientIdle : spans.serverIdle)
  }

  /** The client has taken what was waiting for it. */
  onClientDrain(): void {
    if (!this.#upstreamHeld) return
    this.#upstreamHeld = false
    if (this.#tunnel) this.client.expect(PHASE_TUNNEL, this.backend!.spec.timeouts.tunnel)
    else this.#awaitRelay()
    this.#upstream?.resume()
  }

  /** 101: from here on bytes pass both ways as they are (RFC 9110, section 7.8). */
  #beginTunnel(buffer: Buffer, headEnd: number, end: number): boolean {
    this.status = 101
    this.answeredAt = performance.now()
    this.#writeHead(buffer, headEnd, SAY_UPGRADE, true, 0)
    this.#begun = this.#tunnel = true
    this.#persistent = false
    const goOn = headEnd === end || this.#relayTunnel(buffer, headEnd, end)
    if (headEnd === end) this.client.expect(PHASE_TUNNEL, this.backend!.spec.timeouts.tunnel)
    this.client.continueBody()
    return goOn
  }

  #relayTunnel(buffer: Buffer, at: number, end: number): boolean {
    this.bytesOut += end - at
    const { flow } = this.#upstream!
    if (end - at === READ_BUFFER) flow.bulk()
    const goOn = flow.send(this.client.socket, buffer, at, end)
    this.#upstreamHeld = !goOn
    this.client.expect(PHASE_TUNNEL, this.backend!.spec.timeouts.tunnel)
    return goOn
  }

  #finish(): void {
    const upstream = this.#upstream!
    this.#upstream = null
    const complete = this.#request.done
    if (this.#reusable && complete) upstream.release(this.answeredAt)
    else upstream.destroy()
    this.server!.end()
    recordExchange(this, null)
    this.client.exchangeDone(this.#persistent && complete)
  }

  // What may go wrong.

  onUpstreamEnd(): void {
    if (this.#tunnel) {
      this.client.socket.end()
      return
    }
    if (this.#begun && this.#response.kind === BODY_CLOSE) {
      this.#response.done = true
      this.#finish()
    } else this.#lost(null)
  }

  onUpstreamClosed(error: NodeJS.ErrnoException | null): void {
    if (this.#tunnel) this.#closeTunnel(null)
    else this.#lost(error)
  }

  /** The connection to the server is gone before the response was complete. */
  #lost(error: NodeJS.ErrnoException | null): void {
    if (this.sentAt === 0) return this.#unreachable(connectReason(this.server!, error))
    if (this.#begun) return this.#breakOff('server_aborted')
    const reused = this.#upstream!.uses > 1
    if (reused && !this.#freshTried && this.#canRepeat()) {
      this.#freshTried = true
      return this.#sendAgain(this.server!, true)
    }
    this.#count('responseErrors')
    this.fail('server_closed')
  }

  /** Nothing of a response has come, and sending the request once more does no harm (RFC 9112, section 9.3.1). */
  #canRepeat(): boolean {
    return this.#replayable && isIdempotent(this.method) && this.#partial === null && this.#informational === 0
  }

  /** The server could not be reached, so nothing was sent: another one gets the request. */
  #unreachable(reason: ReasonCode): void {
    this.#count('connectErrors')
    const backend = this.backend!
    const tried = (this.#tried ??= [])
    tried.push(this.server!.slot)
    const next = tried.length > backend.spec.retries ? null : backend.pick(this.client.key, tried)
    if (next === null) return this.fail(reason)
    this.context.row.counters.backend.redispatches[backend.spec.slot]!++
    this.#sendAgain(next, false)
  }

  #sendAgain(server: Server, fresh: boolean): void {
    const before = this.#upstream!
    const { out, outLength } = before
    before.destroy()
    this.server!.end()
    this.server = server
    server.begin()
    this.sentAt = this.connectedAt = 0
    const upstream = server.take(fresh)
    upstream.out = out
    upstream.outLength = outLength
    this.#count('retries')
    this.#send(upstream)
  }

  #count(column: 'connectErrors' | 'responseErrors' | 'retries'): void {
    this.context.row.counters.server[column][this.server!.slot]!++
  }

  /** The deadline has passed. */
  onDeadline(phase: number): void {
    switch (phase) {
      case PHASE_CONNECT:
        return this.#unreachable('connect_timeout')
      case PHASE_UPLOAD:
        return this.#begun ? this.#breakOff('client_stalled') : this.fail('request_timeout')
      case PHASE_RESPONSE:
        this.#count('responseErrors')
        return this.fail('response_timeout')
      case PHASE_TUNNEL:
        return this.#closeTunnel('tunnel_timeout')
      default:
        return this.#breakOff(this.#upstreamHeld ? 'client_stalled' : 'server_stalled')
    }
  }

  /** The client has closed its side. In a tunnel that is passed on; a request that is not complete can't be any more. */
  onClientEnd(): void {
    if (this.#tunnel) this.#upstream?.socket.end()
    else if (!this.#request.done) this.fail('incomplete_request')
  }

  /** The client is gone altogether. */
  onClientClosed(): void {
    this.#dropUpstream()
    recordExchange(this, this.#tunnel ? null : 'client_gone')
  }

  #refuse(reason: ReasonCode, position: number): number {
    this.fail(reason)
    return position
  }

  #broken(reason: ReasonCode): boolean {
    this.#count('responseErrors')
    this.fail(reason)
    return true
  }

  /** Ends the exchange with a reason: as an answer of our own when nothing has been sent, else by breaking off. */
  fail(reason: ReasonCode): void {
    if (this.#begun) return this.#breakOff(reason)
    this.#dropUpstream()
    const { client } = this
    const keep = this.#persistent && this.#request.done && !client.ended && !this.context.draining
    this.status = reasons[reason].status
    client.answer(reason, keep, this.method === METHOD_HEAD)
    recordExchange(this, reason)
    client.exchangeDone(keep)
  }

  #breakOff(reason: ReasonCode): void {
    this.#dropUpstream()
    recordExchange(this, reason)
    this.client.abort()
  }

  #closeTunnel(reason: ReasonCode | null): void {
    this.#dropUpstream()
    recordExchange(this, reason)
    this.client.exchangeDone(false)
  }

  #dropUpstream(): void {
    if (this.#upstream !== null) {
      this.#upstream.destroy()
      this.#upstream = null
      this.server!.end()
    }
  }
}

/** Only protocols that start with an HTTP/1.1 request of their own kind; h2c would let requests pass unseen. */
function allowsUpgrade(head: RequestHead, buffer: Buffer): boolean {
  const protocols = fieldValues(head.fields, buffer, FIELD_UPGRADE)
  return protocols !== '' && !/(^|[\s,])(h2c?|http|tls)\b/i.test(protocols)
}

const REQUEST_ID = /^[\w.:/+=@-]{1,128}$/

/** The client sent one request id, and it is fit to be passed on and logged. */
function hasRequestId(head: RequestHead, buffer: Buffer): boolean {
  return head.fields.has(FIELD_REQUEST_ID) && REQUEST_ID.test(fieldValues(head.fields, buffer, FIELD_REQUEST_ID))
}

function connectReason(server: Server, error: NodeJS.ErrnoException | null): ReasonCode {
  const network = error === null || error.syscall === 'connect' || error.code === 'ECONNRESET'
  return server.spec.tls !== null && !network ? 'server_tls' : 'connect_refused'
}
