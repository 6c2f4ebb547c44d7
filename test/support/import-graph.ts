// The import graph of src/ and the rules it must keep: imports point one way, and never in a circle.
// Files are read as text: three patterns cover an import's few shapes, and TypeScript 7 has no parser to call.
// `import type` counts like any other import: what a file needs to be understood is what it depends on.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative } from 'node:path'

/** File -> what it imports: paths from the repository's root with `/`, or package names as written. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>

/** Layer -> the layers it may import besides itself. A layer is a folder of src/, or one of the entry files. */
export const layers: Readonly<Record<string, readonly string[]>> = {
  'main.ts': ['cli', 'control'],
  'worker.ts': ['data', 'messages', 'scoreboard', 'model'],
  cli: ['control', 'config', 'simulate', 'scoreboard', 'messages', 'model', 'balance'],
  control: ['config', 'balance', 'scoreboard', 'messages', 'model'],
  data: ['balance', 'scoreboard', 'messages', 'model'],
  config: ['model'],
  simulate: ['balance', 'model'],
  balance: ['model'],
  scoreboard: ['model'],
  messages: ['model'],
  dashboard: ['model'],
  model: [],
}

/** Layers that import no package and nothing of Node either: arrays in, index out. */
const pure = new Set(['simulate', 'balance', 'model'])

const importPatterns = [
  /^\s*(?:import|export)\b[^'"`;{}]*(?:\{[^}]*\}\s*)?\bfrom\s*['"]([^'"]+)['"]/gm, // import … from 'x', export …
  /^\s*import\s*['"]([^'"]+)['"]/gm, // import 'x'
  /\bimport\(\s*['"]([^'"]+)['"]/gm, // await import('x'), import('x').Type
]

export function importsIn(source: string): string[] {
  return importPatterns.flatMap((pattern) => [...source.matchAll(pattern)].map((match) => match[1]!))
}

/** Reads every .ts file below `root`/src. */
export function readImportGraph(root: string): ImportGraph {
  const graph = new Map<string, readonly string[]>()
  for (const entry of readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.tsx?$/.test(entry.name)) continue
    const path = join(entry.parentPath, entry.name)
    const file = relative(root, path).replaceAll('\\', '/')
    const resolve = (name: string): string => (name.startsWith('.') ? posix.join(dirname(file), name) : name)
    graph.set(file, importsIn(readFileSync(path, 'utf8')).map(resolve))
  }
  return graph
}

/** Every import that points the wrong way, leaves src/ or names a file that is not there; one sentence each. */
export function wrongImports(graph: ImportGraph): string[] {
  const problems: string[] = []
  for (const [file, imports] of graph) {
    const from = layerOf(file)
    if (layers[from] === undefined)
      problems.push(`${file} is in no known layer: add ${from} to the table, if it belongs`)
    for (const to of imports) {
      const problem = wrongImport(graph, from, to)
      if (problem !== undefined) problems.push(`${file} imports ${to}: ${problem}`)
    }
  }
  return problems
}

function wrongImport(graph: ImportGraph, from: string, to: string): string | undefined {
  if (graph.has(to)) {
    const target = layerOf(to)
    const allowed = target === from || (layers[from] ?? []).includes(target)
    return allowed ? undefined : `${from} must not depend on ${target}`
  }
  if (isPackage(to)) return pure.has(from) ? `${from} is pure and imports nothing from outside` : undefined
  return to.startsWith('src/') ? 'there is no such file' : 'src/ must not reach outside of itself'
}

const isPackage = (name: string): boolean =>
  /^(node:|@[\w-]+\/|[\w-]+$|[\w-]+\/)/.test(name) && !/^(\.|src\/)/.test(name)

/** Circles of files, and of a layer's folders (`control/health` and `control/admin`), each as `a -> b -> a`. */
export function circularImports(graph: ImportGraph): string[] {
  return [...circles(graph), ...circles(byFolder(graph))]
}

/** The same graph between the folders inside layers. Files directly in a layer tie its folders together: left out. */
function byFolder(graph: ImportGraph): ImportGraph {
  const folders = new Map<string, Set<string>>()
  for (const [file, imports] of graph) {
    const from = dirname(file)
    if (from.split('/').length < 3) continue
    const targets = folders.get(from) ?? new Set()
    for (const to of imports) if (graph.has(to) && dirname(to) !== from) targets.add(dirname(to))
    folders.set(from, targets)
  }
  return new Map([...folders].map(([folder, targets]) => [folder, [...targets]]))
}

/** Depth first; a way back onto the path being walked is a circle. Where there is none reported, there is none. */
function circles(graph: ImportGraph): string[] {
  const found: string[] = []
  const finished = new Set<string>()
  const path: string[] = []
  const visit = (node: string): void => {
    if (finished.has(node)) return
    const start = path.indexOf(node)
    if (start >= 0) {
      found.push([...path.slice(start), node].join(' -> '))
      return
    }
    path.push(node)
    for (const next of graph.get(node) ?? []) visit(next)
    path.pop()
    finished.add(node)
  }
  for (const node of graph.keys()) visit(node)
  return found
}

/** `src/control/health/probe.ts` -> `control`; `src/main.ts` -> `main.ts`. */
const layerOf = (file: string): string => file.split('/')[1]!
