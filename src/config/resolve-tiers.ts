// Trust, PROXY protocol and health endpoint of a frontend, and the PROXY protocol of a backend, as written to what the rest
// of Weir goes by. Whether the backends of `fail_when` are there is checked last, by what sees all of them.
import type { Mode } from '../model/states.ts'
import type { BackendConfig, HealthEndpointConfig, ProxyBindConfig, SendProxyConfig, TrustConfig } from './config.ts'
import { suggestion } from './nearest.ts'
import { coversFamily } from './network.ts'
import type { Problems } from './problems.ts'
import { listOfText, networksOf } from './resolve-clients.ts'
import { failWhenSchema, healthCounted, proxyOptions, proxyTlvs, sendProxySchema, trustField } from './schema-tiers.ts'
import type { BackendText, FrontendText } from './schema.ts'
import { settle, settleOne } from './settle.ts'
import { child, keyPlace, show, type MapNode, type Node } from './tree.ts'

interface TierInput {
  readonly name: string
  readonly text: FrontendText
  readonly node: MapNode
}

/** What `behind: elb` has for `health` where the frontend says nothing. */
const elbHealth = '/healthz'

export function resolveTrust({ text, node }: TierInput, problems: Problems): TrustConfig {
  const long = trustMap(text.trust)
  const networks = networksOf(long.networks)
  if (coversFamily(networks)) {
    const message = 'Every address is in trust: any client may say that it is another'
    problems.add(keyPlace(node, 'trust'), 'UNWISE_RULE', message)
  }
  return { networks, field: settleOne(trustField, long.field) as TrustConfig['field'] }
}

type TrustText = FrontendText['trust']
type NetworksText = Exclude<TrustText, { readonly networks?: unknown }>

/** The short forms as the long one. */
function trustMap(text: TrustText): { readonly networks?: NetworksText; readonly field?: string | undefined } {
  if (typeof text !== 'object') return { networks: text }
  return Array.isArray(text) ? { networks: text } : (text as ReturnType<typeof trustMap>)
}

type ProxyText = FrontendText['proxy_protocol']
type ProxyMap = Exclude<NonNullable<ProxyText>, string>

/** Something that may say `proxy_protocol`: a bind in its long form, or the frontend. */
export interface ProxyLayer {
  readonly text: { readonly proxy_protocol?: ProxyText }
  readonly node: Node | undefined
}

/**
 * @param layers the bind, then its frontend
 * @param bind `unix`: a unix socket, whose peers have no address that could be in a network
 */
export function resolveProxy(
  layers: readonly ProxyLayer[],
  bind: { readonly name: string; readonly unix: boolean; readonly trust: TrustConfig; readonly trustSaid: boolean },
  problems: Problems,
): ProxyBindConfig | null {
  const said = layers.filter(({ text }) => text.proxy_protocol !== undefined)
  if (said.length === 0 || said[0]!.text.proxy_protocol === 'off') return null
  const maps = said.map(({ text }) => mapOf(text.proxy_protocol!))
  const written = said.map(({ node }) => child(node, 'proxy_protocol')).find((node) => child(node, 'from'))
  const text = maps.find(({ from }) => from !== undefined)?.from
  const from = text === undefined ? bind.trust.networks : networksOf(text)
  if (written?.kind === 'map' && text !== undefined && coversFamily(from)) {
    const message = 'Every address is in from: any client may say that it is another'
    problems.add(keyPlace(written, 'from'), 'UNWISE_RULE', message)
  } else if (written === undefined && from.length === 0 && !bind.trustSaid && !bind.unix) {
    const message = `proxy_protocol of ${bind.name} has no networks: say who may send the header, as in {mode: required, from: [10.0.0.0/8]}, or list the proxies in trust`
    problems.add(keyPlace(said[0]!.node as MapNode, 'proxy_protocol'), 'MISSING', message)
  }
  return { ...settle(proxyOptions, ...maps), from }
}

/** The short forms as long ones; `off` is nothing. */
const mapOf = (text: NonNullable<ProxyText>): ProxyMap =>
  typeof text === 'object' ? text : text === 'off' ? {} : { mode: text }

