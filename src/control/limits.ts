// How many connections the process can hold, from its limit of file descriptors. Node raises the soft limit to the hard
// one when it starts, so the soft limit read here is all there is; a higher one has to come from the system
// (LimitNOFILE= of systemd, --ulimit of containers).
import { readFileSync } from 'node:fs'
import { waitingAtMost } from '../model/waiting.ts'

/** A proxied connection is a socket to the client and one to the server. */
const descriptorsPerConnection = 2
/** Past this, other limits are met first (memory, ports); also what stands for "unlimited". */
const mostConnections = 1_000_000

/** What else needs descriptors, besides the connections. */
export interface Needs {
  readonly workers: number
  readonly binds: number
}

/** Descriptors kept back: per worker its event loop, listeners and logs; the checks of the control plane; Node itself. */
function reservedDescriptors({ workers, binds }: Needs): number {
  return 128 + workers * (16 + binds)
}

/** Descriptors for so many connections from clients, those that wait for a place and all else included. */
export function descriptorsFor(connections: number, needs: Needs): number {
  const waiting = needs.workers * waitingAtMost(connections, needs.workers)
  return connections * descriptorsPerConnection + waiting + reservedDescriptors(needs)
}

/** Connections from clients that fit under a limit of descriptors; at least 1. */
export function connectionsUnder(limit: number, needs: Needs): number {
  let fits = 1
  for (let above = mostConnections + 1; above - fits > 1;) {
    const middle = Math.floor((fits + above) / 2)
    if (descriptorsFor(middle, needs) <= limit) fits = middle
    else above = middle
  }
  return fits
}

/** The limit of open file descriptors of this process; Infinity when there is none, null when it cannot be told. */
export function descriptorLimit(): number | null {
  try {
    return parseLimits(readFileSync('/proc/self/limits', 'utf8'))
  } catch {
    return reportedLimit()
  }
}

/** The soft limit in the text of /proc/self/limits (proc(5)). */
export function parseLimits(text: string): number | null {
  const soft = /^Max open files\s+(\S+)/m.exec(text)?.[1]
  if (soft === 'unlimited') return Infinity
  return soft === undefined || !/^\d+$/.test(soft) ? null : Number(soft)
}

/** Where there is no /proc. The report leaves out what would need the network. */
function reportedLimit(): number | null {
  Object.assign(process.report, { excludeNetwork: true })
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft: number | string } } }
  const soft = report.userLimits?.open_files?.soft
  return soft === 'unlimited' ? Infinity : typeof soft === 'number' ? soft : null
}
