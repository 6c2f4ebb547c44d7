// The request on its way from the client's bytes to a server: its head as the server gets it, its body by its framing, and
// whether what has been sent of it could be sent again. Which server that is, and when, is the business of the exchange.
import type { Bytes } from '../../model/units.ts'
import { slab } from '../io/flow.ts'
import { READ_BUFFER } from '../io/socket-owner.ts'
import type { Session } from './session.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import { BAD_BODY, BODY_CHUNKED, BODY_LENGTH, BODY_NONE, Body, CHUNK_OVERHEAD } from './body.ts'
import type { ExchangeClient } from './exchange-client.ts'
import { FIELD_EXPECT } from './fields.ts'
import { HEAD_OVERHEAD, allowsUpgrade } from './forward.ts'
import { isIdempotent, type RequestHead } from './request-head.ts'
import { traceIdOf } from './request-id.ts'

/** More of the body has come than the limit allows. */
export const TOO_LARGE = -2

export class Request {
  method = 0
  idempotent = false
  /** The client wants and understands that its connection stays open; if not, this is its last request. */
  persistent = false
  upgrade = false
  /** It may be sent to another server once one has got it, and all that was taken of it is still here. */
  repeatable = false
  /** The server does not take what was sent: the client has to wait. */
  held = false
  /** The client may be waiting for a 100 (Continue) before it sends anything. */
  asksFirst = false
  /** For the log; filled only when there is one. */
  logMethod = ''
  logTarget = ''
  logHost = ''
  logMinor = 1
  id = ''
  /** X-Amzn-Trace-Id. */
  traceId = ''
  readonly #body = new Body()
  #limit = 0
  /** Bytes of the body that are kept for another try. */
  #kept = 0
  /** While it is on no server, in the queue or between two tries: what is to be sent. */
  #parked: Buffer | null = null
  #parkedLength = 0

  /** @param limit of the body; 0: none */
  start(head: RequestHead, buffer: Buffer, limit: Bytes): void {
    const { fields } = head
    const old = head.minor === 0
    this.method = head.method
    this.idempotent = isIdempotent(head.method)
    this.persistent = !fields.close && (!old || fields.keepAlive)
    if (fields.chunked) this.#body.start(BODY_CHUNKED, 0, false)
    else this.#body.start(fields.contentLength > 0 ? BODY_LENGTH : BODY_NONE, fields.contentLength, false)
    this.upgrade = fields.upgrade && !old && this.#body.done && allowsUpgrade(fields, buffer)
    this.repeatable = this.held = false
    this.#limit = limit
    this.asksFirst = fields.has(FIELD_EXPECT)
  }

  /** Makes it repeatable, as long as what comes of its body later is no more than this. */
  keep(body: Bytes): void {
    this.repeatable = true
    this.#kept = body
  }

  /** It is on no server, for now. */
  park(out: Buffer, length: number): void {
    this.#parked = out
    this.#parkedLength = length
  }

  /** It goes to a server. */
  unpark(upstream: UpstreamConnection): void {
    upstream.out = this.#parked!
    upstream.outLength = this.#parkedLength
    this.#parked = null
    this.held = false
  }

  /** It goes nowhere any more. */
  forget(): void {
    this.#parked = null
  }

  /** All of it has been taken from the client. */
  get done(): boolean {
    return this.#body.done
  }

  /** As the client wrote it, before anything is changed. */
  log(head: RequestHead, buffer: Buffer): void {
    this.logMethod = buffer.latin1Slice(head.start, head.methodEnd)
    this.logTarget = buffer.latin1Slice(head.targetStart, head.targetEnd)
    this.logHost = buffer.latin1Slice(head.hostStart, head.hostEnd)
    this.logMinor = head.minor
    this.id = ''
    this.traceId = traceIdOf(head.fields, buffer)
  }

  /** Bytes that `compose` and `take` may need for what is in hand. */
  static roomFor(client: ExchangeClient, head: RequestHead, end: number): number {
    return end - head.start + client.forwarding.forwardedWithId.length + HEAD_OVERHEAD + CHUNK_OVERHEAD
  }

  /** Writes the head that the server gets. @returns its length */
  compose(
    out: Buffer,
    client: ExchangeClient,
    head: RequestHead,
    buffer: Buffer,
    end: number,
    session: Session | null,
  ): number {
    const { frontend, forwarding } = client
    const length = frontend.writeHead(out, head, buffer, end, forwarding, this.upgrade)
    if (frontend.context.accessLog !== null) this.id = frontend.requestIdOf(head, buffer, out, length)
    return session === null ? length : length - session.editRequest(out, length, length)
  }

  /**
   * Takes what came of the body together with the head to `out`, behind the head.
   * @returns offset behind what was taken, BAD_BODY or TOO_LARGE; how much was written is `written`
   */
  take(buffer: Buffer, at: number, end: number, out: Buffer, offset: number): number {
    if (this.#body.done || at === end) {
      this.#body.written = 0
      return at
    }
    return this.#judge(this.#body.copy(buffer, at, end, out, offset))
  }

  get written(): number {
    return this.#body.written
  }

  /**
   * Sends more of the body on, and keeps it for another try as long as it is small.
   * @returns offset behind what was taken, BAD_BODY or TOO_LARGE
   */
  forward(upstream: UpstreamConnection, client: ExchangeClient, buffer: Buffer, at: number, end: number): number {
    const body = this.#body
    this.asksFirst = false
    let goOn = true
    let until: number
    if (body.kind === BODY_LENGTH) {
      until = body.pass(at, end)
      this.#remember(upstream, buffer, at, until)
      goOn = client.flow.send(upstream.socket, buffer, at, until)
      if (body.left > READ_BUFFER) client.flow.bulk()
    } else {
      slab.reserve(end - at + CHUNK_OVERHEAD)
      until = this.#judge(body.copy(buffer, at, end, slab.buffer, slab.offset))
      if (until >= 0 && body.written > 0) {
        this.#remember(upstream, slab.buffer, slab.offset, slab.offset + body.written)
        goOn = slab.send(upstream.socket, body.written)
      }
    }
    if (!goOn) this.held = true
    return until
  }

  #remember(upstream: UpstreamConnection, bytes: Buffer, from: number, end: number): void {
    if (!this.repeatable) return
    this.#kept -= end - from
    if (this.#kept < 0) this.repeatable = false
    else upstream.append(bytes, from, end)
  }

  #judge(position: number): number {
    if (position === BAD_BODY) return BAD_BODY
    return this.#limit > 0 && this.#body.data > this.#limit ? TOO_LARGE : position
  }
}
