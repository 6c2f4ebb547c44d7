// What a worker compiles of the configuration of a backend: once for all frontends that lead to it, and kept for as long as
// that configuration is. A reload that does not change a backend hands on the same object (worker.ts), so it compiles nothing.
import type { BackendSpec } from '../messages/snapshot.ts'

/** @param make null: there is nothing to be made. @returns the same function, which makes it once for each configuration */
export function oncePerBackend<T extends object>(
  make: (spec: BackendSpec) => T | null,
): (spec: BackendSpec) => T | null {
  const made = new WeakMap<BackendSpec, T | null>()
  return (spec) => {
    let one = made.get(spec)
    if (one === undefined) made.set(spec, (one = make(spec)))
    return one
  }
}
