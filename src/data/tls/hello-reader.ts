// A connection whose ClientHello is read before it is known whose handshake it is: its bytes are kept as they came, and go
// on with the connection. No more is kept than a hello may be long; whoever sends none in time, or goes away before, is
// closed. What is no hello is not judged here: the one who has the handshake will know what to answer.
import type { Millis } from '../../model/units.ts'
import type { Source } from '../clients/source.ts'
import type { Clock, Timed } from '../io/clock.ts'
import { own, plainSocket, type Accepted } from '../io/socket.ts'
import { sharedBuffer, type OwnedSocket, type SocketOwner } from '../io/socket-owner.ts'
import { goOnReading } from '../proxy-protocol/early-bytes.ts'
import type { Introduced } from '../proxy-protocol/header-reader.ts'
import { MAX_CLIENT_HELLO, type ClientHello } from './client-hello.ts'
import { HelloBytes } from './hello-bytes.ts'

/** A handshake of which something was read already. */
export interface Begun {
  readonly early: Buffer
  /** For the rest of it; null: as if it had just begun. */
  readonly timeLeft: Millis | null
}

/** Whose connections they are. */
export interface HelloHost {
  /**
   * It is not being read any more. @param hello null: what came is none
   * @param begun all that was read, from the first byte of the hello on, and the time that it has left
   */
  onHello(reader: HelloReader, hello: ClientHello | null, begun: Begun): void
  /** There is no hello, and no connection any more. */
  onNoHello(reader: HelloReader): void
}

export interface HelloReaderOptions {
  readonly source: Source | null
  /** Null: it was not asked for a PROXY header. */
  readonly introduced: Introduced | null
  /** For the whole hello, and the handshake that it may be the beginning of. */
  readonly timeout: Millis
  readonly clock: Clock
}

/** What reads go into, so that none brings more than a hello may have. */
const window = sharedBuffer.subarray(0, MAX_CLIENT_HELLO)

export class HelloReader implements SocketOwner, Timed {
  due = 0
  wheelTick = 0
  wheelNext: Timed | null = null
  wheelPrevious: Timed | null = null
  /** In the list of its bind (listener/connections.ts). */
  listIndex = -1
  readonly socket: OwnedSocket
  readonly source: Source | null
  readonly introduced: Introduced | null
  readonly #clock: Clock
  readonly #host: HelloHost
  readonly #bytes = new HelloBytes()
  #done = false

  constructor(accepted: Accepted, host: HelloHost, { source, introduced, timeout, clock }: HelloReaderOptions) {
    this.source = source
    this.introduced = introduced
    this.#clock = clock
    this.#host = host
    this.socket = own(plainSocket(accepted, window), this)
    clock.arm(this, timeout)
  }

  /** Takes up reading where the reader of a PROXY header has left it. */
  begin(): void {
    if (this.introduced !== null) goOnReading(this.introduced)
  }

  nextBuffer(): Buffer {
    if (this.#done) return sharedBuffer
    const { length } = this.#bytes
    return length === 0 ? window : window.subarray(0, MAX_CLIENT_HELLO - length)
  }

  onBytes(buffer: Buffer, n: number): boolean {
    if (this.#done) return false
    const hello = this.#bytes.add(buffer.subarray(0, n))
    if (hello === 'incomplete') return true
    this.#pass(hello === 'none' ? null : hello)
    return false
  }

  /** After the read that is under way, for which the socket still has to be ours. */
  #pass(hello: ClientHello | null): void {
    const timeLeft = this.#clock.timeLeft(this)
    this.#finish()
    queueMicrotask(() => this.#host.onHello(this, hello, { early: this.#bytes.all, timeLeft }))
  }

  #finish(): void {
    this.#done = true
    this.#clock.disarm(this)
  }

  #giveUp(): void {
    if (this.#done) return
    this.#finish()
    this.socket.destroy()
    this.#host.onNoHello(this)
  }

  onEnd(): void {
    this.#giveUp()
  }

  onDrain(): void {}

  onClosed(): void {
    this.#giveUp()
  }

  onDeadline(): void {
    this.#giveUp()
  }

  /** A handshake that has begun may come to its end, as far as there is time. */
  drain(): void {}

  cutOff(): void {
    this.#giveUp()
  }
}
