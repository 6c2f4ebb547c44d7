// Where a configuration, as it is written, says something about TLS of binds: for checks that report at what is written.
import { child, type Node } from '../../config/tree.ts'

/** The `tls` options of all frontends and of their binds; short forms too. */
export function tlsNodes(tree: Node): readonly Node[] {
  const frontends = itemsOf(child(tree, 'frontends'))
  const places = frontends.flatMap((frontend) => [frontend, ...itemsOrSelf(child(frontend, 'bind'))])
  return places.map((place) => child(place, 'tls')).filter((node) => node !== undefined)
}

const itemsOf = (node: Node | undefined): readonly Node[] =>
  node?.kind === 'map' ? [...node.entries.values()].map(({ value }) => value) : []

/** One or a list, as a list. */
export const itemsOrSelf = (node: Node | undefined): readonly Node[] =>
  node === undefined ? [] : node.kind === 'list' ? node.items : [node]
