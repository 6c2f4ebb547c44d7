// What becomes of requests when servers are full, slow or failing, over `defaults`: queue, retries, ejection, circuit breaker.
// Who may be whose fallback is found out in uses.ts, which sees all backends.
import type { Mode } from '../model/states.ts'
import type { BackendConfig, BreakerConfig, RetryConfig, ServerConfig } from './config.ts'
import type { Problems } from './problems.ts'
import {
  answerNumbers,
  breakerNumbers,
  ejectionOptions,
  queueOptions,
  retries,
  retryNumbers,
} from './schema-failures.ts'
import type { BackendText, DefaultsText } from './schema.ts'
import { settle, settleOne, switched } from './settle.ts'
import { child, keyPlace, type MapNode, type Node } from './tree.ts'

interface FailuresInput {
  readonly text: BackendText
  readonly node: Node
  readonly defaults: DefaultsText
  readonly defaultsNode: Node | undefined
}

type FailuresConfig = Pick<BackendConfig, 'maxConnections' | 'queue' | 'retries' | 'retry' | 'ejection' | 'breaker'>

export function resolveFailures(
  input: FailuresInput,
  { mode, servers }: { readonly mode: Mode; readonly servers: readonly ServerConfig[] },
  problems: Problems,
): FailuresConfig {
  const { text, defaults } = input
  const ejection = switched('on', text.ejection, defaults.ejection)
  const config: FailuresConfig = {
    maxConnections: text.max_connections ?? 0,
    queue: settle(queueOptions, text.queue, defaults.queue),
    retries: settleOne(retries, text.retries, defaults.retries) as number,
    retry: resolveRetry(text.retry, defaults.retry),
    ejection: ejection && settle(ejectionOptions, ...ejection),
    breaker: resolveBreaker(text.circuit_breaker, defaults.circuit_breaker, mode),
  }
  checkLimits(input, { config, servers }, problems)
  checkRetry(input, config, problems)
  checkEjection(input, config, problems)
  checkBreaker(input, mode, problems)
  return config
}

type RetryText = BackendText['retry']
type Cause = string | number | undefined

/** The causes, apart by kind. `connect` is always tried again, so that it leaves no trace. */
function resolveRetry(own: RetryText, shared: RetryText): RetryConfig {
  const said = own?.on ?? shared?.on ?? 'closed'
  const causes: readonly Cause[] = Array.isArray(said) ? said : [said as Cause]
  const statuses = causes.map(Number).filter((status) => !Number.isNaN(status))
  return {
    ...settle(retryNumbers, own, shared),
    closed: causes.includes('closed'),
    timeout: causes.includes('timeout'),
    statuses: [...new Set(statuses)].toSorted((a, b) => a - b),
  }
}

function resolveBreaker(
  own: BackendText['circuit_breaker'],
  shared: DefaultsText['circuit_breaker'],
  mode: Mode,
): BreakerConfig | null {
  const layers = switched('off', own, shared)
  if (layers === null) return null
  const fallback = (typeof own === 'object' ? own.fallback : undefined) ?? null
  const answers = layers.flatMap(({ answer }) => (answer ? [answer] : []))
  const body = answers.find((each) => each.body !== undefined)?.body ?? ''
  const none = mode === 'tcp' || fallback !== null || answers.length === 0
  const answer = none ? null : { ...settle(answerNumbers, ...answers), body }
  return { ...settle(breakerNumbers, ...layers), fallback, answer }
}

/** Limits that others make pointless, and a queue that nobody can get into. Only about what the backend itself says. */
function checkLimits(
  { text, node }: FailuresInput,
  { config, servers }: { readonly config: FailuresConfig; readonly servers: readonly ServerConfig[] },
  problems: Problems,
): void {
  const total = config.maxConnections
  const perServer = text.max_connections_per_server ?? 0
  if (total > 0 && perServer > total) {
    const message = `max_connections_per_server does nothing: the backend as a whole has no more than ${total}`
    problems.add(keyPlace(node as MapNode, 'max_connections_per_server'), 'NO_EFFECT', message)
  }
  const limited = total > 0 || servers.some(({ maxConnections }) => maxConnections > 0)
  const wrong =
    servers.length === 0 || ['max_connections', 'max_connections_per_server'].some((key) => isWrong(text, node, key))
  if (text.queue !== undefined && !limited && !wrong) {
    const message = 'queue does nothing: without max_connections of the backend or of its servers nothing has to wait'
    problems.add(keyPlace(node as MapNode, 'queue'), 'NO_EFFECT', message)
  }
}

/** Written, and of no use as it is. */
const isWrong = (text: BackendText, node: Node, key: string): boolean =>
  child(node, key) !== undefined && text[key as keyof BackendText] === undefined

function checkRetry({ text, node, defaultsNode }: FailuresInput, config: FailuresConfig, problems: Problems): void {
  const own = child(node, 'retry')
  if (text.retry !== undefined && config.retries === 0) {
    problems.add(keyPlace(node as MapNode, 'retry'), 'NO_EFFECT', 'retry does nothing: retries is 0')
    return
  }
  const budget = child(own, 'budget') ?? child(child(defaultsNode, 'retry'), 'budget')
  if (budget && config.retry.budget === 0 && config.retries > 0) {
    const message = 'A budget of 0% leaves the few retries that are always allowed; for none at all, say "retries: 0"'
    problems.add(budget.place, 'UNWISE_RULE', message)
  }
}

function checkEjection({ text, node }: FailuresInput, { ejection }: FailuresConfig, problems: Problems): void {
  const own = child(node, 'ejection')
  if (typeof text.ejection !== 'object' || ejection === null || own?.kind !== 'map') return
  const { failures, errorRatio, latency } = ejection
  if (errorRatio !== 0 || latency !== 0) return
  if (failures === 0) {
    const message =
      'ejection does nothing: failures, error_ratio and latency are 0; to turn it off, say "ejection: off"'
    problems.add(keyPlace(node as MapNode, 'ejection'), 'NO_EFFECT', message)
  } else if (own.entries.has('min_requests')) {
    const message = 'min_requests does nothing: neither error_ratio nor latency is judged'
    problems.add(keyPlace(own, 'min_requests'), 'NO_EFFECT', message)
  }
}

function checkBreaker({ text, node }: FailuresInput, mode: Mode, problems: Problems): void {
  const own = child(node, 'circuit_breaker')
  if (typeof text.circuit_breaker !== 'object' || own?.kind !== 'map' || !own.entries.has('answer')) return
  const place = keyPlace(own, 'answer')
  if (own.entries.has('fallback')) {
    problems.add(place, 'BAD_VALUE', 'circuit_breaker takes a fallback or an answer, not both')
  } else if (mode === 'tcp') {
    problems.add(place, 'NO_EFFECT', 'answer does nothing in tcp mode')
  }
  const { status, body } = text.circuit_breaker.answer ?? {}
  if ((status === 204 || status === 304) && body) {
    problems.add(
      keyPlace(child(own, 'answer') as MapNode, 'body'),
      'NO_EFFECT',
      `body does nothing: a ${status} has none`,
    )
  }
}
