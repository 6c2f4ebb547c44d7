// What `weir show` prints for people. Pure: answers in, text out.
import type { ErrorsAnswer } from '../control/admin/errors.ts'
import type { BackendStatus } from '../control/admin/status.ts'
import type { showConnections, showSessions } from '../control/runtime/traffic.ts'
import { count, span } from './status-text.ts'
import { right, table, type Cell, type Style } from './table.ts'

const MAX_LAST = 20

const limit = (n: number): string => (n === 0 ? '' : count(n))

export function backendsText(backends: readonly BackendStatus[], style: Style): string {
  const rows = backends.map((each): Cell[] => {
    const down = each.serversUp === 0
    return [
      { text: each.name },
      { text: each.mode },
      { text: each.balance },
      { ...right(`${each.serversUp}/${each.servers.length}`), ...(down ? { colour: 'red' as const } : {}) },
      right(count(each.inflight)),
      right(limit(each.maxConnections)),
      right(count(each.queued)),
      right(count(each.queueMax)),
      { text: each.breaker ?? '', ...(each.breaker === 'open' ? { colour: 'red' as const } : {}) },
      right(count(each.requests)),
    ]
  })
  const titles = ['BACKEND', 'MODE', 'BALANCE', 'UP', 'INFLIGHT', 'LIMIT', 'QUEUED', 'MAX', 'BREAKER', 'REQUESTS']
  return table(titles, rows, style).join('\n')
}

export function sessionsText(sessions: ReturnType<typeof showSessions>, style: Style): string {
  if (sessions.length === 0) return 'No backend keeps its clients on their servers.'
  const rows = sessions.map(({ backend, server, by, sessions: n, inflight }): Cell[] => [
    { text: `${backend}/${server}` },
    { text: by },
    right(n === null ? 'not counted' : count(n)),
    right(count(inflight)),
  ])
  return table(['SERVER', 'BY', 'SESSIONS', 'INFLIGHT'], rows, style).join('\n')
}

export function connectionsText(
  { found, connections }: Awaited<ReturnType<typeof showConnections>>,
  style: Style,
): string {
  const rows = connections.map(({ frontend, address, port, tls, state, server, worker }): Cell[] => [
    { text: frontend },
    { text: address === '' ? '-' : address.includes(':') ? `[${address}]:${port}` : `${address}:${port}` },
    { text: tls ? 'tls' : '' },
    { text: state },
    { text: server ?? '' },
    right(String(worker)),
  ])
  const more = found > connections.length ? `, the first ${connections.length} of them shown` : ''
  const head = `${found} ${found === 1 ? 'connection' : 'connections'}${more}`
  if (found === 0) return head
  return [head, '', ...table(['FRONTEND', 'CLIENT', 'TLS', 'STATE', 'SERVER', 'WORKER'], rows, style)].join('\n')
}

export function errorsText({ counts, last }: ErrorsAnswer, style: Style): string {
  if (counts.length === 0) return 'Nothing has failed.'
  const reasons = counts.map(({ frontend, reason, count: n, text }): Cell[] => [
    { text: frontend },
    { text: reason },
    right(count(n)),
    { text },
  ])
  const lines = table(['FRONTEND', 'REASON', 'COUNT', 'WHY'], reasons, style)
  const newest = (last ?? []).slice(0, MAX_LAST)
  if (newest.length === 0) return lines.join('\n')
  const failures = newest.map(({ at, reason, frontend, backend, server, address, status, request }): Cell[] => [
    { text: `${span((style.now - at) / 1000)} ago` },
    { text: reason },
    { text: status === 0 ? '' : String(status) },
    { text: frontend },
    { text: server === '' ? backend : `${backend}/${server}` },
    { text: address },
    { text: request },
  ])
  const titles = ['WHEN', 'REASON', 'STATUS', 'FRONTEND', 'SERVER', 'CLIENT', 'REQUEST']
  return [...lines, '', ...table(titles, failures, style)].join('\n')
}
