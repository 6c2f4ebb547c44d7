// What the bench has to know about a load balancer: its version, its configuration for a workload, and how to start it.
import type { Mode } from '../../src/model/states.ts'

export interface Setup {
  /** A folder of this run, for configuration and logs. */
  readonly folder: string
  readonly port: number
  readonly serverPort: number
  readonly mode: Mode
  /** Combined PEM (certificate, then key) when the frontend terminates TLS, or a folder of such files. */
  readonly certificate: string | null
  /** File that a line per request goes to. */
  readonly accessLog: string | null
}

export interface Launch {
  readonly argv: readonly string[]
  /** Where standard output goes, when that is where it logs to. */
  readonly output?: string
  readonly env?: Record<string, string>
}

export interface Peer {
  readonly name: string
  /** Threads that carry traffic. 1: pinned to one core. 2: on two. */
  readonly workers: number
  /** Seconds of load before the window: until just-in-time compilers are done with what is hot. */
  readonly warmUp: number
  /** Name and version, or null when it is not installed. */
  version(): string | null
  /** Why it cannot take part, in words for the results; null when it can. */
  cannot(setup: Pick<Setup, 'mode' | 'certificate' | 'accessLog'>): string | null
  /** Writes its configuration and says how to start it. */
  prepare(setup: Setup): Launch
}
