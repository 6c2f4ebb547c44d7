// What one health check is and what it answers. The two kinds are in probe-tcp.ts and probe-http.ts.
import type { HealthCheckConfig, TargetConfig } from '../../config/config.ts'
import type { Millis } from '../../model/units.ts'

/** Where a check goes. */
export type Target = TargetConfig
/** How the servers of one backend are checked: timing, rise and fall, and for http what is sent and expected. */
export type CheckSpec = HealthCheckConfig
export type HttpCheckSpec = NonNullable<HealthCheckConfig['http']>

/** The outcome of one check. A failed check is a value, not an exception. */
export interface ProbeResult {
  readonly passed: boolean
  /** Words for the log and `weir status`: 'status 200', 'connect ECONNREFUSED 127.0.0.1:1', 'timeout after 1000 ms'. */
  readonly text: string
}

/** Version of the PROXY header that the server waits for on every connection; null: it does not. */
export type SendProxy = 1 | 2 | null

/** One check of one server. Never rejects; ends early, with any result, when the signal is aborted. */
export type Probe = (signal: AbortSignal) => Promise<ProbeResult>

export const pass = (text: string): ProbeResult => ({ passed: true, text })
export const fail = (text: string): ProbeResult => ({ passed: false, text })

export const timeoutText = (timeout: Millis): string => `timeout after ${timeout} ms`

/** The words of an error. A name with several addresses fails with one error for each: the first stands for all. */
export function errorText(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return errorText(error.errors[0])
  if (!(error instanceof Error)) return String(error)
  return error.message || (error as NodeJS.ErrnoException).code || error.name
}
