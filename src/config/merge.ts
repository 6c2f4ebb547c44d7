// The files of a folder as one configuration. `global`, `defaults` and `acme` are merged option by option, `frontends`
// and `backends` by name; what two files both say is a problem, never a silent choice.
import type { Problems } from './problems.ts'
import { show, type Entry, type MapNode, type Node } from './tree.ts'

/** How deep the maps of each section are merged; below that, two entries of one key are in conflict. */
const depths: Readonly<Record<string, number>> = { global: 8, defaults: 8, acme: 8, frontends: 1, backends: 1 }

/** @param trees in the order of the files; what is not a map is reported and left out */
export function mergeTrees(trees: readonly Node[], problems: Problems): MapNode | null {
  const maps: MapNode[] = []
  for (const tree of trees) {
    if (tree.kind === 'map') maps.push(tree)
    else {
      const message = `Cannot read the configuration: expected a map with the sections frontends and backends, got ${show(tree)}`
      problems.add(tree.place, 'BAD_VALUE', message)
    }
  }
  if (maps.length === 0) return null
  return maps.reduce((merged, map) => mergeMaps(merged, map, (key) => depths[key] ?? 0, problems))
}

function mergeMaps(first: MapNode, second: MapNode, depthOf: (key: string) => number, problems: Problems): MapNode {
  const entries = new Map(first.entries)
  for (const [key, entry] of second.entries) {
    const earlier = entries.get(key)
    entries.set(key, earlier ? mergeEntries(earlier, entry, depthOf(key), problems) : entry)
  }
  return { ...first, entries }
}

function mergeEntries(first: Entry, second: Entry, depth: number, problems: Problems): Entry {
  if (isNothing(second.value)) return first
  if (isNothing(first.value)) return second
  if (depth > 0 && first.value.kind === 'map' && second.value.kind === 'map') {
    return { ...first, value: mergeMaps(first.value, second.value, () => depth - 1, problems) }
  }
  const { source, start } = first.keyPlace
  const { line, column } = source.position(start)
  problems.add(second.keyPlace, 'MERGE_CONFLICT', `"${second.key}" is said in ${source.name}:${line}:${column} already`)
  return first
}

const isNothing = (node: Node): boolean => node.kind === 'scalar' && node.value === null && !node.broken
