// What becomes of a request whose server has failed it: another try on the same server, one on another server, or an end
// with a reason. Decisions only; the exchange carries them out. Nothing is tried again of which the client has seen a byte,
// and what a server may have acted on goes to another only if that does no harm (RFC 9110, section 9.2.2) and the budget of
// retries allows it. What no server got is always free to go elsewhere: it burdens nobody.
import { performance } from 'node:perf_hooks'
import { OUTCOME_FAILED, OUTCOME_TIMEOUT, type Outcome } from '../../balance/outcome.ts'
import type { ReasonCode } from '../../model/reasons.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import { outcomeOfStatus } from '../upstream/attempt.ts'
import type { Placement } from '../upstream/placement.ts'
import { PHASE_CONNECT, PHASE_RESPONSE } from './exchange-client.ts'
import type { Request } from './request.ts'
import type { Response } from './response.ts'

/** On the same server, with a connection that was never idle. */
export const AGAIN_FRESH = 0
export const AGAIN_ELSEWHERE = 1
export const GIVE_UP = 2

export class Recovery {
  /** Why, after a decision: of the end, or in case there is no other server. */
  reason: ReasonCode = 'server_closed'
  readonly #placement: Placement
  readonly #request: Request
  readonly #response: Response
  /** A kept-alive connection was found closed, and a new one has been tried for that. */
  #freshTried = false
  /** A server broke off on it. */
  #brokenOff = false

  constructor(placement: Placement, request: Request, response: Response) {
    this.#placement = placement
    this.#request = request
    this.#response = response
  }

  begin(): void {
    this.#freshTried = this.#brokenOff = false
  }

  /** The server could not be reached. */
  unreachable(reason: ReasonCode, outcome: Outcome): number {
    this.#placement.attempt.fail('connectErrors', outcome)
    this.reason = reason
    return AGAIN_ELSEWHERE
  }

  /** The connection is gone before the response was complete. @param sent something was sent on it */
  lost(upstream: UpstreamConnection, error: NodeJS.ErrnoException | null, sent: boolean): number {
    const server = this.#placement.server!
    if (!sent) return this.unreachable(server.connectReason(error), OUTCOME_FAILED)
    if (this.#response.untouched && upstream.uses > 1) {
      server.foundClosed(upstream)
      if (this.#request.repeatable && !this.#freshTried) return this.#fresh()
    }
    this.#placement.attempt.fail('responseErrors', OUTCOME_FAILED)
    this.reason = this.#response.begun ? 'server_aborted' : 'server_closed'
    // It broke off on a request of its own: one other server may try, and no third, lest one request take down all.
    const again = this.#placement.backend!.spec.retry.closed && !this.#brokenOff
    this.#brokenOff = true
    return again && this.#isFree && this.#mayRetry() ? AGAIN_ELSEWHERE : GIVE_UP
  }

  /** It had closed a kept-alive connection when the request arrived (RFC 9112, section 9.3.1): not held against it. */
  #fresh(): number {
    this.#freshTried = true
    this.#placement.attempt.count('responseErrors')
    this.#placement.attempt.count('retries')
    return AGAIN_FRESH
  }

  /** It has not answered in time, or not taken the request. */
  unanswered(phase: number): number {
    this.#placement.attempt.fail('responseErrors', OUTCOME_TIMEOUT)
    this.reason = 'response_timeout'
    const again = phase === PHASE_RESPONSE && this.#placement.backend!.spec.retry.timeout
    return again && this.#isFree && this.#mayRetry() ? AGAIN_ELSEWHERE : GIVE_UP
  }

  /** A status that is tried again is so only where another server can answer in place of this one. */
  wants(status: number): boolean {
    if (!this.#placement.backend!.spec.retry.statuses.includes(status)) return true
    return !(this.#isFree && this.#placement.hasOthers && this.#mayRetry())
  }

  /** The response has a status that is not wanted. */
  unwanted(): number {
    this.#placement.attempt.fail('responseErrors', outcomeOfStatus(this.#response.status))
    this.reason = 'server_closed'
    return AGAIN_ELSEWHERE
  }

  /** The time for the whole request is over: no further try. */
  expired(phase: number): number {
    if (phase === PHASE_CONNECT) this.#placement.attempt.fail('connectErrors', OUTCOME_TIMEOUT)
    else if (phase === PHASE_RESPONSE) this.#placement.attempt.fail('responseErrors', OUTCOME_TIMEOUT)
    this.reason = 'request_deadline'
    return GIVE_UP
  }

  /** The client has seen nothing, and all that was sent is still here and may be sent twice. */
  get #isFree(): boolean {
    return this.#request.repeatable && this.#response.unseen
  }

  /** Within the tries of one request and the budget of all. */
  #mayRetry(): boolean {
    return this.#placement.triesLeft && this.#placement.backend!.allowsRetry(performance.now())
  }
}
