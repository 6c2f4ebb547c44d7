// Two backends behind one frontend whose persistence cookies have the same name, path and domain: a browser keeps one cookie
// of them, each backend takes the other's for a stranger's, and a client that uses both never stays anywhere.
import type { BackendConfig, CookieConfig } from './config.ts'
import type { Problems } from './problems.ts'
import { child, type Entry } from './tree.ts'
import type { Uses } from './uses.ts'

export function findCookieClashes(
  backends: readonly BackendConfig[],
  entries: readonly Entry[],
  uses: Uses['uses'],
  problems: Problems,
): void {
  const frontendsOf = (name: string): string[] => (uses.get(name) ?? []).map(({ frontend }) => frontend)
  const withCookie = backends.flatMap((backend) => {
    const cookie = backend.persistence?.cookie
    return cookie?.mode === 'insert' ? [{ backend, cookie }] : []
  })
  for (const [i, later] of withCookie.entries()) {
    const { name } = later.backend
    const shared = new Set(frontendsOf(name))
    const earlier = withCookie
      .slice(0, i)
      .find((each) => frontendsOf(each.backend.name).some((frontend) => shared.has(frontend)) && clash(each, later))
    const node = child(entries.find(({ key }) => key === name)?.value, 'persistence')
    if (!earlier || !node) continue
    const message = `The cookie ${later.cookie.name} of ${name} is that of ${earlier.backend.name} too, behind the same frontend: each undoes the other's. Give one of them another name or path`
    problems.add(node.place, 'UNWISE_RULE', message)
  }
}

interface Placed {
  readonly backend: BackendConfig
  readonly cookie: CookieConfig
}

/** One cookie to a browser. Where key and names of servers are the same, either backend understands the other's. */
function clash(a: Placed, b: Placed): boolean {
  const same = (['name', 'path', 'domain'] as const).every((key) => a.cookie[key] === b.cookie[key])
  if (!same || Buffer.compare(a.cookie.key, b.cookie.key) !== 0) return same
  const names = ({ backend }: Placed): string =>
    backend.servers
      .map(({ name }) => name)
      .toSorted()
      .join('\n')
  return names(a) !== names(b)
}
