// From a frontend's ordered list of routes to one function: host and path to the route that they match. Compiled once per
// snapshot; with no routes it costs nothing. Hosts are compared without port and case; paths by whole segments.
import type { FrontendSpec, RouteSpec } from '../../messages/snapshot.ts'

/** @returns index of the route, or -1: none matches. `host` is as the client sent it, `path` without query. */
export type Route = (host: string, path: string) => number

/** Null when the frontend has its default backend only, so that no string has to be made. */
export function compileRoutes(frontend: FrontendSpec): Route | null {
  if (frontend.routes.length === 0) return null
  const rules = frontend.routes.map(matcher)
  return (host, path) => {
    const name = hostName(host)
    for (let i = 0; i < rules.length; i++) {
      if (rules[i]!(name, path)) return i
    }
    return -1
  }
}

function matcher({ host, path }: RouteSpec): (name: string, path: string) => boolean {
  const hostMatches = host === null ? null : hostMatcher(host)
  const prefix = path === null || path === '/' ? null : path.endsWith('/') ? path.slice(0, -1) : path
  return (name, requested) =>
    (hostMatches === null || hostMatches(name)) &&
    (prefix === null ||
      (requested.startsWith(prefix) && (requested.length === prefix.length || requested[prefix.length] === '/')))
}

function hostMatcher(pattern: string): (name: string) => boolean {
  if (!pattern.startsWith('*.')) return (name) => name === pattern
  const suffix = pattern.slice(1)
  return (name) => name.length > suffix.length && name.endsWith(suffix)
}

/** 'Example.COM:8443' -> 'example.com'; an IPv6 literal keeps its brackets; a final dot is not part of the name. */
function hostName(host: string): string {
  const end = host.startsWith('[') ? host.indexOf(']') + 1 : host.indexOf(':')
  const name = (end > 0 ? host.slice(0, end) : host).toLowerCase()
  return name.endsWith('.') ? name.slice(0, -1) : name
}
