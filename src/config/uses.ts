// Who uses which backend: frontends, their binds, routes and rules for passing on by name, and circuit breakers whose fallback it is, through which it
// gets the requests of others. From that follow the mode of a backend, and that nobody uses it.
import type { Mode } from '../model/states.ts'
import { suggestion } from './nearest.ts'
import type { Problems } from './problems.ts'
import { bindForms, modeOf, type BindForm, type FrontendInput } from './resolve-frontend.ts'
import { passthroughRules } from './resolve-tls-clients.ts'
import type { BackendText, ConfigText, FrontendText } from './schema.ts'
import { child, keyPlace, show, type Entry, type Node, type Place } from './tree.ts'

/** A backend is named here, by a frontend of this mode (null: not known) or for its requests. */
export interface Use {
  readonly frontend: string
  readonly mode: Mode | null
  readonly place: Place
  /** Its connections come by `passthrough`, with the TLS of the client. */
  readonly passed?: boolean
}

export interface Uses {
  /** By backend; those through a fallback come after those by name. */
  readonly uses: ReadonlyMap<string, readonly Use[]>
  /** Not so where a name is wrong: the backend that it means would look unused. */
  readonly complete: boolean
}

export function findUses(
  inputs: readonly FrontendInput[],
  backends: readonly Entry[],
  texts: ConfigText['backends'],
  problems: Problems,
): Uses {
  let complete = true
  const direct = new Map<string, Use[]>(backends.map(({ key }) => [key, []]))
  /** Whether there is such a backend; a name that is not known is reported. */
  const isKnown = (backend: string | undefined, at: Node): backend is string => {
    const known = backend !== undefined && direct.has(backend)
    if (!known) complete = false
    if (!known && backend !== undefined && backends.length > 0)
      problems.add(at.place, 'UNKNOWN_BACKEND', `There is no backend ${show(at)}${suggestion(backend, direct.keys())}`)
    return known
  }
  for (const input of inputs) {
    const { name, text, node } = input
    const mode = modeOf(input)
    const routesNode = child(node, 'routes')
    const routes = mode === 'tcp' ? [] : (text.routes ?? []) // routes in tcp mode are reported as such
    const named = routes.map((route, i) => ({ backend: route?.backend, at: child(child(routesNode, i), 'backend') }))
    const binds = bindForms(input)
    named.push({ backend: text.backend, at: child(node, 'backend') }, ...binds.map(ownBackend))
    for (const { backend, at } of named) {
      if (at && isKnown(backend, at)) direct.get(backend)!.push({ frontend: name, mode, place: at.place })
    }
    for (const { backend, at } of [{ text, node }, ...binds].flatMap(passedOn)) {
      if (at && isKnown(backend, at))
        direct.get(backend)!.push({ frontend: name, mode: 'tcp', place: at.place, passed: true })
    }
  }
  const fallbacks = new Map<string, Fallback>()
  for (const { key, value } of backends) {
    const at = child(child(value, 'circuit_breaker'), 'fallback')
    const to = fallbackOf(texts?.[key])
    if (at && isKnown(to, at)) fallbacks.set(key, { to, place: at.place })
  }
  if (refuseCircles(fallbacks, problems)) complete = false
  return { uses: withFallbacks(direct, fallbacks), complete }
}

interface Named {
  readonly backend: string | undefined
  /** undefined: it is not there. */
  readonly at: Node | undefined
}

const ownBackend = ({ text, node }: BindForm): Named => ({ backend: text.backend, at: child(node, 'backend') })

/** Backends of the rules for passing connections on, of a bind or of the frontend. */
function passedOn({
  text,
  node,
}: {
  readonly text: Pick<FrontendText, 'tls'> | BindForm['text']
  readonly node: Node
}): Named[] {
  if (typeof text.tls !== 'object') return []
  const rules = passthroughRules(text.tls.passthrough, child(child(node, 'tls'), 'passthrough'))
  return rules.map(({ rule, node: at }) => ({ backend: rule.backend, at: child(at, 'backend') }))
}

interface Fallback {
  readonly to: string
  readonly place: Place
}

function fallbackOf(text: BackendText | undefined): string | undefined {
  const breaker = text?.circuit_breaker
  return typeof breaker === 'object' ? breaker.fallback : undefined
}

/** Reports fallbacks that lead back to where they start, once for each circle, and cuts it open. @returns whether there are any */
function refuseCircles(fallbacks: Map<string, Fallback>, problems: Problems): boolean {
  const before = fallbacks.size
  for (const start of fallbacks.keys()) {
    const way = [start]
    for (let next = fallbacks.get(start); next && !way.includes(next.to); next = fallbacks.get(next.to))
      way.push(next.to)
    const { to, place } = fallbacks.get(start)!
    if (fallbacks.get(way.at(-1)!)?.to !== start) continue
    const circle = [...way, start].join(' -> ')
    const message = to === start ? `${start} cannot be its own fallback` : `The fallback ${to} leads back: ${circle}`
    problems.add(place, 'BAD_VALUE', message)
    fallbacks.delete(start)
  }
  return fallbacks.size < before
}

/** Requests of a backend go to its fallback too, and from there to that one's. */
function withFallbacks(
  direct: ReadonlyMap<string, readonly Use[]>,
  fallbacks: ReadonlyMap<string, Fallback>,
): Map<string, Use[]> {
  const all = new Map([...direct].map(([name, uses]) => [name, [...uses]]))
  for (const [name, uses] of direct) {
    for (let next = fallbacks.get(name); next; next = fallbacks.get(next.to)) {
      const { to, place } = next
      all.get(to)!.push(...uses.map((use) => ({ ...use, place })))
    }
  }
  return all
}

/** Options by the map that they stand in, which have no use where there are no requests. */
const requestOptions: readonly (readonly [string | null, readonly string[]])[] = [
  [null, ['http']],
  ['timeouts', ['server_response', 'server_idle', 'idle_connection', 'request']],
  ['retry', ['on', 'methods', 'body']],
]

/** @returns null where neither the backend nor anybody who uses it says a mode */
export function backendMode(
  { key, value }: Entry,
  said: Mode | undefined,
  uses: readonly Use[],
  problems: Problems,
): Mode | null {
  const first = uses.find(({ mode }) => mode !== null)
  const mode = said ?? first?.mode ?? null
  for (const use of uses) {
    if (use.mode === null || use.mode === mode) continue
    const why = said === undefined ? `${first!.frontend} uses it in mode ${mode}` : `it is of mode ${mode}`
    const what = use.passed ? `pass connections on to ${key}` : `use ${key} in mode ${use.mode}`
    problems.add(use.place, 'MODE_CONFLICT', `${use.frontend} cannot ${what}: ${why}`)
  }
  if (mode !== 'tcp') return mode
  for (const [group, options] of requestOptions) {
    const map = group === null ? value : child(value, group)
    if (map?.kind !== 'map') continue
    for (const option of options) {
      if (!map.entries.has(option)) continue
      problems.add(keyPlace(map, option), 'NO_EFFECT', `${option} does nothing in tcp mode`)
    }
  }
  return mode
}
