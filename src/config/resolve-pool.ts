// What decides which servers of a backend may be chosen, around every algorithm: tiers and zones of the servers, and the
// rules for when too few of them are healthy.
import type { PoolConfig, ServerConfig } from './config.ts'
import type { Problems } from './problems.ts'
import { poolOptions } from './schema-backend.ts'
import type { BackendText, DefaultsText } from './schema.ts'
import { settle } from './settle.ts'
import { child, keyPlace, type MapNode, type Node } from './tree.ts'

/** With fewer servers, a subset may be left without a healthy one, and weights are no longer met. */
const leastSubset = 12

interface PoolInput {
  readonly text: BackendText
  readonly node: Node
  readonly defaults: DefaultsText
  readonly defaultsNode: Node | undefined
}

export function resolvePool(
  { text, node, defaults, defaultsNode }: PoolInput,
  servers: readonly ServerConfig[],
  problems: Problems,
): PoolConfig {
  const rules = settle(poolOptions, text, defaults)
  const subsetNode = child(node, 'subset') ?? child(defaultsNode, 'subset')
  if (subsetNode && rules.subset > 0 && rules.subset < leastSubset) {
    const message = `A subset of ${rules.subset} is small: with fewer than ${leastSubset} servers, some Weirs may get none that is healthy, and weights are not met`
    problems.add(subsetNode.place, 'UNWISE_BALANCE', message)
  }
  const tiers = new Set(servers.map(({ tier }) => tier))
  if (tiers.size < 2 && (text.min_healthy ?? 1) > 1) {
    const message = 'min_healthy does nothing: there is no second tier of servers that could help out'
    problems.add(keyPlace(node as MapNode, 'min_healthy'), 'NO_EFFECT', message)
  }
  return rules
}

/** A server as written, with `backup` and `tier` brought together. */
export function tierOf(
  { backup, tier }: { readonly backup?: boolean | undefined; readonly tier?: number | undefined },
  node: Node,
  problems: Problems,
): number {
  if (backup !== undefined && tier !== undefined && backup !== tier > 0) {
    const message = `tier ${tier} contradicts backup: ${backup}; tier 0 is for primaries, those above are backups`
    problems.add(keyPlace(node as MapNode, 'tier'), 'BAD_VALUE', message)
  }
  return tier ?? (backup === true ? 1 : 0)
}
