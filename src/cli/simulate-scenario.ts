// A scenario of the user's own: YAML to problems or a Scenario, by the same reader as the configuration, so that all
// problems come at once and each with its place. What can be said is in simulate-scenario-schema.ts.
import { readFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { z } from 'zod'
import { fileTrouble } from '../config/files.ts'
import type { Sources } from '../config/load.ts'
import { suggestion } from '../config/nearest.ts'
import { Problems, type Problem } from '../config/problems.ts'
import { parseExactDuration, parsePercent } from '../config/quantities.ts'
import { Reader } from '../config/read.ts'
import type { Salvaged } from '../config/schema.ts'
import { factsOf } from '../config/options.ts'
import { child, keyPlace, Source, type MapNode, type Node } from '../config/tree.ts'
import { readYaml } from '../config/yaml.ts'
import { equalServers } from '../simulate/scenarios.ts'
import type { Fault, Scenario, SimulatedServer, Sizes } from '../simulate/types.ts'
import {
  faultOptions,
  faultShape,
  keysShape,
  scenarioSchema,
  type serverShape,
  sizeOptions,
  sizesShape,
} from './simulate-scenario-schema.ts'

/** A scenario whose servers are known, because its file or its backend names them. */
export type OwnScenario = Scenario & { readonly servers: readonly SimulatedServer[] }
type ScenarioText = Salvaged<z.infer<typeof scenarioSchema>>
type FaultText = NonNullable<NonNullable<ScenarioText['faults']>[number]>

/** What a map may hold: of the options of `shape`, these must be there, and these may be. */
interface Fitting {
  readonly what: string
  readonly shape: object
  readonly needed: readonly string[]
  readonly possible: readonly string[]
}

/** The scenario is null where a problem is an error. */
export interface LoadedScenario {
  readonly scenario: OwnScenario | null
  readonly problems: readonly Problem[]
  readonly sources: Sources
}

/** @param base the servers of the backend; null: none is simulated, and the file may name its own */
export function loadScenario(path: string, base: readonly SimulatedServer[] | null): LoadedScenario {
  let text: string | null = null
  let trouble: unknown = null
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    trouble = error
  }
  const source = new Source('file', path, text, resolve(dirname(path)))
  const problems = new Problems()
  const sources = new Map([[path, source]])
  const whole = { source, start: 0, end: 0 }
  if (text === null) problems.add(whole, 'UNREADABLE_FILE', `Cannot read the scenario: ${fileTrouble(trouble)}`)
  const tree = text === null ? null : readYaml(source, process.env, problems)
  if (tree === null && !problems.failed) problems.add(whole, 'EMPTY_CONFIG', 'The scenario is empty')
  const read = tree === null ? undefined : new Reader(problems).read(scenarioSchema, tree, '')
  const name = basename(path).replace(/\.ya?ml$/, '')
  const scenario =
    read === undefined || tree?.kind !== 'map'
      ? null
      : new Resolver(tree, problems).scenario(read as ScenarioText, name, base)
  return { scenario: problems.failed ? null : scenario, problems: problems.sorted(), sources }
}

/** What is written, or the default of the declaration. */
const said = (option: z.ZodOptional, written: unknown): unknown => written ?? factsOf(option).default
/** In ms; fractions count, as config/settle.ts does not have it. */
const span = (option: z.ZodOptional, written: unknown): number => parseExactDuration(said(option, written) as string)!
const share = (option: z.ZodOptional, written: unknown): number => parsePercent(said(option, written) as string)! / 100

class Resolver {
  readonly #root: MapNode
  readonly #problems: Problems

  constructor(root: MapNode, problems: Problems) {
    this.#root = root
    this.#problems = problems
  }

  scenario(text: ScenarioText, name: string, base: readonly SimulatedServer[] | null): OwnScenario {
    const servers = this.#servers(text.servers, base)
    return {
      name,
      doc: text.doc ?? `The scenario of ${name}.`,
      servers,
      sizes: this.#sizes(text.sizes),
      faults: (text.faults ?? []).flatMap((fault, i) => {
        const node = child(child(this.#root, 'faults'), i)
        return fault && node?.kind === 'map' ? this.#fault(fault, node, servers) : []
      }),
      keys: {
        count: said(keysShape.count, text.keys?.count) as number,
        zipf: said(keysShape.zipf, text.keys?.zipf) as number,
      },
    }
  }

  #servers(text: ScenarioText['servers'], base: readonly SimulatedServer[] | null): readonly SimulatedServer[] {
    const node = child(this.#root, 'servers')
    if (text === undefined || node === undefined) return base ?? equalServers(8)
    if (typeof text === 'number') {
      if (base === null) return equalServers(text)
      this.#problems.add(
        node.place,
        'BAD_VALUE',
        'Cannot use servers: the backend has its own; say what is special about them',
      )
      return base
    }
    const named = text as Readonly<Record<string, ServerText | undefined>>
    const known = base ?? Object.keys(named).map((name) => ({ ...equalServers(1)[0]!, name }))
    for (const name of Object.keys(named)) {
      if (known.some((server) => server.name === name)) continue
      const place = keyPlace(node as MapNode, name)
      this.#problems.add(
        place,
        'BAD_VALUE',
        `The backend has no server "${name}"${suggestion(
          name,
          known.map((each) => each.name),
        )}`,
      )
    }
    return known.map((server) => ({ ...server, ...special(named[server.name] ?? {}) }))
  }

