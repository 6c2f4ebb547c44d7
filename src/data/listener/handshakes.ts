// The TLS of one bind on one worker: from a connection that has its place to one whose handshake is done. Where some handshakes
// are not the bind's own, because names are passed through to servers or an authority looks for the answer to a
// challenge, the client's hello is read first; a bind without such rules never looks at one. Handshakes of its own wait
// for each other where their number is limited. What is spoken behind them is not known here.
import type { ReasonCode } from '../../model/reasons.ts'
import type { Source } from '../clients/source.ts'
import type { WorkerContext } from '../context.ts'
import { onread } from '../io/socket.ts'
import type { OwnedSocket, Wire } from '../io/socket-owner.ts'
import { beginHandshake } from '../proxy-protocol/early-bytes.ts'
import { wrapServer } from '../tls/accept.ts'
import { challengeFor, type ChallengeTls } from '../tls/challenge-contexts.ts'
import type { ClientHello } from '../tls/client-hello.ts'
import { createServerTls, type BindTls } from '../tls/contexts.ts'
import { HelloReader, type Begun, type HelloHost } from '../tls/hello-reader.ts'
import { compilePassthrough, type Passthrough } from '../tls/passthrough.ts'
import type { Backend } from '../upstream/backend.ts'
import { headerOf, type Arrival } from './arrival.ts'
import { ChallengeHandshakes } from './challenge-handshakes.ts'
import { ClientHandshakes } from './client-handshakes.ts'
import type { Connection, Connections } from './connections.ts'
import { Handshake } from './handshake.ts'
import { HandshakeGate } from './handshake-gate.ts'
import type { Served } from './served.ts'
import { WaitingHandshake, type WaitingHost } from './waiting-handshake.ts'

/** Who knows what comes of a connection. */
export interface HandshakesHost {
  /** Its handshake is done. */
  speak(socket: Wire, arrival: Omit<Arrival, 'accepted'>): void
  /** Its handshake is none of ours, and goes on to a server. */
  passThrough(socket: OwnedSocket, arrival: Arrival, to: PassedHello): void
  /** Nothing has come of it, and it is not closed yet. */
  turnAway(arrival: Arrival, reason: ReasonCode): void
  /** It is closed. */
  forget(connection: Connection & { readonly source: Source | null }): void
  count(reason: ReasonCode): void
}

/** A hello that a rule of passthrough matches. */
export interface PassedHello {
  readonly backend: Backend
  /** That the client asks for; '': none. */
  readonly serverName: string
  /** All that was read, from the first byte on. */
  readonly early: Buffer
}

export class Handshakes implements HelloHost, WaitingHost {
  #served: Served
  readonly #context: WorkerContext
  readonly #connections: Connections
  readonly #host: HandshakesHost
  readonly #tls: BindTls
  readonly #gate: HandshakeGate
  /** Null: no name is passed through. */
  #passthrough: Passthrough | null
  readonly #clients: ClientHandshakes
  readonly #authorities: ChallengeHandshakes

  /** @param served has TLS */
  constructor(served: Served, context: WorkerContext, connections: Connections, host: HandshakesHost) {
    const { maxHandshakes, passthrough } = served.bind.tls!
    this.#served = served
    this.#context = context
    this.#connections = connections
    this.#host = host
    this.#tls = createServerTls(served.bind, context)
    this.#gate = new HandshakeGate(context.clock, maxHandshakes, served.frontend.timeouts.tlsHandshake)
    this.#passthrough = compilePassthrough(passthrough)
    this.#clients = new ClientHandshakes(context, (handshake, succeeded) => this.#onDone(handshake, succeeded))
    this.#authorities = new ChallengeHandshakes(context, (handshake) => host.forget(handshake))
  }

  /** Those that begin from now on go by another configuration, in which the bind still has TLS. */
  follow(served: Served): void {
    const tls = served.bind.tls!
    this.#served = served
    this.#tls.follow(tls)
    this.#passthrough = compilePassthrough(tls.passthrough)
    this.#gate.follow(tls.maxHandshakes, served.frontend.timeouts.tlsHandshake)
  }

