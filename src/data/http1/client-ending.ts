// How a connection with a client comes to its end: after the last answer, while that answer is still on its way, when the
// client has gone, or when the worker stops. Also the one deadline of the connection, which the end shares with all that
// comes before it. Its own part of a client's connection (client.ts), which inherits it so that both have one shape.
import type { ReasonCode } from '../../model/reasons.ts'
import { ms, type Millis } from '../../model/units.ts'
import { reasonCell } from '../../scoreboard/reasons.ts'
import type { WorkerContext } from '../context.ts'
import type { Timed } from '../io/clock.ts'
import { breakOff, own, unsentBytes } from '../io/socket.ts'
import type { OwnedSocket, SocketOwner, Wire } from '../io/socket-owner.ts'
import type { ProxyHeader } from '../proxy-protocol/header.ts'
import { Peer } from '../proxy-protocol/peer.ts'
import { ClientIdentity } from './client-identity.ts'
import { PHASE_FLUSH, PHASE_HEAD, PHASE_IDLE, PHASE_LINGER } from './exchange-client.ts'
import type { HttpBind } from './http-bind.ts'
import { Leftover, hasLeftover } from './leftover.ts'
import { PACE_LOOK } from './pace.ts'
import { Stash } from './stash.ts'

/** How long a client may go on sending after our last word, and how much, before the connection is cut. */
const LINGER = ms(2000)
const LINGER_BYTES = 16_777_216
/** An idle connection that is to be closed for a shutdown gets this long for a request that is already on its way. */
const DRAIN_GRACE = ms(300)

export abstract class ClientEnding extends ClientIdentity implements SocketOwner, Timed {
  due = 0
  wheelTick = 0
  wheelNext: Timed | null = null
  wheelPrevious: Timed | null = null
  /** In the list of its bind (listener/connections.ts). */
  listIndex = -1
  readonly socket: OwnedSocket
  ended = false
  protected readonly context: WorkerContext
  protected phase = PHASE_HEAD
  /** Our last word has been said; what still comes is thrown away. */
  protected closing = false
  protected readonly stash = new Stash()
  /** Its bind is gone. */
  #drained = false
  #discarded = 0
  /** Of our last word, as of the last look. */
  #unsent = 0
  /** Null: the client has always taken at once what was said. */
  #leftover: Leftover | null = null

  constructor(socket: Wire, bind: HttpBind, header: ProxyHeader | null) {
    super(bind, new Peer(socket, header), socket)
    this.context = bind.frontend.context
    this.socket = own(socket, this)
  }

  abstract onBytes(buffer: Buffer, n: number): boolean
  abstract nextBuffer(): Buffer
  abstract onEnd(): void
  abstract onDrain(): void
  abstract onClosed(): void
  abstract onDeadline(): void
  /** What is wanted of the client may have changed. */
  protected abstract updateReading(): void

  get leaving(): boolean {
    return this.#drained || this.context.draining
  }

  expect(phase: number, span: Millis): void {
    this.phase = phase
    this.context.clock.arm(this, span)
  }

  /** A request has been answered, and the connection goes on: with the next one, if it comes in time. */
  protected awaitRequest(): void {
    if (this.leaving) this.expect(PHASE_IDLE, DRAIN_GRACE)
    else if (!this.#awaitFlush()) this.expect(PHASE_IDLE, this.frontend.spec.timeouts.keepAlive)
  }

  /** Says goodbye, and reads on for a while, so that the client sees our answer and not a reset (RFC 9112, section 9.6). */
  protected close(): void {
    this.closing = true
    this.stash.take()
    if (this.socket.destroyed) return
    this.socket.end()
    if (!this.#awaitFlush()) this.#linger(unsentBytes(this.socket))
    this.updateReading()
  }

  /** The client has said that it sends nothing more, and the kernel has all of our answer: there is nothing to wait for. */
  protected closeAtOnce(): void {
    this.closing = true
    if (this.tls) this.socket.destroySoon()
    else this.socket.destroy()
  }

  /** While our last word is on its way, the client has the time that it has for a body. */
  #linger(unsent: number): void {
    this.#unsent = unsent
    this.expect(PHASE_LINGER, unsent > 0 ? this.frontend.spec.timeouts.clientIdle : LINGER)
  }

  /** The end of it, unless a slow client has taken some more of our last word. */
  protected endLinger(): void {
    const unsent = unsentBytes(this.socket)
    if (unsent >= this.#unsent) this.socket.destroy()
    else this.#linger(unsent)
  }

  /**
   * Until the client has taken all that was said to it, it is held against the lowest rate.
   * @returns false: it has, or any rate will do
   */
  #awaitFlush(): boolean {
    const { limits } = this.frontend.spec
    if (limits.bodyRate === 0 || !hasLeftover(this.socket)) return false
    this.#leftover ??= new Leftover(this.socket, this.context.clock, this.frontend.spec)
    this.#leftover.start()
    this.expect(PHASE_FLUSH, PACE_LOOK)
    return true
  }

  protected endFlush(): void {
    const unsent = unsentBytes(this.socket)
    if (unsent > 0) return this.#flushOn(this.#leftover!.complaint(unsent))
    if (this.closing) this.#linger(0)
    else this.expect(PHASE_IDLE, this.frontend.spec.timeouts.keepAlive)
  }

  #flushOn(complaint: ReasonCode | null): void {
    if (complaint === null) return this.expect(PHASE_FLUSH, PACE_LOOK)
    this.context.row.tables.frontend.reasons[reasonCell(this.frontend.spec.slot, complaint)]!++
    this.abort()
  }

  protected discard(n: number): void {
    this.#discarded += n
    if (this.#discarded > LINGER_BYTES) this.socket.destroy()
  }

  /** The client must see that what it got is not complete. */
  abort(): void {
    this.closing = true
    breakOff(this.socket)
  }

  /** The worker is stopping: an idle connection is closed, soon; a busy one after its response. */
  drain(): void {
    this.#drained = true
    const answered = this.phase === PHASE_IDLE || (this.phase === PHASE_FLUSH && !this.closing)
    if (answered || (this.phase === PHASE_HEAD && this.stash.length === 0)) {
      this.expect(PHASE_IDLE, DRAIN_GRACE)
    }
  }

  /** The time for a stop is over. */
  cutOff(): void {
    this.socket.destroy()
  }
}
