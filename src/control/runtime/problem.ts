// What an operator is told when his request cannot be met: what is wrong, what would be right, and the name that he may have
// meant. Thrown by whatever does the work; each socket says it in its own way.
import { nearest } from '../../config/nearest.ts'
import type { BackendSpec, FrontendSpec, ServerSpec, Snapshot } from '../../messages/snapshot.ts'

/** 404: there is no such thing; 409: it cannot be done now; 422: the request is wrong; 501: not possible in this process. */
export type ProblemStatus = 404 | 409 | 422 | 501

export class RequestProblem extends Error {
  readonly status: ProblemStatus
  /** What would be right; null: nothing can be said. */
  readonly expected: string | null
  /** The known name that is nearest to the one in the request. */
  readonly nearest: string | null

  constructor(status: ProblemStatus, message: string, expected: string | null = null, near: string | null = null) {
    super(message)
    this.status = status
    this.expected = expected
    this.nearest = near
  }
}

/** A server of a backend, as it runs. */
export interface FoundServer {
  readonly backend: BackendSpec
  readonly server: ServerSpec
}

type Named = Pick<Snapshot, 'frontends' | 'backends'>

/** @throws RequestProblem, like the next two */
export const findFrontend = ({ frontends }: Named, name: string): FrontendSpec => find('frontend', frontends, name)

export const findBackend = ({ backends }: Named, name: string): BackendSpec => find('backend', backends, name)

export function findServer(snapshot: Named, backendName: string, name: string): FoundServer {
  const backend = findBackend(snapshot, backendName)
  return { backend, server: find('server', backend.servers, name, `${backendName}/`) }
}

/** @param within what its name is shown below */
function find<T extends { readonly name: string }>(kind: string, list: readonly T[], name: string, within = ''): T {
  const found = list.find((each) => each.name === name)
  if (found !== undefined) return found
  const names = list.map((each) => each.name)
  throw new RequestProblem(404, `there is no ${kind} ${within}${name}`, expectedOf(names), nearest(name, names))
}

/** 'one of a, b, c'; a long list is cut. */
export function expectedOf(names: readonly string[]): string {
  if (names.length === 0) return 'there is none'
  const shown = names.slice(0, 10).join(', ')
  const more = names.length > 10 ? ` and ${names.length - 10} more` : ''
  return names.length === 1 ? shown : `one of ${shown}${more}`
}
