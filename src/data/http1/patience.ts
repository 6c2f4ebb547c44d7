// What an exchange waits for next, and for how long: for a place on a server, for the client's body, for the server's
// answer, then for either to go on; all of it within the deadline of the request, until the answer begins. And whether the
// side that is waited for is silent, too slow, or merely slow. One timer does it all: the deadline of the client's connection.
import { performance } from 'node:perf_hooks'
import type { BackendSpec } from '../../messages/snapshot.ts'
import type { ReasonCode } from '../../model/reasons.ts'
import { ms, type Millis } from '../../model/units.ts'
import { unsentBytes } from '../io/socket.ts'
import type { OwnedSocket } from '../io/socket-owner.ts'
import {
  PHASE_CONNECT,
  PHASE_PLACE,
  PHASE_RELAY,
  PHASE_RESPONSE,
  PHASE_UPLOAD,
  type ExchangeClient,
} from './exchange-client.ts'
import { PACE_LOOK, Pace } from './pace.ts'

/** What is asked of the exchange. */
export interface Transfer {
  readonly client: ExchangeClient
  readonly backend: { readonly spec: BackendSpec } | null
  readonly upstream: { readonly socket: OwnedSocket } | null
  /**
   * `done`: all of it is here. `held`: reading from the client waits for the server. `asksFirst`: the client may wait for a
   * 100 (Continue) before it sends anything.
   */
  readonly request: { readonly done: boolean; readonly held: boolean; readonly asksFirst: boolean }
  /** `begun`: its head has gone to the client. `untouched`: not a byte of it has come. */
  readonly response: { readonly begun: boolean; readonly untouched: boolean; readonly bytesOut: number }
  /** Reading from the server waits for the client. */
  readonly clientHolds: boolean
  readonly bytesIn: number
}

const NOT_PACED = 0
const UPLOAD = 1
const DOWNLOAD = 2

export class Patience {
  readonly #transfer: Transfer
  /** performance.now() by which the head of the response must have come; 0: there is no such time. */
  #deadline = 0
  /** What the side that holds had not taken yet when it was looked at. */
  #unsent = 0
  /** Of bytes a second. */
  #rate = 0
  #pace: Pace | null = null
  /** What the pace is that of. */
  #paced = NOT_PACED

  constructor(transfer: Transfer) {
    this.#transfer = transfer
  }

  /** A new request. */
  begin(): void {
    this.#deadline = this.#unsent = 0
    this.#rate = this.#transfer.client.frontend.spec.limits.bodyRate
    this.#paced = NOT_PACED
  }

  /** @param startedAt performance.now(). @param span of the whole request; 0: none */
  limit(startedAt: number, span: Millis): void {
    this.#deadline = span === 0 ? 0 : startedAt + span
  }

  /** The time for the whole request is over, and no answer has begun. */
  get isOver(): boolean {
    return this.#deadline !== 0 && !this.#transfer.response.begun && performance.now() >= this.#deadline
  }

  /** Waits for one thing, but not beyond the deadline of the whole request. */
  expect(phase: number, span: Millis): void {
    if (phase === PHASE_PLACE || phase === PHASE_CONNECT) this.#paced = NOT_PACED // that time is not the client's
    const left = this.#deadline === 0 ? span : Math.min(span, Math.max(0, this.#deadline - performance.now()))
    this.#transfer.client.expect(phase, ms(left))
  }

  /** One side holds the other up from now on. */
  hold(socket: OwnedSocket): void {
    this.#unsent = unsentBytes(socket)
  }

  /**
   * Bytes have passed, or another side is waited for: for the client's body, then for the server's answer, then for either
   * to go on.
   * @returns why the client is not waited for any longer; null: it is
   */
  next(): ReasonCode | null {
    const { client, backend, request, response, clientHolds } = this.#transfer
    const spans = backend!.spec.timeouts
    const { clientIdle } = client.frontend.spec.timeouts
    if (response.begun) {
      if (this.#rate > 0 && this.#tooSlow(DOWNLOAD, clientHolds)) return 'client_too_slow'
      const span = !clientHolds ? spans.serverIdle : this.#rate > 0 ? PACE_LOOK : clientIdle
      client.expect(PHASE_RELAY, span)
    } else if (request.done) this.expect(PHASE_RESPONSE, spans.serverResponse)
    else {
      const waiting = this.#isUploading
      if (this.#rate > 0 && this.#tooSlow(UPLOAD, waiting)) return 'body_too_slow'
      const look = this.#rate > 0 && waiting
      this.expect(PHASE_UPLOAD, request.held ? spans.serverIdle : look ? PACE_LOOK : clientIdle)
    }
    return null
  }

  /** The client is what is waited for, and knows that it is. */
  get #isUploading(): boolean {
    const { request, response } = this.#transfer
    return !request.held && !(request.asksFirst && response.untouched)
  }

  /** @param waiting from now on, the client is what is waited for */
  #tooSlow(way: typeof UPLOAD | typeof DOWNLOAD, waiting: boolean): boolean {
    const { client, bytesIn, response } = this.#transfer
    const { time } = client.frontend.context.clock
    const bytes = way === UPLOAD ? bytesIn : response.bytesOut - unsentBytes(client.socket)
    const pace = (this.#pace ??= new Pace())
    if (this.#paced !== way) {
      this.#paced = way
      pace.start(this.#rate, client.frontend.spec.timeouts.bodyGrace, time, bytes, way === DOWNLOAD)
    }
    return pace.tooSlow(time, bytes, waiting)
  }

  /**
   * A deadline has passed.
   * @returns why whoever was waited for is not waited for any longer; null: it is, and the next deadline is set
   */
  verdict(phase: number): ReasonCode | null {
    const { client, clientHolds, request, upstream } = this.#transfer
    const serverHolds = request.held
    if (phase === PHASE_RESPONSE) return 'response_timeout'
    const onClient = phase === PHASE_RELAY ? clientHolds : this.#isUploading
    if (this.#rate > 0 && onClient) return this.next() ?? this.#silence(phase)
    if (clientHolds || serverHolds) {
      const before = this.#unsent
      this.#unsent = unsentBytes(clientHolds ? client.socket : upstream!.socket)
      if (this.#unsent < before) return this.next()
    }
    if (phase === PHASE_RELAY) return clientHolds ? 'client_stalled' : 'server_stalled'
    return serverHolds ? 'response_timeout' : 'request_timeout'
  }

  /** The pace is looked at more often than the client may be silent. */
  #silence(phase: number): ReasonCode | null {
    const { frontend } = this.#transfer.client
    if (this.#pace!.silence(frontend.context.clock.time) < frontend.spec.timeouts.clientIdle) return null
    return phase === PHASE_RELAY ? 'client_stalled' : 'request_timeout'
  }
}
