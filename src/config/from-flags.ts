// A configuration from command-line options alone (`weir run --listen :8080 --to 10.0.0.1:80,10.0.0.2:80`): the options
// become the same tree that a file would, so they pass the same checks, and problems name the option.
import { fromTree, type Loaded } from './load.ts'
import { Problems } from './problems.ts'
import { Source, type ListNode, type MapNode, type Node, type Place, type Plain, type ScalarNode } from './tree.ts'

/** Values as typed; lists may be given by commas, by repetition, or both. */
export interface Flags {
  /** Binds: ':8080'. */
  readonly listen?: readonly string[] | undefined
  /** Servers: '10.0.0.1:80,10.0.0.2:80'. */
  readonly to?: readonly string[] | undefined
  readonly balance?: string | undefined
  /** PEM file with certificate and key. */
  readonly tls?: string | undefined
  readonly mode?: string | undefined
  /** Health check: 'off', 'tcp', 'http' or a path. */
  readonly check?: string | undefined
}

/** One frontend `main` in front of one backend `main`; everything else is at its default. */
export function configFromFlags(flags: Flags, folder = process.cwd(), now = Date.now()): Loaded {
  const problems = new Problems()
  const build = new Builder(folder)
  const listen = build.list('--listen', flags.listen)
  const to = build.list('--to', flags.to)
  const missing = {
    '--listen': [listen, 'where to listen, as in --listen :8080'],
    '--to': [to, 'the servers, as in --to 10.0.0.1:80,10.0.0.2:80'],
  } as const
  for (const [flag, [node, words]] of Object.entries(missing)) {
    if (node.items.length === 0) problems.add(build.place(flag, ''), 'MISSING', `Say ${words}`)
  }
  const name = build.scalar('--to', 'main')
  const frontend: Record<string, Node | null> = {
    mode: build.optional('--mode', flags.mode),
    bind: listen.items.length > 0 ? listen : build.scalar('--listen', ':0'),
    tls: build.optional('--tls', flags.tls),
    backend: name,
  }
  const backend: Record<string, Node | null> = {
    balance: build.optional('--balance', flags.balance),
    health_check: build.optional('--check', flags.check),
    servers: to.items.length > 0 ? to : build.scalar('--to', '127.0.0.1:1'),
  }
  const root = build.map('--to', {
    frontends: build.map('--listen', { main: build.map('--listen', frontend) }),
    backends: build.map('--to', { main: build.map('--to', backend) }),
  })
  return fromTree(root, new Map(), { problems, now })
}

class Builder {
  readonly #folder: string
  constructor(folder: string) {
    this.#folder = folder
  }

  place(flag: string, text: string): Place {
    return { source: new Source('flag', flag, text, this.#folder), start: 0, end: text.length }
  }

  scalar(flag: string, value: Plain): ScalarNode {
    const text = String(value)
    return { kind: 'scalar', value, text, fromEnvironment: false, place: this.place(flag, text) }
  }

  optional(flag: string, value: string | undefined): ScalarNode | null {
    return value === undefined ? null : this.scalar(flag, value)
  }

  list(flag: string, values: readonly string[] = []): ListNode {
    const written = values.flatMap((value) => value.split(',')).map((value) => value.trim())
    const items = written.filter((value) => value !== '').map((value) => this.scalar(flag, value))
    return { kind: 'list', items, place: this.place(flag, values.join(',')) }
  }

  map(flag: string, values: Record<string, Node | null>): MapNode {
    const keyPlace = this.place(flag, '')
    const present = Object.entries(values).filter((entry): entry is [string, Node] => entry[1] !== null)
    const entries = new Map(present.map(([key, value]) => [key, { key, keyPlace, value }]))
    return { kind: 'map', entries, place: keyPlace }
  }
}
