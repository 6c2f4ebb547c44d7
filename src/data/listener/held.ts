// A connection that was accepted and that nobody reads yet: it waits for a place (parking.ts), or has to wait for its
// refusal (tarpit.ts). It costs a descriptor and a few hundred bytes; what the client sends stays in the kernel.
import type { ReasonCode } from '../../model/reasons.ts'
import type { Source } from '../clients/source.ts'
import type { Timed } from '../io/clock.ts'
import type { Accepted } from '../io/socket.ts'
import type { Introduced } from '../proxy-protocol/header-reader.ts'

/** Where a connection waits. */
export interface Room {
  /** It waits no more; its host has taken it back. */
  leave(held: Held): void
  /** It has waited for as long as it may. */
  onTimeOver(held: Held): void
  /** The worker stops. */
  onDrain(held: Held): void
}

/** Whose connection it is: a listener. */
export interface Host {
  readonly slot: number
  /** Connections that the frontend may have, over all workers. */
  readonly most: number
  /** It has its place now. */
  enter(held: Held): void
  /** It has waited in vain. */
  turnAway(held: Held): void
  /** Ends it without a word. */
  drop(held: Held): void
}

export class Held implements Timed {
  due = 0
  wheelTick = 0
  wheelNext: Timed | null = null
  wheelPrevious: Timed | null = null
  /** In the list of its bind (listener/connections.ts). */
  listIndex = -1
  readonly accepted: Accepted
  /** Its place in its source is kept while it waits; null: it has none. */
  readonly source: Source | null
  readonly host: Host
  /** int32 ms of the shared clock, never 0 where it says whose turn it is. */
  readonly since: number
  /** What it is refused with in the end. */
  reason: ReasonCode
  /** Seconds; 0: not said. */
  readonly retryAfter: number
  room: Room | null = null
  /** Null: it was not asked for a PROXY header. */
  introduced: Introduced | null = null

  constructor(accepted: Accepted, host: Host, why: Pick<Held, 'since' | 'reason' | 'retryAfter' | 'source'>) {
    this.accepted = accepted
    this.host = host
    this.since = why.since
    this.reason = why.reason
    this.retryAfter = why.retryAfter
    this.source = why.source
  }

  onDeadline(): void {
    this.room?.onTimeOver(this)
  }

  drain(): void {
    this.room?.onDrain(this)
  }

  cutOff(): void {
    this.room?.leave(this)
    this.host.drop(this)
  }
}
