// What follows from `behind: elb`: the options that it presets, and what `weir check` looks for. Nothing is asked of AWS
// here. Numbers are the defaults of AWS: an Application or a Classic Load Balancer closes a connection that was idle for
// 60 s, a Network Load Balancer forgets one after 350 s.
import { ms } from '../model/units.ts'
import type { BackendConfig, FrontendConfig } from './config.ts'
import { formatDuration } from './quantities.ts'
import type { Problems } from './problems.ts'
import type { FrontendText } from './schema.ts'
import { child, type MapNode, type Node } from './tree.ts'

const albIdle = ms(60_000)
const nlbIdle = ms(350_000)
/** Above albIdle: of the two ends, the load balancer has to close first, or it sends requests into closed connections. */
const presetKeepAlive = ms(75_000)

/** Timeouts that the frontend does not say itself are at least what goes with an ELB. */
export function elbTimeouts(text: FrontendText, timeouts: FrontendConfig['timeouts']): FrontendConfig['timeouts'] {
  if (text.behind !== 'elb' || text.timeouts?.keep_alive !== undefined) return timeouts
  return { ...timeouts, keepAlive: ms(Math.max(timeouts.keepAlive, presetKeepAlive)) }
}

/** Goes before `defaults`, after what the frontend says. */
export const elbForward = (text: FrontendText): { readonly x_forwarded?: 'append' } =>
  text.behind === 'elb' ? { x_forwarded: 'append' } : {}

/** A frontend with what it came from. */
export interface ElbInput {
  readonly text: FrontendText
  readonly node: MapNode
  readonly frontend: FrontendConfig
}

/** The rest of the configuration that matters here. */
export interface ElbContext {
  readonly backends: readonly BackendConfig[]
  /** Where the options of a backend may be written, from the nearest to the farthest. */
  readonly nodesOf: (backend: string) => readonly (Node | undefined)[]
  /** `global.lame_duck` is written. */
  readonly lameDuckSaid: boolean
}

/** Warns of what does not go with an ELB in front. */
export function adviseElb({ text, node, frontend }: ElbInput, context: ElbContext, problems: Problems): void {
  const behind = child(node, 'behind')
  if (text.behind !== 'elb' || !behind) return
  const warn = (at: Node | undefined, message: string): void =>
    problems.add((at ?? behind).place, 'ELB_MISMATCH', message)
  if (!context.lameDuckSaid) {
    warn(
      behind,
      'global.lame_duck is not set: a stop ends before the ELB has seen it by its checks. Give it the interval of these checks times their unhealthy threshold, such as 20s; 0s if targets are deregistered first',
    )
  }
  if (frontend.mode === 'http') adviseHttp({ text, node, frontend }, warn)
  else adviseTcp({ text, node, frontend }, context, warn)
}

type Warn = (at: Node | undefined, message: string) => void

function adviseHttp({ node, frontend }: ElbInput, warn: Warn): void {
  const { keepAlive } = frontend.timeouts
  if (keepAlive <= albIdle) {
    const message = `keep_alive (${formatDuration(keepAlive)}) is not above the 60s after which an ELB closes idle connections: requests will meet closed ones. Take 75s`
    warn(child(child(node, 'timeouts'), 'keep_alive'), message)
  }
  const told = node.entries.has('trust') || frontend.binds.some(({ proxy }) => proxy !== null)
  if (!told) {
    warn(
      undefined,
      'trust does not say which networks the ELB is in: its addresses are taken for clients, and its X-Forwarded-Proto is overwritten. Name the subnets of the load balancer',
    )
  }
}

function adviseTcp({ node, frontend }: ElbInput, { backends, nodesOf }: ElbContext, warn: Warn): void {
  const said = node.entries.has('proxy_protocol') || frontend.binds.some(({ proxy }) => proxy !== null)
  if (!said) {
    warn(
      undefined,
      'proxy_protocol is off: in tcp mode nothing else tells who the client is. Turn it on here and in the target group; say "off" if the NLB keeps the addresses of clients',
    )
  }
  const backend = backends.find(({ name }) => name === frontend.backend)
  if (!backend || backend.timeouts.tunnel <= nlbIdle) return
  const written = nodesOf(backend.name).map((from) => child(child(from, 'timeouts'), 'tunnel'))
  const message = `timeouts.tunnel of ${backend.name} (${formatDuration(backend.timeouts.tunnel)}) is above the 350s after which an NLB forgets idle connections: take 350s or less`
  warn(
    written.find((each) => each !== undefined),
    message,
  )
}
