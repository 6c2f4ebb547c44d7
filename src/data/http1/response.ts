// The response on its way from the server's connection to the client's: head checked and rewritten, body relayed by its
// framing. It says what became of the bytes; what follows from that for the connections is the business of the exchange.
import { performance } from 'node:perf_hooks'
import { type OwnedSocket, READ_BUFFER } from '../io/socket-owner.ts'
import { slab, type Flow } from '../io/flow.ts'
import { BAD_BODY, BODY_CHUNKED, BODY_CLOSE, BODY_LENGTH, BODY_NONE, Body, CHUNK_OVERHEAD } from './body.ts'
import { INCOMPLETE, NO_LENGTH } from './fields.ts'
import { saysHsts } from './hsts.ts'
import { HEAD_OVERHEAD, SAY_CLOSE, SAY_KEEP_ALIVE, SAY_NOTHING, SAY_UPGRADE, writeResponseHead } from './forward.ts'
import { METHOD_HEAD } from './request-head.ts'
import { BAD_RESPONSE, ResponseHead, parseResponseHead } from './response-head.ts'

/** What became of the bytes that were received. */
export const RESPONSE_MORE = 0
/** All was sent, but the client is slow: reading from the server should pause. */
export const RESPONSE_HELD = 1
export const RESPONSE_DONE = 2
/** Not HTTP, or not an answer to this request. */
export const RESPONSE_BROKEN = 3
/** 101 was sent on: from `switchedAt` on, the bytes are of another protocol. */
export const RESPONSE_SWITCHED = 4
/** Its final head is not for the client: the request is tried again. */
export const RESPONSE_UNWANTED = 5

/** 1xx responses before the final one that are believed. */
const MAX_INFORMATIONAL = 32

/** Looks at the final head of a response before it goes to the client. */
export interface ResponseJudge {
  /** False: nothing of this response is for the client. */
  wants(status: number): boolean
  /** Fields to be added, each with its CRLF; may drop some of those that are there. */
  linesFor(head: ResponseHead, buffer: Buffer): string
}

/** What is needed of the connection that the request came by. */
export interface AnsweredClient {
  readonly socket: OwnedSocket
  /** Line of Strict-Transport-Security, with its CRLF, for responses that have none; '': none. */
  readonly hsts: string
}

const head = new ResponseHead()

export class Response {
  /** The final head has been sent to the client. */
  begun = false
  status = 0
  bytesOut = 0
  /** performance.now() when the final head was here; 0: not yet. */
  answeredAt = 0
  /** The server's connection is good for another request, and the client's too. */
  reusable = false
  persistent = false
  /** For RESPONSE_SWITCHED. */
  switchedAt = 0
  /** To be set after start; null: heads go to the client as they are. */
  judge: ResponseJudge | null = null
  #client: OwnedSocket = null!
  #hsts = ''
  #method = 0
  /** The client speaks HTTP/1.0. */
  #old = false
  #upgrade = false
  readonly #body = new Body()
  #informational = 0
  /** A part of a head, until the rest comes. */
  #partial: Buffer | null = null

  /** @param old the client speaks HTTP/1.0. @param upgrade the request asked for another protocol */
  start({ socket, hsts }: AnsweredClient, method: number, old: boolean, upgrade: boolean): void {
    this.#client = socket
    this.#hsts = hsts
    this.#method = method
    this.#old = old
    this.#upgrade = upgrade
    this.judge = null
    this.begun = this.reusable = this.persistent = false
    this.status = this.bytesOut = this.answeredAt = this.#informational = 0
    this.#partial = null
  }

  /** Not a byte of an answer has come. */
  get untouched(): boolean {
    return this.unseen && this.#partial === null
  }

  /** Not a byte of an answer has gone to the client. */
  get unseen(): boolean {
    return !this.begun && this.#informational === 0
  }

  /** Another server is asked: what this one had said of an answer is nothing any more. */
  restart(): void {
    this.#partial = null
  }

  /** The body ends when the server closes. */
  get untilClose(): boolean {
    return this.begun && this.#body.kind === BODY_CLOSE
  }