  #sizes(text: ScenarioText['sizes']): Sizes {
    const node = child(this.#root, 'sizes')
    if (text === undefined || typeof text === 'string') {
      return { kind: 'exponential', mean: this.#positive(span(sizesShape.mean, text), node) }
    }
    const { kind = 'exponential' } = text // where it is missing, that is reported
    this.#fitting(kind, node as MapNode, { what: 'sizes', shape: sizesShape, needed: [], possible: sizeOptions[kind] })
    const work = (name: 'mean' | 'short' | 'long'): number =>
      this.#positive(span(sizesShape[name], text[name]), child(node, name))
    switch (kind) {
      case 'mix':
        return { kind, short: work('short'), long: work('long'), share: share(sizesShape.share, text.share) }
      case 'lognormal':
        return { kind, mean: work('mean'), sigma: said(sizesShape.sigma, text.sigma) as number }
      case 'deterministic':
      case 'exponential':
        return { kind, mean: work('mean') }
    }
  }

  #positive(value: number, node: Node | undefined): number {
    if (value > 0 || node === undefined) return value
    this.#problems.add(node.place, 'OUT_OF_RANGE', 'Cannot use 0 here: expected some time')
    return 1
  }

  #fault(text: FaultText, node: MapNode, servers: readonly SimulatedServer[]): Fault[] {
    if (text.kind === undefined) return []
    const [needed, possible] = faultOptions[text.kind]
    const rule = { what: 'a fault', shape: faultShape, needed, possible: ['servers', 'from', 'to', ...possible] }
    if (!this.#fitting(text.kind, node, rule)) return []
    const from = span(faultShape.from, text.from)
    const to = text.to === undefined ? Infinity : span(faultShape.to, text.to)
    if (to <= from) this.#problems.add(child(node, 'to')!.place, 'OUT_OF_RANGE', '"to" is not after "from"')
    const when = { servers: this.#hit(text, node, servers), from, to }
    const time = (name: 'pause' | 'every'): number =>
      text[name] === undefined ? 1 : this.#positive(span(faultShape[name], text[name]), child(node, name))
    switch (text.kind) {
      case 'speed':
      case 'ramp':
        return [{ ...when, kind: text.kind, speed: text.speed ?? 1 }]
      case 'stall':
        return [{ ...when, kind: 'stall', pause: time('pause'), every: time('every') }]
      case 'fail':
        return [
          {
            ...when,
            kind: 'fail',
            share: share(faultShape.share, text.share),
            after: span(faultShape.after, text.after),
          },
        ]
      case 'hang':
      case 'absent':
        return [{ ...when, kind: text.kind }]
    }
  }

  /** Has what its kind needs (else false), and nothing that belongs to another kind. */
  #fitting(kind: string, node: MapNode, { what, shape, needed, possible }: Fitting): boolean {
    const missing = needed.filter((key) => !node.entries.has(key))
    for (const key of missing) this.#problems.add(node.place, 'MISSING', `${what} of kind ${kind} needs "${key}"`)
    const known = new Set(['kind', ...needed, ...possible])
    for (const { key, keyPlace: place } of node.entries.values()) {
      if (key in shape && !known.has(key))
        this.#problems.add(place, 'UNKNOWN_KEY', `${what} of kind ${kind} has no "${key}"`)
    }
    return missing.length === 0
  }

  #hit(text: FaultText, node: MapNode, servers: readonly SimulatedServer[]): number[] {
    const named = typeof text.servers === 'string' ? [text.servers] : (text.servers ?? [])
    return named.flatMap((name, i) => {
      if (name === undefined) return []
      const index = servers.findIndex((server) => server.name === name)
      if (index >= 0) return [index]
      const listNode = child(node, 'servers')!
      const place = (typeof text.servers === 'string' ? listNode : child(listNode, i)!).place
      const names = servers.map((server) => server.name)
      this.#problems.add(place, 'BAD_VALUE', `There is no server "${name}"${suggestion(name, names)}`)
      return []
    })
  }
}

type ServerText = Salvaged<{ [K in keyof typeof serverShape]: z.infer<(typeof serverShape)[K]> }>

/** What is said of a server, without what is not. */
function special(text: ServerText): Partial<SimulatedServer> {
  const said = Object.entries(text).filter(([, value]) => value !== undefined)
  const { zone, ...rest } = Object.fromEntries(said) as Partial<SimulatedServer>
  return zone === undefined ? rest : { ...rest, zone: String(zone) }
}
