// The state of a running Weir as a person reads it: a line on the process, a table of frontends, a table of servers.
// Pure: the clock and the colours are handed in.
import type { BackendStatus, ServerStatus, Status } from '../control/admin/status.ts'
import type { HealthState } from '../model/states.ts'
import { right, table, tint, type Cell, type Colour, type Style } from './table.ts'

const stateColours: Readonly<Record<HealthState, Colour>> = { up: 'green', down: 'red', checking: 'yellow' }

export function statusText(status: Status, style: Style): string {
  const { version, pid, uptime, workers, connections, maxConnections } = status
  const state = status.draining ? 'stopping' : status.ready ? 'ready' : 'not ready'
  const listening = workers.filter((worker) => worker.state === 'listening').length
  const head = [
    `weir ${version}`,
    state,
    `pid ${pid}`,
    `up ${span(uptime)}`,
    `${listening}/${workers.length} workers`,
    `${count(connections)}/${count(maxConnections)} connections`,
    ...(status.countersSince === null ? [] : [`counters since ${status.countersSince.slice(0, 19)}Z`]),
    ...(status.shedding > 0 ? [`sheds ${status.shedding} %`] : []),
  ]
  const lines = [
    head.join(' · '),
    ...notices(status, style),
    '',
    ...frontendLines(status, style),
    '',
    ...serverLines(status, style),
    '',
  ]
  const trouble = status.backends.flatMap((backend) => backendLine(backend, style))
  return (trouble.length === 0 ? lines : [...lines, ...trouble, '']).join('\n')
}

/** What somebody should see to, a line each; mostly there is nothing. */
function notices({ certificates, drift }: Status, style: Style): string[] {
  const { placeholders, expiring, problems } = certificates
  const ending = expiring.map(({ name, daysLeft, notAfter, binds }) => {
    const when =
      daysLeft < 0 ? `ended on ${notAfter.slice(0, 10)}` : `ends in ${daysLeft} ${daysLeft === 1 ? 'day' : 'days'}`
    return {
      text: `certificate ${name} ${when} (${binds.join(', ')})`,
      colour: daysLeft < 3 ? ('red' as const) : ('yellow' as const),
    }
  })
  const lines = [
    ...placeholders.map((bind) => ({
      text: `${bind} has no certificate yet: a placeholder is served`,
      colour: 'red' as const,
    })),
    ...ending.slice(0, 5),
    ...(ending.length > 5
      ? [{ text: `and ${ending.length - 5} certificates more: weir cert list`, colour: 'yellow' as const }]
      : []),
    ...(problems.length > 0
      ? [
          {
            text: `${counted(problems.length, 'certificate file')} cannot be used: weir cert list`,
            colour: 'yellow' as const,
          },
        ]
      : []),
    ...(drift > 0
      ? [
          {
            text: `${counted(drift, 'change')} ${drift === 1 ? 'differs' : 'differ'} from the configuration: weir drift`,
            colour: 'yellow' as const,
          },
        ]
      : []),
  ]
  return lines.map(({ text, colour }) => tint(text, colour, style))
}

