// How a connection that has its place goes on, by what its bind speaks: http or tcp, at once or when its TLS handshake is done
// (handshakes.ts), or to a server as it is, when its TLS is not ours. Also how those end that may not come in, or that
// nothing has come of. Whether a connection may come in is the entrance's business (entrance.ts).
import type { ReasonCode } from '../../model/reasons.ts'
import { reasonCell } from '../../scoreboard/reasons.ts'
import type { Source } from '../clients/source.ts'
import type { WorkerContext } from '../context.ts'
import { Http1Client } from '../http1/client.ts'
import { HttpBind } from '../http1/http-bind.ts'
import { breakOff, onread, own, plainSocket, type Accepted } from '../io/socket.ts'
import type { OwnedSocket, Wire } from '../io/socket-owner.ts'
import { goOnReading } from '../proxy-protocol/early-bytes.ts'
import { TcpConnection } from '../tcp/connection.ts'
import type { Backend } from '../upstream/backend.ts'
import { headerOf, type Arrival } from './arrival.ts'
import type { Connection, Connections } from './connections.ts'
import { Handshakes, type HandshakesHost, type PassedHello } from './handshakes.ts'
import type { Parking } from './parking.ts'
import type { Served } from './served.ts'

/** Connections that are told why they may not come in, at one time; more of them are reset without a word. */
const MAX_REFUSED = 64

export class Beginning implements HandshakesHost {
  #served: Served
  readonly #context: WorkerContext
  readonly #parking: Parking
  readonly #connections: Connections
  /** Null: the bind has no TLS. */
  #handshakes: Handshakes | null
  /** Set when the bind listens, in http mode. */
  #httpBind: HttpBind | null = null
  /** That the bind listens on; -1: not yet. */
  #port = -1
  #refused = 0
  readonly #forget = (connection: Connection & { readonly source: Source | null }): void => this.forget(connection)
  readonly #forgetRefused = (connection: Connection): void => {
    this.#refused--
    this.#connections.end(connection)
  }

  constructor(served: Served, context: WorkerContext, parking: Parking, connections: Connections) {
    this.#served = served
    this.#context = context
    this.#parking = parking
    this.#connections = connections
    this.#handshakes = this.#createHandshakes(served)
  }

  #createHandshakes(served: Served): Handshakes | null {
    return served.bind.tls === null ? null : new Handshakes(served, this.#context, this.#connections, this)
  }

  /** Those that begin from now on go by another configuration, and with their next request those that are there. */
  follow(served: Served): void {
    this.#served = served
    if (this.#port >= 0) this.listenOn(this.#port)
    if (this.#handshakes !== null && served.bind.tls !== null) return this.#handshakes.follow(served)
    this.close()
    this.#handshakes = this.#createHandshakes(served)
  }

  /** Http connections ask their bind what to go by. @param port the real one */
  listenOn(port: number): void {
    const { http, bind } = this.#served
    this.#port = port
    if (http === null) this.#httpBind = null
    else if (this.#httpBind === null) this.#httpBind = new HttpBind(http, bind, port)
    else this.#httpBind.follow(http, bind)
  }

  /** Takes no part in what changes any more. */
  close(): void {
    this.#handshakes?.close()
  }

  /** It has its place. */
  start(arrival: Arrival): void {
    if (this.#handshakes !== null) return this.#handshakes.begin(arrival)
    const { accepted, introduced } = arrival
    this.speak(plainSocket(accepted), arrival)
    if (introduced !== null) goOnReading(introduced)
  }

  /** The protocol of the frontend, over TLS or without. */
  speak(socket: Wire, arrival: Omit<Arrival, 'accepted'>): void {
    if (this.#httpBind === null) return this.#join(socket, arrival, this.#served.backend!, null)
    socket.setNoDelay(true)
    const client = new Http1Client(socket, this.#httpBind, this.#forget, headerOf(arrival))
    client.source = arrival.source
    this.#add(client)
  }

  passThrough(socket: OwnedSocket, arrival: Arrival, { backend, serverName, early }: PassedHello): void {
    const { frontend, http } = this.#served
    // Over http, requests are shed and connections are let in; this one will have no requests.
    if (http !== null && this.#context.overload.sheds(arrival.source?.exempt ?? false)) {
      return this.turnAway(arrival, 'overloaded')
    }
    this.#context.row.counters.frontend.passedThrough[frontend.slot]!++
    this.#join(socket, arrival, backend, serverName)
    goOnReading({ socket, early })
  }

  /** @param serverName that it asks for, where its handshake was read; '': none; null: not known here */
  #join(socket: Wire, arrival: Omit<Arrival, 'accepted'>, backend: Backend, serverName: string | null): void {
    socket.setNoDelay(true)
    const what = { frontend: this.#served.frontend, backend, header: headerOf(arrival), serverName }
    const connection = new TcpConnection(socket, what, this.#context, this.#forget)
    connection.source = arrival.source
    this.#add(connection)
  }

  #add(connection: Connection): void {
    this.#connections.add(connection)
    if (this.#connections.draining) connection.drain()
  }

  // The end.

  forget(connection: Connection & { readonly source: Source | null }): void {
    this.#giveBack(connection.source)
    this.#connections.end(connection)
  }

  #giveBack(source: Source | null): void {
    source?.close()
    this.#parking.givePlace(this.#served.frontend.slot)
  }

  /** It has its place, and no protocol yet. */
  turnAway({ accepted, source }: Arrival, reason: ReasonCode): void {
    this.#giveBack(source)
    this.reset(accepted, reason)
    this.#connections.onEnd()
  }

  /**
   * It has no place: an http client without TLS is told why; for the others a handshake would cost more than it is worth. It
   * takes no place while it is on its way out. @param retryAfter seconds; 0: not said
   */
  refuse({ accepted, introduced }: Omit<Arrival, 'source'>, reason: ReasonCode, retryAfter: number): void {
    if (this.#httpBind === null || this.#handshakes !== null || this.#refused >= MAX_REFUSED) {
      return this.reset(accepted, reason)
    }
    this.#refused++
    const client = new Http1Client(plainSocket(accepted), this.#httpBind, this.#forgetRefused, headerOf({ introduced }))
    this.#connections.add(client)
    client.refuse(reason, retryAfter)
    if (introduced !== null) goOnReading(introduced)
  }

  reset(accepted: Accepted, reason: ReasonCode): void {
    this.count(reason)
    reset(accepted)
  }

  /** Of a connection that no protocol has heard of. */
  count(reason: ReasonCode): void {
    this.#context.row.tables.frontend.reasons[reasonCell(this.#served.frontend.slot, reason)]!++
  }
}

/** Ends a connection that nobody has read. */
export function reset(accepted: Accepted): void {
  const socket = plainSocket(accepted)
  own(socket, { onBytes: () => false, nextBuffer: onread.buffer, onEnd() {}, onDrain() {}, onClosed() {} })
  breakOff(socket)
}
