// Which frontends must keep what clients say of their own certificates from the servers: all that lead to a backend which is
// told of clients by their certificates (`client_auth: {fields}`), be it by another frontend. Else the plain port beside
// the secure one would be where a client goes to be believed.
import type { BackendSpec, FrontendSpec } from '../messages/snapshot.ts'

type Unguarded = Omit<FrontendSpec, 'guardsIdentity'>

export function guardIdentity(
  frontends: readonly Unguarded[],
  backends: readonly Pick<BackendSpec, 'breaker'>[],
): FrontendSpec[] {
  const reached = frontends.map((frontend) => reachedFrom(frontend, backends))
  const told = new Set(frontends.flatMap((frontend, i) => (tellsIdentity(frontend) ? [...reached[i]!] : [])))
  return frontends.map((frontend, i) => ({ ...frontend, guardsIdentity: !told.isDisjointFrom(reached[i]!) }))
}

const tellsIdentity = ({ binds }: Unguarded): boolean => binds.some(({ tls }) => Boolean(tls?.clientAuth?.fields))

/** Indexes of backends; those that stand in for others included. */
function reachedFrom(
  { backend, routes, binds }: Unguarded,
  backends: readonly Pick<BackendSpec, 'breaker'>[],
): ReadonlySet<number> {
  const reached = new Set([backend, ...routes.map((route) => route.backend), ...binds.map((bind) => bind.backend)])
  for (const index of reached) reached.add(backends[index]?.breaker?.fallback ?? -1) // the loop comes to what is added
  reached.delete(-1)
  return reached
}