const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`

/** What a person has to know of a backend besides its servers; most have nothing to say. */
function backendLine(
  { name, inflight, maxConnections, queued, queueMax, breaker, panic }: BackendStatus,
  style: Style,
) {
  const full = maxConnections > 0 && inflight >= maxConnections
  const words = [
    ...(full ? [`full (${count(inflight)}/${count(maxConnections)})`] : []),
    ...(queued > 0 ? [`queue ${count(queued)}/${count(queueMax)}`] : []),
    ...(breaker === null || breaker === 'closed' ? [] : [`breaker ${breaker}`]),
    ...(panic ? ['panic: servers are used whatever their health'] : []),
  ]
  return words.length === 0 ? [] : [`${name}: ${tint(words.join(' · '), 'yellow', style)}`]
}

function frontendLines({ frontends }: Status, style: Style): string[] {
  const rows = frontends.flatMap(
    ({ name, mode, binds, paused, connections, connectionsTotal, requests, bytesIn, bytesOut }) =>
      binds.map(({ address, tls }, i): Cell[] => [
        {
          text: i === 0 ? `${name}${paused ? ' (paused)' : ''}` : '',
          ...(paused ? { colour: 'yellow' as const } : {}),
        },
        { text: address },
        { text: tls ? `${mode}+tls` : mode },
        ...(i === 0
          ? [count(connections), count(connectionsTotal), count(requests), size(bytesIn), size(bytesOut)]
          : []
        ).map(right),
      ]),
  )
  return table(['FRONTEND', 'BIND', 'MODE', 'CONNS', 'TOTAL', 'REQUESTS', 'IN', 'OUT'], rows, style)
}

/** The table of servers alone. */
export const serversText = (backends: readonly BackendStatus[], style: Style): string =>
  serverLines({ backends }, style).join('\n')

function serverLines({ backends }: Pick<Status, 'backends'>, style: Style): string[] {
  const rows = backends.flatMap(({ name, servers }) =>
    servers.map((server, i) => serverCells(i === 0 ? name : '', server, style)),
  )
  return table(
    [
      'BACKEND',
      'SERVER',
      'ADDRESS',
      'ZONE',
      'STATE',
      'SINCE',
      'LAST CHECK',
      'WEIGHT',
      'INFLIGHT',
      'CONNS',
      'REQUESTS',
      'ERRORS',
    ],
    rows,
    style,
  )
}

function serverCells(backend: string, server: ServerStatus, { now }: Style): Cell[] {
  const { name, address, state, since, lastResult, lastDuration, weight, connections, requests, errors } = server
  const check =
    lastResult === null ? '-' : `${lastResult}${lastDuration === null ? '' : ` (${Math.round(lastDuration)} ms)`}`
  return [
    { text: backend },
    { text: server.backup ? `${name} (${backupWords(server)})` : name },
    { text: address === name ? '' : address },
    { text: server.zone ?? '' },
    stateCell(server),
    { text: span((now - Date.parse(since)) / 1000) },
    { text: check, ...(state === 'down' ? { colour: 'red' as const } : {}) },
    right(count(weight)),
    inflightCell(server),
    ...[connections, requests].map((n) => right(count(n))),
    { ...right(count(errors)), ...(errors > 0 ? { colour: 'yellow' as const } : {}) },
  ]
}

/** The operator's wish comes first, then what the checks see, then what traffic shows. */
function stateCell({ admin, state, ejected }: ServerStatus): Cell {
  const seen = ejected ? (state === 'up' ? 'ejected' : `${state}, ejected`) : state
  if (admin !== 'ready') return { text: `${admin} (${seen})`, colour: 'yellow' }
  return { text: seen, colour: ejected && state === 'up' ? 'yellow' : stateColours[state] }
}

/** The first tier of backups has no number, since most have no other. */
const backupWords = ({ tier }: ServerStatus): string => (tier > 1 ? `backup, tier ${tier}` : 'backup')

function inflightCell({ inflight, maxConnections }: ServerStatus): Cell {
  if (maxConnections === 0) return right(count(inflight))
  const cell = right(`${count(inflight)}/${count(maxConnections)}`)
  return inflight >= maxConnections ? { ...cell, colour: 'yellow' } : cell
}

/** `45s`, `3m 12s`, `5h 3m`, `12d 4h`: the two largest units. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const parts = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'm'],
    [whole % 60, 's'],
  ] as const
  const first = parts.findIndex(([n]) => n > 0)
  if (first < 0) return '0s'
  return parts
    .slice(first, first + 2)
    .filter(([n], i) => i === 0 || n > 0)
    .map(([n, unit]) => `${n}${unit}`)
    .join(' ')
}

/** `1234`, `12.3k`, `4.56M`: at most four digits and a letter. */
export function count(n: number): string {
  return scaled(n, 1000, ['', 'k', 'M', 'G', 'T'])
}

/** The same for bytes, in powers of 1024. */
export function size(n: number): string {
  return scaled(n, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB'])
}

function scaled(n: number, base: number, units: readonly string[]): string {
  if (n < 10_000) return `${n}${units[0]}`
  let value = n
  let unit = 0
  while (value >= base && unit < units.length - 1) {
    value /= base
    unit++
  }
  return `${value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : value.toFixed(0)}${units[unit]}`
}