  /** No more of them will begin, but for those whose connections are here: changes of certificates are not followed. */
  close(): void {
    this.#tls.close()
  }

  begin(arrival: Arrival): void {
    const { accepted, introduced, source } = arrival
    if (this.#passthrough === null && this.#context.tls.tlsChallenges === null) {
      const early = introduced === null ? null : introduced.early
      return this.#awaitTurn(arrival, early === null ? null : { early, timeLeft: null })
    }
    const timeout = this.#served.frontend.timeouts.tlsHandshake
    const reader = new HelloReader(accepted, this, { source, introduced, timeout, clock: this.#context.clock })
    this.#connections.add(reader)
    reader.begin()
  }

  // Behind a hello.

  onHello(reader: HelloReader, hello: ClientHello | null, begun: Begun): void {
    const { socket, introduced, source } = reader
    const arrival = { accepted: socket, introduced, source }
    this.#connections.remove(reader)
    const challenge = hello === null ? null : this.#challengeOf(hello)
    if (challenge !== null) return this.#answerChallenge(challenge, arrival, begun)
    const rule = hello === null || this.#passthrough === null ? -1 : this.#passthrough(hello)
    if (rule < 0) return this.#awaitTurn(arrival, begun)
    const backend = this.#served.passthrough[rule]!
    this.#host.passThrough(socket, arrival, { backend, serverName: hello!.serverName, early: begun.early })
  }

  onNoHello(reader: HelloReader): void {
    if (headerOf(reader)?.local !== true) this.#host.count('tls_handshake') // a tier above may just look at the port
    this.#host.forget(reader)
  }

  #challengeOf(hello: ClientHello): ChallengeTls | null {
    const { tlsChallenges } = this.#context.tls
    return tlsChallenges === null ? null : challengeFor(tlsChallenges, hello)
  }

  #answerChallenge(tls: ChallengeTls, { accepted, source }: Arrival, begun: Begun): void {
    const secure = wrapServer(accepted, tls, onread)
    const handshake = new Handshake(secure, this.#served.frontend, source, this.#context.clock, this.#authorities)
    this.#connections.add(handshake)
    goOn(handshake, begun)
  }

  // A handshake of our own.

  /** @param begun null: nothing was read of it yet */
  #awaitTurn(arrival: Arrival, begun: Begun | null): void {
    if (this.#gate.pass()) return this.#shakeHands(arrival, begun)
    const waiting = new WaitingHandshake(arrival, begun, this)
    if (this.#gate.enter(waiting) === 'waits') this.#connections.add(waiting)
    else this.#host.turnAway(arrival, 'handshakes_full')
  }

  onTurn(waiting: WaitingHandshake): void {
    this.#connections.remove(waiting)
    this.#shakeHands(waiting.arrival, waiting.begun)
  }

  onNoTurn(waiting: WaitingHandshake): void {
    this.#connections.remove(waiting)
    this.#host.turnAway(waiting.arrival, 'handshakes_full')
  }

  onCutOff(waiting: WaitingHandshake): void {
    this.#gate.withdraw(waiting)
    this.onNoTurn(waiting)
  }

  /** The gate has let it through. */
  #shakeHands({ accepted, introduced, source }: Arrival, begun: Begun | null): void {
    const secure = wrapServer(accepted, this.#tls, onread)
    const handshake = new Handshake(secure, this.#served.frontend, source, this.#context.clock, this.#clients)
    handshake.introduced = introduced
    this.#connections.add(handshake)
    if (begun !== null) goOn(handshake, begun)
  }

  /** A handshake has ended, in a connection or in nothing. */
  #onDone(handshake: Handshake, succeeded: boolean): void {
    if (succeeded) {
      this.#connections.remove(handshake)
      this.#host.speak(handshake.socket, handshake)
    } else this.#host.forget(handshake)
    this.#gate.leave()
  }
}

/** With what was read of it, in the time that this has left. */
function goOn(handshake: Handshake, { early, timeLeft }: Begun): void {
  if (timeLeft !== null) handshake.endWithin(timeLeft)
  beginHandshake(handshake.socket, early)
}
