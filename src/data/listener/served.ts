// What a bind serves, as of the newest configuration. Types only; worker.ts makes it, and a listener goes by it.
import type { BindSpec, FrontendSpec } from '../../messages/snapshot.ts'
import type { HttpFrontend } from '../http1/frontend.ts'
import type { Backend } from '../upstream/backend.ts'

/** Where there is no http frontend it is a tcp one, with a backend. */
export interface Served {
  readonly bind: BindSpec
  readonly frontend: FrontendSpec
  /** Shared by the binds of the frontend that have the same backend. */
  readonly http: HttpFrontend | null
  readonly backend: Backend | null
  /** Where connections go that are passed through, in the order of the rules of the bind. */
  readonly passthrough: readonly Backend[]
}
