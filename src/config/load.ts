// From a path (or a text) to a frozen Config, or to the list of everything that is wrong with it. Reads files, and never
// dials out. This is what the command line calls.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Config } from './config.ts'
import type { Environment } from './environment.ts'
import { fileTrouble } from './files.ts'
import { deepFreeze } from './freeze.ts'
import { mergeTrees } from './merge.ts'
import { Problems, type Problem } from './problems.ts'
import { Reader } from './read.ts'
import { resolveConfig } from './resolve.ts'
import { configSchema, type ConfigText } from './schema.ts'
import { Source, type MapNode, type Node } from './tree.ts'
import { readYaml } from './yaml.ts'

/** Texts by the name that problems have in `file`, for the excerpts. */
export type Sources = ReadonlyMap<string, Source>

export type Loaded =
  | {
      readonly config: Config
      readonly warnings: readonly Problem[]
      readonly sources: Sources
      /** As written, with places: for checks that go beyond reading. */
      readonly tree: MapNode
    }
  | { readonly config: null; readonly problems: readonly Problem[]; readonly sources: Sources }

/** A configuration that works, in one line: shown to those who have none. */
export const minimalConfig =
  '{frontends: {web: {bind: ":8080", backend: app}}, backends: {app: {servers: ["127.0.0.1:3000"]}}}'

/**
 * @param path a YAML file, or a folder whose *.yaml and *.yml files (not those of its folders) are merged
 * @param now milliseconds since the epoch, for the validity of certificates
 */
export function loadConfig(path: string, env: Environment = process.env, now = Date.now()): Loaded {
  const problems = new Problems()
  const sources = new Map<string, Source>()
  const add = (name: string, text: string | null): Source => {
    const source = new Source('file', name, text, resolve(dirname(name)))
    sources.set(name, source)
    return source
  }
  const attempt = <T>(name: string, read: () => T): T | null => {
    try {
      return read()
    } catch (error) {
      const message = `Cannot read the configuration: ${fileTrouble(error)}`
      problems.add({ source: add(name, null), start: 0, end: 0 }, 'UNREADABLE_FILE', message)
      return null
    }
  }
  const names = attempt(path, () => (statSync(path).isDirectory() ? yamlFiles(path) : [path])) ?? []
  if (names.length === 0 && !problems.failed) {
    const message = `There is no *.yaml or *.yml file in this folder; a minimal one is: ${minimalConfig}`
    problems.add({ source: add(path, null), start: 0, end: 0 }, 'EMPTY_CONFIG', message)
  }
  const read = names.flatMap((name) => {
    const text = attempt(name, () => readFileSync(name, 'utf8'))
    return text === null ? [] : [add(name, text)]
  })
  return fromSources(read, sources, { problems, env, now })
}

/** The same for a text that is at hand; relative paths in it start from the folder of `fileName`. */
export function parseConfig(text: string, fileName: string, env: Environment = {}, now = Date.now()): Loaded {
  const source = new Source('file', fileName, text, resolve(dirname(fileName)))
  return fromSources([source], new Map([[fileName, source]]), { problems: new Problems(), env, now })
}

/** The same for a tree that is made of something else than YAML. */
export function fromTree(root: MapNode, sources: Sources, context: { problems: Problems; now: number }): Loaded {
  const { problems, now } = context
  const text = new Reader(problems).read(configSchema, emptySectionsAside(root), '') as ConfigText | undefined
  const config = text ? resolveConfig(text, root, { problems, now }) : null
  const sorted = problems.sorted()
  if (config === null || problems.failed) return { config: null, problems: sorted, sources }
  return { config: deepFreeze(config), warnings: sorted, sources, tree: root }
}

function yamlFiles(folder: string): string[] {
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => !entry.isDirectory())
  const names = files.map(({ name }) => name).filter((name) => /^[^.].*\.ya?ml$/.test(name))
  return names.toSorted().map((name) => join(folder, name))
}

function fromSources(
  files: readonly Source[],
  sources: Sources,
  context: { problems: Problems; env: Environment; now: number },
): Loaded {
  const { problems, env } = context
  const trees = files.map((source) => readYaml(source, env, problems)).filter((tree): tree is Node => tree !== null)
  const root = mergeTrees(trees, problems)
  if (root) return fromTree(root, sources, context)
  if (!problems.failed && files[0]) {
    const message = `The configuration is empty; a minimal one is: ${minimalConfig}`
    problems.add({ source: files[0], start: 0, end: 0 }, 'EMPTY_CONFIG', message)
  }
  return { config: null, problems: problems.sorted(), sources }
}

/** `global:` and `defaults:` with nothing below, as when all of it is commented out, are as good as not there. */
function emptySectionsAside(root: MapNode): MapNode {
  const entries = [...root.entries].filter(([key, { value }]) => {
    const nothing = value.kind === 'scalar' && value.value === null && !value.broken
    return !(nothing && (key === 'global' || key === 'defaults'))
  })
  return { ...root, entries: new Map(entries) }
}
