// What a frontend asks of its clients and their requests, over `defaults`: networks and rates to one spelling, and what
// contradicts itself or does nothing. Whether an option has a use in the mode of the frontend is said in resolve-frontend.ts.
import type { ClientsConfig, RequestsConfig } from './config.ts'
import { coversAll, parseNetwork } from './network.ts'
import type { Problems } from './problems.ts'
import { parseRate, type Rate } from './rate.ts'
import { clientNumbers, normalizeOptions } from './schema-clients.ts'
import type { DefaultsText, FrontendText } from './schema.ts'
import { settle, switched } from './settle.ts'
import { child, keyPlace, show, type MapNode, type Node } from './tree.ts'

type ClientsText = NonNullable<FrontendText['clients']>
type RateText = ClientsText['request_rate']

interface ClientsInput {
  readonly text: FrontendText
  readonly node: MapNode
  readonly defaults: DefaultsText
}

export function resolveClients({ text, node, defaults }: ClientsInput, problems: Problems): ClientsConfig {
  const own = text.clients
  const shared = defaults.clients
  const allow = own?.allow === undefined ? null : networksOf(own.allow)
  const deny = networksOf(own?.deny)
  const config: ClientsConfig = {
    ...settle(clientNumbers, own, shared),
    allow,
    deny,
    exempt: networksOf(own?.exempt ?? shared?.exempt),
    connectionRate: rateOf(own?.connection_rate ?? shared?.connection_rate),
    requestRate: rateOf(own?.request_rate ?? shared?.request_rate),
  }
  const clientsNode = child(node, 'clients')
  if (clientsNode?.kind === 'map') {
    checkLists(config, clientsNode, problems)
    checkUse(config, clientsNode, problems)
  }
  return config
}

export const listOfText = <T>(text: T | readonly (T | undefined)[] | undefined): T[] =>
  (Array.isArray(text) ? text : [text]).filter((each) => each !== undefined) as T[]

/** In one spelling, each once. */
export function networksOf(text: ClientsText['deny']): string[] {
  const parsed = listOfText(text).map(parseNetwork)
  return [...new Set(parsed.flatMap((each) => ('expected' in each ? [] : [each.text])))]
}

function rateOf(text: RateText): Rate | null {
  if (text === undefined || text === 'off') return null
  if (typeof text === 'string') return parseRate(text)
  const rate = text.rate === undefined ? null : parseRate(text.rate)
  return rate && { ...rate, burst: text.burst ?? rate.burst }
}

/** One network cannot be let in and kept out, and a list that has everybody is not what anybody means. */
function checkLists({ allow, deny }: ClientsConfig, node: MapNode, problems: Problems): void {
  const denyNode = child(node, 'deny')
  for (const item of denyNode?.kind === 'list' ? denyNode.items : denyNode ? [denyNode] : []) {
    const network = textOf(item)
    if (network === null || !allow?.includes(network)) continue
    problems.add(item.place, 'BAD_VALUE', `${show(item)} is in allow too: a network is let in or kept out, not both`)
  }
  if (allow && coversAll(allow)) {
    problems.add(keyPlace(node, 'allow'), 'NO_EFFECT', 'allow does nothing: every address is in it')
  }
  if (coversAll(deny)) {
    problems.add(
      keyPlace(node, 'deny'),
      'UNWISE_RULE',
      'Every address is in deny: nobody gets in, whatever else is said',
    )
  }
}

function textOf(node: Node): string | null {
  if (node.kind !== 'scalar') return null
  const parsed = parseNetwork(String(node.value))
  return 'expected' in parsed ? null : parsed.text
}

/** Settings of limits that are not there. A rate that is written and wrong was meant to be there. */
function checkUse(config: ClientsConfig, node: MapNode, problems: Problems): void {
  const none = (key: string, why: string): void => {
    if (node.entries.has(key)) problems.add(keyPlace(node, key), 'NO_EFFECT', `${key} does nothing: ${why}`)
  }
  const limits = ['connection_rate', 'request_rate'].map((key) => child(node, key))
  const meant = limits.some((each) => each !== undefined && !(each.kind === 'scalar' && each.value === 'off'))
  if (config.connectionRate !== null || config.requestRate !== null || meant) return
  none('tarpit', 'no rate of a source is limited')
  if (config.connections > 0) return
  for (const key of ['prefix4', 'prefix6']) none(key, 'neither connections nor rates of a source are limited')
}

export function resolveRequests({ text, defaults }: ClientsInput): RequestsConfig {
  const methods = text.methods ?? defaults.methods
  const layers = switched('off', text.normalize_path, defaults.normalize_path)
  return {
    methods: methods === undefined || methods === 'any' ? null : [...new Set(listOfText(methods))],
    normalizePath: layers && settle(normalizeOptions, ...layers),
    neverShed: [...new Set(listOfText(text.never_shed ?? defaults.never_shed))],
  }
}