  /**
   * Takes bytes from the server.
   * @param flow of the server's connection
   * @param lasting the client's connection may stay open after this response
   */
  receive(buffer: Buffer, n: number, flow: Flow, lasting: boolean): number {
    if (this.begun) return this.#relayBody(buffer, n, flow)
    if (this.#partial === null) return this.#receiveHead(buffer, n, flow, lasting)
    const whole = Buffer.concat([this.#partial, buffer.subarray(0, n)])
    this.#partial = null
    return this.#receiveHead(whole, whole.length, flow, lasting)
  }

  #receiveHead(buffer: Buffer, end: number, flow: Flow, lasting: boolean): number {
    let at = 0
    while (at < end) {
      const result = parseResponseHead(head, buffer, at, end)
      if (result === INCOMPLETE) {
        this.#partial = Buffer.from(buffer.subarray(at, end))
        return RESPONSE_MORE
      }
      if (result === BAD_RESPONSE) return RESPONSE_BROKEN
      if (head.status >= 200) return this.#begin(buffer, result, end, flow, lasting)
      if (head.status === 101) return this.#switch(buffer, result)
      if (++this.#informational > MAX_INFORMATIONAL) return RESPONSE_BROKEN
      if (!this.#old) this.#sendHead(buffer, result, SAY_NOTHING)
      at = result
    }
    return RESPONSE_MORE
  }

  /** A head that no body follows. */
  #sendHead(buffer: Buffer, end: number, saying: number): void {
    slab.reserve(end - head.start + HEAD_OVERHEAD)
    const n = writeResponseHead(slab.buffer, slab.offset, head, buffer, end, saying, true, end, '') - slab.offset
    this.bytesOut += n
    slab.send(this.#client, n)
  }

  #switch(buffer: Buffer, end: number): number {
    if (!this.#upgrade) return RESPONSE_BROKEN
    this.status = 101
    this.answeredAt = performance.now()
    this.#sendHead(buffer, end, SAY_UPGRADE)
    this.begun = true
    this.switchedAt = end
    return RESPONSE_SWITCHED
  }

  #begin(buffer: Buffer, headEnd: number, end: number, flow: Flow, lasting: boolean): number {
    const { fields, status } = head
    const { judge } = this
    const body = this.#body
    this.status = status
    if (judge !== null && !judge.wants(status)) return RESPONSE_UNWANTED
    if (this.#method === METHOD_HEAD || status === 204 || status === 304) body.start(BODY_NONE, 0, false)
    else if (fields.chunked) body.start(BODY_CHUNKED, 0, this.#old)
    else if (fields.contentLength !== NO_LENGTH) body.start(BODY_LENGTH, fields.contentLength, false)
    else body.start(BODY_CLOSE, 0, false)
    this.answeredAt = performance.now()

    const unbounded = body.kind === BODY_CLOSE
    const decoded = this.#old && fields.chunked
    this.reusable = !unbounded && !fields.close && (head.minor === 1 || fields.keepAlive)
    this.persistent = lasting && !unbounded && !decoded
    const saying = !this.persistent ? SAY_CLOSE : this.#old ? SAY_KEEP_ALIVE : SAY_NOTHING

    let lines = judge === null ? '' : judge.linesFor(head, buffer)
    if (this.#hsts !== '' && !saysHsts(fields, buffer)) lines += this.#hsts
    slab.reserve(end - head.start + lines.length + HEAD_OVERHEAD + CHUNK_OVERHEAD)
    const dropLength = status === 204 || decoded
    let at = body.done || body.kind === BODY_CHUNKED ? headEnd : body.pass(headEnd, end)
    let o = writeResponseHead(slab.buffer, slab.offset, head, buffer, headEnd, saying, dropLength, at, lines)
    if (body.kind === BODY_CHUNKED && at < end) {
      at = body.copy(buffer, headEnd, end, slab.buffer, o)
      if (at === BAD_BODY) return RESPONSE_BROKEN
      o += body.written
    }
    this.begun = true
    if (unbounded || body.left > READ_BUFFER) flow.bulk()
    const n = o - slab.offset
    this.bytesOut += n
    return this.#outcome(at < end, slab.send(this.#client, n))
  }

  #relayBody(buffer: Buffer, n: number, flow: Flow): number {
    const body = this.#body
    if (body.kind !== BODY_CHUNKED) {
      const until = body.pass(0, n)
      this.bytesOut += until
      return this.#outcome(until < n, flow.send(this.#client, buffer, 0, until))
    }
    slab.reserve(n + CHUNK_OVERHEAD)
    const until = body.copy(buffer, 0, n, slab.buffer, slab.offset)
    if (until === BAD_BODY) return RESPONSE_BROKEN
    this.bytesOut += body.written
    return this.#outcome(until < n, body.written === 0 || slab.send(this.#client, body.written))
  }

  /** @param excess the server sent more than its response: nothing more is believed of this connection */
  #outcome(excess: boolean, goOn: boolean): number {
    if (excess) this.reusable = false
    return this.#body.done ? RESPONSE_DONE : goOn ? RESPONSE_MORE : RESPONSE_HELD
  }
}
