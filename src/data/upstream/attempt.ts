// One attempt to have a request answered by a server (tcp: to have a connection carried by it), from its start to its end,
// as balancing counts it. Whatever way the attempt takes, its counts are taken back exactly once: that is decided here and
// nowhere else. One object per client connection, used again for every attempt; nothing is allocated.
import { performance } from 'node:perf_hooks'
import { OUTCOME_FAILED, OUTCOME_OK, type Outcome } from '../../balance/outcome.ts'
import { microsIn, microsOf } from '../../scoreboard/clock.ts'
import type { Server } from './server.ts'

/** Statuses by which a server says that it is the one at fault. Not 501 and 505, and no 4xx: those are about the request. */
export const outcomeOfStatus = (status: number): Outcome =>
  status === 500 || status === 502 || status === 503 || status === 504 ? OUTCOME_FAILED : OUTCOME_OK

export class Attempt {
  #server: Server | null = null
  /** performance.now(): what is measured as latency begins here. */
  #since = 0
  /** Neither answered nor given up yet. */
  #waiting = false

  /** @param at performance.now(). @returns false when the server or its backend has no room: nothing has begun then */
  begin(server: Server, at: number): boolean {
    const now = microsOf(at)
    if (server.queue === null) server.counts.start(server.slot, now)
    else if (!server.counts.tryStart(server.slot, now, server.spec.maxConnections, server.queue.most)) return false
    this.#server = server
    this.#since = at
    this.#waiting = true
    server.balancer.onStart?.(server.slot, now)
    return true
  }

  /** The request is complete only now, because its client took so long: that time is not the server's. */
  requestSent(): void {
    if (this.#waiting) this.#since = performance.now()
  }

  /**
   * How the attempt ended for the balancing: the head of the response is here, or none will be waited for. Only the first
   * call counts, so that what befalls the body afterwards changes nothing.
   * @param at performance.now()
   */
  answer(outcome: Outcome, at: number): void {
    if (!this.#waiting) return
    this.#waiting = false
    const { counts, balancer, slot } = this.#server!
    const now = microsOf(at)
    const latency = microsIn(at - this.#since)
    counts.answer(slot, now, latency, outcome)
    balancer.onEnd?.(slot, now, latency, outcome)
  }

  /** The server is at fault: counted, and held against it by the balancing, unless the head of an answer had come. */
  fail(column: 'connectErrors' | 'responseErrors', outcome: Outcome): void {
    this.count(column)
    this.answer(outcome, performance.now())
  }

  /** One more in a counter of the server. */
  count(column: 'connectErrors' | 'responseErrors' | 'retries'): void {
    const { counters, slot } = this.#server!
    counters[column][slot]!++
  }

  /**
   * Nothing more happens on the server for it, and its place is free for who waits. When there was no answer, nothing is
   * learnt: nobody waited for one.
   */
  end(): void {
    const server = this.#server
    if (server === null) return
    this.#server = null
    if (this.#waiting) server.counts.abandon(server.slot)
    this.#waiting = false
    server.counts.end(server.slot)
    server.queue?.freed(server.slot)
  }
}
