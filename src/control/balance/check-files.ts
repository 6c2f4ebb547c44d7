// The last step of checking a configuration: are the balancers that it names by file usable? It runs their code, which is
// why it is not part of reading the configuration. A problem is reported where the file is named.
import type { Config } from '../../config/config.ts'
import { deepFreeze } from '../../config/freeze.ts'
import type { Loaded } from '../../config/load.ts'
import { inOrder, Problems } from '../../config/problems.ts'
import { child, show, type MapNode, type Node } from '../../config/tree.ts'
import { digestOf, loadAlgorithm } from './load-algorithm.ts'

/**
 * What was loaded, with the digests of its balancers, so that a reload sees when one has changed under the same path; or their
 * problems (BAD_BALANCER). What holds no configuration is handed back as it is.
 */
export async function checkBalancerFiles(loaded: Loaded): Promise<Loaded> {
  if (loaded.config === null) return loaded
  const { config, tree, warnings, sources } = loaded
  const problems = new Problems()
  const digests = new Map<string, string>()
  for (const { name, balance } of config.backends) {
    if (balance.file === null) continue
    try {
      digests.set(balance.file, digestOf(balance.file))
      await loadAlgorithm(balance.file)
    } catch (error) {
      const node = fileNode(tree, name)
      problems.add(node.place, 'BAD_BALANCER', `Cannot use the balancer ${show(node)}: ${(error as Error).message}`)
    }
  }
  if (!problems.failed) return digests.size === 0 ? loaded : { ...loaded, config: withDigests(config, digests) }
  return { config: null, problems: inOrder([...warnings, ...problems.sorted()]), sources }
}

function withDigests(config: Config, digests: ReadonlyMap<string, string>): Config {
  const backends = config.backends.map((backend) => {
    const digest = digests.get(backend.balance.file ?? '')
    return digest === undefined ? backend : { ...backend, balance: { ...backend.balance, digest } }
  })
  return deepFreeze({ ...config, backends })
}

/** The words of the backend itself, or those of `defaults`. */
function fileNode(tree: MapNode, backend: string): Node {
  const own = child(child(child(tree, 'backends'), backend), 'balance')
  return child(own ?? child(child(tree, 'defaults'), 'balance'), 'file') ?? tree
}
