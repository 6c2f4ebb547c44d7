// HAProxy numbers its proxies; here the number is the place: frontends first, then backends, as in the configuration. 1 is
// HAProxy's own, so that the first is 2.
import type { BackendSpec, FrontendSpec } from '../../messages/snapshot.ts'
import type { View } from '../view.ts'

const FIRST = 2

export function idOf({ snapshot }: View, proxy: FrontendSpec | BackendSpec): number {
  const frontend = snapshot.frontends.findIndex((each) => each === proxy)
  if (frontend >= 0) return FIRST + frontend
  return FIRST + snapshot.frontends.length + snapshot.backends.findIndex((each) => each === proxy)
}
