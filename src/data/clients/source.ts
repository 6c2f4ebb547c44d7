// Where a connection comes from, as far as limits are concerned: one network of a frontend's clients. Made when a
// connection is accepted and carried by it to its end. Who makes them, and by what rules, is client-rules.ts.
import type { ReasonCode } from '../../model/reasons.ts'

export interface Source {
  /** Its network is never limited and never shed. */
  readonly exempt: boolean
  /**
   * Counts a request.
   * @param now performance.now()
   * @returns 0: go ahead; else whole seconds after which it is worth another try, at least 1
   */
  allowRequest(now: number): number
  /**
   * The next request is that of another client, for whom a trusted proxy speaks: it is held against the rules in its place.
   * @param address of the client, or of the proxy itself
   * @returns why it is not let in; null: it is
   */
  speakFor(address: string): ReasonCode | null
  /** The connection has ended. Call once. */
  close(): void
}

/** A client whose network is exempt. */
export const exemptSource: Source = { exempt: true, allowRequest: () => 0, speakFor: () => null, close() {} }

/** A client that is not limited, because no rule does or nothing is known of it. */
export const freeSource: Source = { exempt: false, allowRequest: () => 0, speakFor: () => null, close() {} }