/** @param own names of the backends that the frontend sends requests to */
export function resolveHealth(
  { name, text, node }: TierInput,
  own: readonly string[],
  mode: Mode | null,
  problems: Problems,
): HealthEndpointConfig | null {
  const preset = text.behind === 'elb' && mode !== 'tcp' && !node.entries.has('health')
  const said = text.health ?? (preset ? elbHealth : 'off')
  if (said === 'off') return null
  if (mode === 'tcp') {
    const message = `health needs mode http: in tcp mode ${name} reads no requests. Give it a frontend of its own, or let /readyz of global.admin be asked`
    problems.add(keyPlace(node, 'health'), 'MODE_CONFLICT', message)
    return null
  }
  const long = typeof said === 'string' ? { path: said } : said
  if (long.path === undefined) return null
  const healthNode = child(node, 'health')
  const explicit = child(healthNode, 'fail_when') !== undefined
  if (!explicit && own.length === 0) {
    const message = `health of ${name} has no "fail_when": there is no backend whose servers it could look at`
    problems.add(keyPlace(node, 'health'), 'MISSING', message)
  }
  const conditions = explicit ? listOfText(long.fail_when) : own.map((backend) => ({ backend, fewer_than: undefined }))
  return {
    path: long.path,
    failWhen: conditions.flatMap(({ backend, fewer_than: fewerThan }) =>
      backend === undefined
        ? []
        : [{ backend, fewerThan: settleOne(failWhenSchema.shape.fewer_than, fewerThan) as number }],
    ),
    counted: settleOne(healthCounted, long.counted) as boolean,
  }
}

type FailWhenText = { readonly backend?: string | undefined; readonly fewer_than?: number | undefined } | undefined

/** Conditions on backends that are not there, or that have fewer servers than are asked for. */
export function checkHealth({ text, node }: TierInput, backends: readonly BackendConfig[], problems: Problems): void {
  if (typeof text.health !== 'object') return
  const { fail_when: written } = text.health
  const at = child(child(node, 'health'), 'fail_when')
  const conditions: readonly FailWhenText[] = Array.isArray(written) ? written : [written]
  for (const [i, condition] of conditions.entries()) {
    const conditionNode = at?.kind === 'list' ? at.items[i] : at
    const nameNode = child(conditionNode, 'backend')
    if (condition?.backend === undefined || !nameNode) continue
    const backend = backends.find(({ name }) => name === condition.backend)
    if (!backend) {
      const names = backends.map(({ name }) => name)
      const message = `There is no backend ${show(nameNode)}${suggestion(condition.backend, names)}`
      problems.add(nameNode.place, 'UNKNOWN_BACKEND', message)
      continue
    }
    const servers = backend.servers.length
    if (servers === 0 || (condition.fewer_than ?? 1) <= servers) continue
    const message = `${backend.name} has ${servers} server${servers === 1 ? '' : 's'}: this is never ready`
    problems.add(child(conditionNode, 'fewer_than')!.place, 'UNWISE_RULE', message)
  }
}

/** What is said about other proxies and does nothing in tcp mode. */
export function checkTierUse({ text, node }: TierInput, mode: Mode | null, proxies: boolean, problems: Problems): void {
  if (mode !== 'tcp' || text.trust === undefined) return
  const trustNode = child(node, 'trust')
  if (!proxies) {
    const message = 'trust does nothing in tcp mode without proxy_protocol: no fields are read'
    problems.add(keyPlace(node, 'trust'), 'NO_EFFECT', message)
  } else if (trustNode?.kind === 'map' && trustNode.entries.has('field')) {
    problems.add(keyPlace(trustNode, 'field'), 'NO_EFFECT', 'field does nothing in tcp mode: no fields are read')
  }
}

interface SendProxyInput {
  readonly name: string
  readonly text: BackendText
  readonly node: Node
}

export function resolveSendProxy(
  { name, text: { send_proxy: text }, node: backend }: SendProxyInput,
  mode: Mode,
  problems: Problems,
): SendProxyConfig | null {
  if (text === undefined || text === 'off') return null
  const node = child(backend, 'send_proxy')
  if (mode === 'http') {
    const message = `With send_proxy, each request of a client to ${name} takes a connection of its own in http mode: servers that can read X-Forwarded-For do without it`
    problems.add(keyPlace(backend as MapNode, 'send_proxy'), 'UNWISE_RULE', message)
  }
  if (typeof text === 'string') return { version: text === 'v1' ? 1 : 2, tlvs: [] }
  const version = settleOne(sendProxySchema.shape.version, text.version) as SendProxyConfig['version']
  if (version === 1 && node?.kind === 'map' && node.entries.has('tlvs')) {
    problems.add(keyPlace(node, 'tlvs'), 'NO_EFFECT', 'tlvs does nothing with version 1: it has only addresses')
    return { version, tlvs: [] }
  }
  const asked = listOfText(text.tlvs)
  return { version, tlvs: proxyTlvs.filter((tlv) => asked.includes(tlv)) }
}
